package main

import (
	"bytes"
	"fmt"
)

// draw returns a picture of memory by the number of files, as SVG: straight
// axes, so that linear growth is a straight line.
func draw(all []growth) []byte {
	const (
		width, height            = 720, 400
		left, right, top, bottom = 60, 190, 20, 50 // margins
		mostFiles, mostMB        = 64_000, 200
	)
	x := func(files int) float64 { return left + (width-left-right)*float64(files)/mostFiles }
	y := func(mb float64) float64 { return height - bottom - (height-top-bottom)*mb/mostMB }
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for mb := 0; mb <= mostMB; mb += 50 {
		at := y(float64(mb))
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%d</text>`+"\n", left, at, width-right, left-8, at+4, mb)
	}
	for _, g := range all {
		at := x(g.files)
		fmt.Fprintf(&b, `<path d="M%.1f %dv5" stroke="#888"/>`+"\n", at, height-bottom)
		if g.files > 1000 { // it would be on top of the next
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", at, height-bottom+18, g.files)
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">files</text>`+"\n", left+(width-left-right)/2, height-12)
	fmt.Fprintf(&b, `<text x="16" y="%d" text-anchor="middle" transform="rotate(-90 16 %[1]d)">MB</text>`+"\n", top+(height-top-bottom)/2)
	for _, line := range []struct {
		name, colour string
		of           func(growth) int64
	}{
		{"bounce graph, peak", "#c33", func(g growth) int64 { return g.ask }},
		{"build, peak", "#36c", func(g growth) int64 { return g.build }},
		{"graph at rest", "#393", func(g growth) int64 { return g.rest }},
	} {
		mb := func(g growth) float64 { return float64(line.of(g)) / (1 << 20) }
		fmt.Fprintf(&b, `<path fill="none" stroke="%s" stroke-width="2" d="`, line.colour)
		for n, g := range all {
			fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(n, 1)], x(g.files), y(mb(g)))
		}
		b.WriteString(`"/>` + "\n")
		for _, g := range all {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x(g.files), y(mb(g)), line.colour)
		}
		last := all[len(all)-1]
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="%s">%s %.0f</text>`+"\n", x(last.files)+10, y(mb(last))+4, line.colour, line.name, mb(last))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
