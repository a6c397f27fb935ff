package pyruntime

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDescribe compares with what each interpreter at hand says to a person, and
// has it in a virtual environment too.
func TestDescribe(t *testing.T) {
	for version, python := range pythons(t) {
		t.Run(version, func(t *testing.T) {
			said, err := exec.Command(python, "--version").Output() // PyPy adds more
			if err != nil {
				t.Fatal(err)
			}
			got, err := Python{Path: python, Dir: t.TempDir(), Env: os.Environ()}.Describe(t.Context())
			want := Build{Implementation: "cpython", Version: strings.Fields(string(said))[1]}
			if strings.Contains(string(said), "PyPy") {
				want.Implementation = "pypy"
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			env := filepath.Join(t.TempDir(), "env")
			if out, err := exec.Command(python, "-m", "venv", "--without-pip", env).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			got, err = Python{Path: filepath.Join(env, "bin", "python"), Dir: t.TempDir(), Env: os.Environ()}.Describe(t.Context())
			if real, _ := filepath.EvalSymlinks(env); err != nil || got.Environment != env && got.Environment != real {
				t.Errorf("got %+v, %v, want environment %s", got, err, env)
			}
		})
	}
}

func TestDescribeNeedsAnInterpreter(t *testing.T) {
	_, err := Python{Path: "/bin/true", Dir: t.TempDir()}.Describe(context.Background())
	if err == nil || err.Error() != "/bin/true does not say which Python it is: it said nothing" {
		t.Errorf("got %v", err)
	}
}
