package classifier

import (
	"bytes"
	"fmt"
	"strings"
)

// Bounds of what is passed on of a program's standard error.
const (
	maxLine  = 1 << 10 // bytes; the rest of a longer line is left out
	maxLines = 50
)

// lines hands on what is written to it, a line at a time. It is owned by the
// goroutine that copies the output, and by Ask when that has ended.
type lines struct {
	each  func(string)
	part  []byte // of the line that is not ended yet
	count int
	last  string // that is not blank
}

func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		l.add(p[:i])
		l.end()
		p = p[i+1:]
	}
	l.add(p)
	return n, nil
}

func (l *lines) add(p []byte) {
	l.part = append(l.part, p[:min(len(p), maxLine-len(l.part))]...)
}

// end ends the line, if there is one.
func (l *lines) end() {
	text := strings.TrimSpace(strings.ToValidUTF8(string(l.part), "\ufffd"))
	l.part = l.part[:0]
	if text == "" {
		return
	}
	l.last = text
	if l.count++; l.each == nil || l.count > maxLines {
		return
	}
	if l.count == maxLines {
		text = "... (more is left out)"
	}
	l.each(text)
}

// words is the last line, as the end of a message.
func (l *lines) words() string {
	if l.last == "" {
		return ""
	}
	return fmt.Sprintf(": %s", l.last)
}
