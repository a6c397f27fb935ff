//go:build linux

package main

import (
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
		program{name: "watchfiles", words: "step 20ms", quiet: quiet, install: pip("watchfiles==1.3.0"),
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
		program{name: "air", words: "delay 20ms", quiet: quiet, install: goInstall("github.com/air-verse/air@v1.67.4"),
			command: func(dir string, t *tree, pipe string) ([]string, []string, error) {
				config := fmt.Sprintf("root = %q\ntmp_dir = %q\n[build]\ncmd = %q\nbin = \"true\"\nfull_bin = \"true\"\ndelay = 20\ninclude_ext = [\"py\"]\n",
					t.dir, filepath.Join(dir, "tmp"), poke(pipe))
				file := filepath.Join(dir, "air.toml")
				return []string{filepath.Join(dir, "air"), "-c", file}, nil, os.WriteFile(file, []byte(config), 0o644)
			}},
		program{name: "entr", words: "as it is", install: debian("entr"),
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

func goInstall(pkg string) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		cmd := exec.CommandContext(ctx, "go", "install", pkg)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off")
		return quietly(cmd)
	}
}

func pip(requirement string) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		venv := filepath.Join(dir, "venv")
		if err := quietly(exec.CommandContext(ctx, "python3", "-m", "venv", venv)); err != nil {
			return err
		}
		return quietly(exec.CommandContext(ctx, filepath.Join(venv, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", requirement))
	}
}

// debian unpacks a package without installing it.
func debian(name string) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		cmd := exec.CommandContext(ctx, "sh", "-c", "apt-get download "+name+" && dpkg-deb -x *.deb .")
		cmd.Dir = dir
		return quietly(cmd)
	}
}

// quietly runs a command and gives the last line that it said with its error.
func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(lines[len(lines)-1]))
}
