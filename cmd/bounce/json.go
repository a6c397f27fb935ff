package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"bounce/internal/agent"
)

// encoder writes values as JSON that is safe to print: encoding/json leaves
// DEL, C1 control characters and those of the direction of text as they are,
// which a terminal acts on. As escapes they mean the same to a program.
type encoder struct {
	w      io.Writer
	buf    bytes.Buffer
	encode *json.Encoder
}

// newLineEncoder writes one value a line.
func newLineEncoder(w io.Writer) *encoder {
	e := &encoder{w: w}
	e.encode = json.NewEncoder(&e.buf)
	e.encode.SetEscapeHTML(false)
	return e
}

// Encode writes a value, whole and in one write.
func (e *encoder) Encode(v any) error {
	e.buf.Reset()
	if err := e.encode.Encode(v); err != nil {
		return err
	}
	_, err := e.w.Write(escaped(e.buf.Bytes()))
	return err
}

func writeJSON(w io.Writer, v any) error {
	e := newLineEncoder(w)
	e.encode.SetIndent("", "  ")
	return e.Encode(v)
}

// escapes makes JSON that somebody else wrote safe to print.
type escapes struct{ w io.Writer }

func (e escapes) Write(p []byte) (int, error) {
	if _, err := e.w.Write(escaped(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// escaped returns JSON with those characters as \u escapes: outside of texts
// there are none.
func escaped(data []byte) []byte {
	acts := func(r rune) bool { return r >= 0x7f && agent.Unprintable(r) } // others JSON has escaped
	if !bytes.ContainsFunc(data, acts) {
		return data
	}
	out := make([]byte, 0, len(data)+16)
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if acts(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, data[:n]...)
		}
		data = data[n:]
	}
	return out
}
