package treesitter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEncodings compares with ast what is found in a source in each encoding
// that Python knows.
func TestEncodings(t *testing.T) {
	files := oracle(t, "encodings.py", []string{t.TempDir()}, nil)
	if len(files) < 70 {
		t.Fatalf("sources in %d encodings: the test says little", len(files))
	}
	var names []string
	for _, name := range files {
		names = append(names, string(name))
	}
	for i, line := range oracle(t, "statements.py", nil, names) {
		src, err := os.ReadFile(names[i])
		if err != nil {
			t.Fatal(err)
		}
		var want []json.RawMessage
		if err := json.Unmarshal(line, &want); err != nil || want == nil {
			t.Fatalf("%s: %v: %s", names[i], err, line)
		}
		var all []string
		for _, w := range want {
			all = append(all, string(w))
		}
		facts := Extract(src)
		if facts.Err != nil && readable(src) {
			t.Errorf("%s: line %d: %v", filepath.Base(names[i]), facts.Err.Line, facts.Err)
		}
		if got := statementsOf(facts); !slices.Equal(got, all) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", filepath.Base(names[i]), strings.Join(got, "\n  "), strings.Join(all, "\n  "))
		}
	}
}

func TestEncodingOf(t *testing.T) {
	for _, test := range []struct {
		src, want string
		readable  bool
	}{
		{"", "", true},
		{"# coding: Shift-JIS\n", "shift_jis", false},
		{"#!/usr/bin/python\r\n# -*- coding: SJIS -*-\r\n", "sjis", false},
		{"\f\t# vim: set fileencoding=big5 :\rx", "big5", false},
		{"\n#coding=cp932", "cp932", false},
		{"\n\n# coding: gbk\n", "", true},
		{"x = 1\n# coding: gbk\n", "", true},
		{"'''\n# coding: gbk\n'''", "", true},
		{"# coding: latin-1\n# coding: gbk\n", "latin_1", true},
		{"# coding: iso-2022-jp\n", "iso_2022_jp", false},
		{"# decoding: is\n", "is", true},
		{"# coding:\n", "", true},
	} {
		if got := encodingOf([]byte(test.src)); got != test.want {
			t.Errorf("%q: encoding %q, want %q", test.src, got, test.want)
		}
		if got := readable([]byte(test.src)); got != test.readable {
			t.Errorf("%q: readable is %v", test.src, got)
		}
	}
}
