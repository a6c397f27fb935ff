// Package lines splits what programs print into lines.
package lines

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// Max is how many bytes a line may have before it is split: a program that
// prints no line ends must not fill the memory.
const Max = 16 << 10

// Read calls each for every line until r ends or fails; text is valid during the
// call. A line ends in LF or CR LF, or where it is too long, which split says.
func Read(r io.Reader, each func(text []byte, split bool)) {
	buf := make([]byte, 0, 2*Max)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		rest := buf
		for {
			i := bytes.IndexByte(rest, '\n')
			if i < 0 && len(rest) <= Max {
				break
			}
			if i < 0 || i > Max {
				cut := splitAt(rest)
				each(rest[:cut], true)
				rest = rest[cut:]
				continue
			}
			each(bytes.TrimSuffix(rest[:i], []byte("\r")), false)
			rest = rest[i+1:]
		}
		buf = buf[:copy(buf, rest)]
		if err != nil {
			if len(buf) > 0 {
				each(buf, false)
			}
			return
		}
	}
}

// splitAt returns where a line that is too long is split: not within a
// character, unless it is none of UTF-8.
func splitAt(line []byte) int {
	for cut := Max; cut > Max-utf8.UTFMax; cut-- {
		if utf8.RuneStart(line[cut]) {
			return cut
		}
	}
	return Max
}
