package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdOther builds another bounce of these sources into a directory, of a version,
// and if a number is given, with shims that speak that protocol.
func cmdOther(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: other DIR VERSION [PROTOCOL]")
	}
	root := ts.Getenv("REPO")
	words := []string{"build", "-ldflags", "-X main.version=" + args[1], "-o", filepath.Join(ts.MkAbs(args[0]), "bounce")}
	if len(args) == 3 {
		words = append(words, "-overlay", otherProtocol(ts, root, args[2]))
	}
	cmd := exec.Command("go", append(words, "./cmd/bounce")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("go %s: %v\n%s", strings.Join(words, " "), err, out)
	}
}

var protocolOfShims = regexp.MustCompile(`(?m)^const protocol = \d+$`)

// otherProtocol returns a file for go build -overlay.
func otherProtocol(ts *testscript.TestScript, root, number string) string {
	file := filepath.Join(root, "internal", "shim", "frame_linux.go")
	src, err := os.ReadFile(file)
	ts.Check(err)
	if !protocolOfShims.Match(src) {
		ts.Fatalf("%s has no line %s", file, protocolOfShims)
	}
	dir, err := os.MkdirTemp(ts.Getenv("TMPDIR"), "overlay")
	ts.Check(err)
	other := filepath.Join(dir, "frame.go")
	ts.Check(os.WriteFile(other, protocolOfShims.ReplaceAll(src, []byte("const protocol = "+number)), 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: other}})
	ts.Check(err)
	name := filepath.Join(dir, "overlay.json")
	ts.Check(os.WriteFile(name, overlay, 0o600))
	return name
}
