//go:build linux

package main

import (
	"bounce/bench/internal/measure"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program is one that watches files.
type program struct {
	name  string
	words string // its setting
	// quiet is the rest, or delay, after which it acts.
	quiet   time.Duration
	install func(ctx context.Context, dir string) error // nil: it is there
	// command returns what to run, and its environment beside ours. dir is its
	// own; lines go to pipe.
	command func(dir string, t *tree, pipe string) (argv, env []string, err error)
	// tells: it reports when it is ready, by a first line.
	tells bool
}

func programs(o options) []program {
	all := []program{
		role("bounce", "quiet 20ms", nil),
		role("fsnotify", "alone, rest 20ms", nil),
	}
	if !o.peers {
		return all
	}
	return append(all,
		program{name: "watchfiles", words: "step 20ms", quiet: quiet, install: measure.Pip("watchfiles==1.3.0"),
			command: func(dir string, t *tree, pipe string) ([]string, []string, error) {
				code := "import sys, watchfiles\nout = open(sys.argv[2], 'w', buffering=1)\n" +
					"for changes in watchfiles.watch(sys.argv[1], step=20, recursive=True):\n    print(len(changes), file=out)\n"
				return []string{filepath.Join(dir, "venv", "bin", "python"), "-c", code, t.dir, pipe}, nil, nil
			}},
		program{name: "watchexec", words: "debounce 20ms", quiet: quiet,
			install: func(context.Context, string) error { _, err := exec.LookPath(o.watchexec); return err },
			command: func(_ string, t *tree, pipe string) ([]string, []string, error) {
				return []string{o.watchexec, "--quiet", "--postpone", "--debounce", "20ms", "--watch", t.dir, "--shell", "none", "--", "sh", "-c", poke(pipe)}, nil, nil
			}},
		program{name: "air", words: "delay 20ms", quiet: quiet, install: measure.GoInstall("github.com/air-verse/air@v1.67.4"),
			command: func(dir string, t *tree, pipe string) ([]string, []string, error) {
				config := fmt.Sprintf("root = %q\ntmp_dir = %q\n[build]\ncmd = %q\nbin = \"true\"\nfull_bin = \"true\"\ndelay = 20\ninclude_ext = [\"py\"]\n",
					t.dir, filepath.Join(dir, "tmp"), poke(pipe))
				file := filepath.Join(dir, "air.toml")
				return []string{filepath.Join(dir, "air"), "-c", file}, nil, os.WriteFile(file, []byte(config), 0o644)
			}},
		program{name: "entr", words: "as it is", install: measure.Debian("entr"),
			command: func(dir string, t *tree, pipe string) ([]string, []string, error) {
				list := filepath.Join(dir, "files")
				if err := os.WriteFile(list, []byte(strings.Join(t.files, "\n")+"\n"), 0o644); err != nil {
					return nil, nil, err
				}
				entr := filepath.Join(dir, "usr", "bin", "entr")
				return []string{"sh", "-c", fmt.Sprintf("exec %s -n -p sh -c '%s' <%s", entr, poke(pipe), list)}, nil, nil
			}},
	)
}

// poke is the command that writes a line.
func poke(pipe string) string { return "echo 0 >" + pipe }

// role is a program that this one plays.
func role(name, words string, env []string) program {
	return program{name: name, words: words, quiet: quiet, tells: true,
		command: func(_ string, t *tree, pipe string) ([]string, []string, error) {
			self, err := os.Executable()
			return []string{self}, append(env, roleVariable+"="+name, treeVariable+"="+t.dir, pipeVariable+"="+pipe), err
		}}
}
