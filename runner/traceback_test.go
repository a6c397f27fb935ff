package runner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestTraceback(t *testing.T) {
	archive, err := txtar.ParseFile("../testdata/runner/tracebacks.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) {
			got := "none"
			if trace, ok := parseTraceback(strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")); ok {
				got = fmt.Sprintf("%s %s:%d", trace.class, trace.file, trace.line)
			}
			if want, _, _ := strings.Cut(f.Name, ": "); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func FuzzTraceback(f *testing.F) {
	archive, err := txtar.ParseFile("../testdata/runner/tracebacks.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		f.Add(string(file.Data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		trace, ok := parseTraceback(strings.Split(text, "\n"))
		if ok && noModule.MatchString(trace.text) {
			return // said without a file and, in short, without the class
		}
		if ok && (trace.class == "" || trace.file == "" || !strings.Contains(text, trace.class)) {
			t.Errorf("%+v", trace)
		}
	})
}
