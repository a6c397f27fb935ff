//go:build cgo

package treesitter

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestCheck runs the cases of testdata/treesitter/check.txt.
func TestCheck(t *testing.T) {
	text, err := os.ReadFile("../testdata/treesitter/check.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Split(string(text), "--\n")[1:] {
		src, want, ok := strings.Cut(c, "=> ")
		if !ok {
			t.Fatalf("no answer in %q", c)
		}
		want = strings.TrimSpace(want)
		got := "ok"
		if e := Check([]byte(unescape([]byte(src)))); e != nil {
			got = fmt.Sprint(e.Line, " ", e.Text)
		}
		if want == "ok" && got != "ok" || !strings.HasPrefix(got, want) {
			t.Errorf("Check(%q) = %s, want %s", src, got, want)
		}
	}
}
