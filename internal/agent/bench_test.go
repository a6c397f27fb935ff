package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/installed"
	"bounce/internal/pyruntime"
	"bounce/internal/pyruntime/observe"
	"bounce/watcher"
)

// BenchmarkTurn is what a saved file costs between the watcher and the runner:
// reading it, the graph, what each service can load, the decision. The services
// start at files of their own and reach every module, so that each of them
// restarts. Every second save moves all lines and adds an import.
func BenchmarkTurn(b *testing.B) {
	for _, size := range []struct{ files, services int }{{100, 1}, {5000, 1}, {5000, 20}} {
		b.Run(fmt.Sprintf("files=%d/services=%d", size.files, size.services), func(b *testing.B) {
			p, edited := benchProject(b, size.files, size.services)
			var took []time.Duration
			b.ReportAllocs()
			for n := 1; b.Loop(); n++ {
				src := moduleSource(size.files-1, size.files, n)
				if n%2 == 0 {
					src = append(fmt.Appendf(nil, "import m%d\n", n%size.files), src...)
				}
				if err := os.WriteFile(edited.abs, src, 0o644); err != nil {
					b.Fatal(err)
				}
				start := time.Now()
				c, err := p.content.Read(edited.path)
				if err != nil {
					b.Fatal(err)
				}
				batch := watcher.Batch{Seq: uint64(n), Changes: []watcher.Change{{Path: edited.path, Kind: watcher.Modified, Old: p.files[edited.path], New: c.Hash}}}
				before, after, _ := p.update(b.Context(), batch)
				in := decider.Input{Batch: batch, Before: before, After: after}
				for _, name := range after.names() {
					last := before.services[name].version
					in.Services = append(in.Services, decider.Service{Name: name, Up: true, Now: after.services[name].version, Last: &last})
				}
				if plan := decider.Decide(in); len(plan.Steps) != size.services {
					b.Fatalf("the edit restarts %d services, not all %d", len(plan.Steps), size.services)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1000, "median-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
		})
	}
}

// BenchmarkObserved is what an edit that no service loads costs the graph and
// the services, when all that they load was observed too: 8 services of 5,000
// files each.
func BenchmarkObserved(b *testing.B) {
	const files, services = 5000, 8
	p, _ := benchProject(b, files, services)
	loaded := map[string]bool{}
	for i := range files {
		loaded[fmt.Sprintf("m%d.py", i)] = false
	}
	seen := map[string]*sightings{}
	for name, r := range p.view.services {
		seen[name] = (*sightings)(nil).with(r.service.sightingKey(), 1, loaded, nil, true)
	}
	p.observed(seen)
	other := filepath.Join(p.config.Dir, "other.py")
	b.ReportAllocs()
	for n := 1; b.Loop(); n++ {
		if err := os.WriteFile(other, fmt.Appendf(nil, "N = %d\n", n), 0o644); err != nil {
			b.Fatal(err)
		}
		c, err := p.content.Read("other.py")
		if err != nil {
			b.Fatal(err)
		}
		p.update(b.Context(), watcher.Batch{Seq: uint64(n), Changes: []watcher.Change{{Path: "other.py", Kind: watcher.Modified, Old: p.files["other.py"], New: c.Hash}}})
	}
}

// BenchmarkNeeds is what it costs to say how 20 services that each load 4,000
// modules come to load each of 81 distributions, as after an upgrade of all.
func BenchmarkNeeds(b *testing.B) {
	const files, services, distributions = 4000, 20, 81
	p, _ := benchProject(b, files, services)
	site := filepath.Join(b.TempDir(), "site-packages")
	for i := range distributions {
		// All but the first are there by what requires them.
		benchDistribution(b, site, i, fmt.Sprintf("Requires-Dist: d%d\n", i+1), fmt.Sprintf("d%d.py", i))
	}
	last := fmt.Sprintf("m%d.py", files-1)
	src := append([]byte("import d0\n"), moduleSource(files-1, files, 1)...)
	if err := os.WriteFile(filepath.Join(p.config.Dir, last), src, 0o644); err != nil {
		b.Fatal(err)
	}
	c, err := p.content.Read(last)
	if err != nil {
		b.Fatal(err)
	}
	p.update(b.Context(), watcher.Batch{Seq: 1, Changes: []watcher.Change{{Path: last, Kind: watcher.Modified, Old: p.files[last], New: c.Hash}}})
	env := p.installs.read([]string{site})
	var with []*service
	for _, r := range p.view.services {
		s := *r.service
		s.search.installed = env.Environment
		with = append(with, &s)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.replace(with...)
		for _, name := range p.view.names() {
			for i := range distributions {
				if chain := p.view.Needs(name, fmt.Sprintf("d%d", i)); len(chain) < i+2 {
					b.Fatalf("%s needs d%d by %v", name, i, chain)
				}
			}
		}
	}
}

type editedFile struct{ path, abs string }

// benchProject is a tree of modules in which module i imports 2i+1 and 2i+2,
// and services each of which starts at a file that imports module 0. It returns
// the file that is edited: the last module.
func benchProject(b *testing.B, files, services int) (*Project, editedFile) {
	b.Helper()
	dir := b.TempDir()
	config := "services:\n"
	for i := range services {
		config += fmt.Sprintf("  s%02d: {run: [\"true\"], entry: [s%[1]d]}\n", i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("s%d.py", i)), []byte("import m0\n"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bounce.yaml"), []byte(config), 0o644); err != nil {
		b.Fatal(err)
	}
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("m%d.py", i)), moduleSource(i, files, 0), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	cfg, err := configs.Load(filepath.Join(dir, "bounce.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	p, err := Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	p.content.checkSyntax()
	last := fmt.Sprintf("m%d.py", files-1)
	return p, editedFile{last, filepath.Join(dir, last)}
}

func moduleSource(i, files, revision int) []byte {
	src := fmt.Appendf(nil, "\"\"\"Module %d.\"\"\"\n", i)
	for _, to := range []int{2*i + 1, 2*i + 2} {
		if to < files {
			src = fmt.Appendf(src, "import m%d\n", to)
		}
	}
	src = fmt.Appendf(src, "\nREVISION = %d\n", revision)
	for f := range 12 {
		src = fmt.Appendf(src, "\n\ndef handler_%d(request, limit=%d):\n    rows = [r for r in request if r.value > limit]\n    return {\"count\": len(rows), \"first\": rows[:1]}\n", f, f)
	}
	return src
}

// BenchmarkPlace is what it takes, once for each generation, to find the
// distributions of what it has told: 2,000 modules of 80.
func BenchmarkPlace(b *testing.B) {
	const modules, distributions = 2000, 80
	site := filepath.Join(b.TempDir(), "site-packages")
	for i := range distributions {
		benchDistribution(b, site, i, "", fmt.Sprintf("d%d/__init__.py", i))
	}
	path := &pyruntime.SearchPath{Sites: []string{site}, Library: "/usr/lib/python3.12"}
	s := &service{search: search{path: path, installed: installed.NewEnvironment(installed.Read(site, nil))}}
	var told []observe.Module
	for i := range modules {
		name := fmt.Sprintf("d%d/part/m%d", i%distributions, i)
		told = append(told, observe.Module{Name: strings.ReplaceAll(name, "/", "."), File: filepath.Join(site, name+".py")})
	}
	b.ReportAllocs()
	for b.Loop() {
		v := newVoice(&observe.Spool{}, false)
		v.others = told
		if v.place(s, nil); len(v.packages) != distributions {
			b.Fatalf("%d distributions are found", len(v.packages))
		}
	}
}

// benchDistribution installs the distribution of a number, with more of its
// metadata and one file.
func benchDistribution(b *testing.B, site string, i int, more, file string) {
	b.Helper()
	info := filepath.Join(site, fmt.Sprintf("d%d-1.dist-info", i))
	if err := os.MkdirAll(info, 0o755); err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{
		"METADATA": fmt.Sprintf("Name: d%d\nVersion: 1\n", i) + more,
		"RECORD":   file + ",sha256=a,1\n",
	} {
		if err := os.WriteFile(filepath.Join(info, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}
