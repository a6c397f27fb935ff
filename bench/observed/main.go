//go:build linux

// Observed measures what the start-up hook costs a service: the CPU time of its
// start, and its memory when it has loaded everything, with the hook and without
// in turn:
//
//	go run ./bench/observed
//
// The processes are those of the projects in testdata/python, as they are up to
// the first request: each loads its application and ends. CPU time, since that
// of the clock is a matter of what else the machine does.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"bounce/bench/internal/measure"
	"bounce/internal/pyruntime/observe"
)

// programs are what is started, each in a project.
var programs = []struct{ name, dir, code string }{
	{"python -c pass", "shop", ""},
	{"FastAPI", "web", "from web.api import app"},
	{"Django", "django", "import mill.wsgi"},
	{"Celery", "django", "from mill.celery import app; app.loader.import_default_modules()"},
	{"1,000,000 audited events", "shop", "for _ in range(1000000): id(_)"},
}

// last prints what the process has used most.
const last = "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "observed:", err)
		os.Exit(1)
	}
}

func run() error {
	python := flag.String("python", "build/venv/bin/python", "the Python, with the packages of testdata/python/requirements.txt")
	rounds := flag.Int("n", 40, "starts of each kind")
	flag.Parse()
	if flag.NArg() > 0 || *rounds < 1 {
		return fmt.Errorf("want no arguments and a start; given %q and %d", flag.Args(), *rounds)
	}
	path, err := filepath.Abs(*python)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	home, err := os.MkdirTemp("", "bounce-observed-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	hook, err := observe.Open(filepath.Join(home, "hook"))
	if err != nil {
		return err
	}

	fmt.Printf("%s, load %s\n%s, %d starts of each kind, in turn\n\n", measure.Machine(), measure.LoadAverage(), time.Now().Format(time.DateOnly), *rounds)
	table := measure.NewTable("", "CPU without, least", "p50", "with, least", "p50", "files told", "memory without", "with")
	for _, p := range programs {
		dir, err := filepath.Abs(filepath.Join("testdata", "python", p.dir))
		if err != nil {
			return err
		}
		b := bench{python: path, dir: dir, code: p.code + last}
		if err := b.run(ctx, hook, *rounds); err != nil {
			return fmt.Errorf("cannot measure %s: %w", p.name, err)
		}
		without, with := b.took[0], b.took[1]
		table.Row(p.name, measure.MS(without.At(0)), measure.MS(without.Median()), measure.MS(with.At(0)), measure.MS(with.Median()), fmt.Sprint(b.files),
			fmt.Sprintf("%.1f MiB", median(b.memory[0])), fmt.Sprintf("%.1f MiB", median(b.memory[1])))
	}
	table.Print()
	return nil
}

// bench is one program, without the hook and with it.
type bench struct {
	python, dir, code string

	took   [2]measure.Figures
	memory [2][]float64 // most of each, in MiB
	files  int          // that were told
}

// median returns the middle one; sorting all.
func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

func (b *bench) run(ctx context.Context, hook *observe.Hook, rounds int) error {
	for n := range rounds + 1 {
		for kind := range 2 {
			env := append(os.Environ(), "PYTHONDONTWRITEBYTECODE=")
			var spool *observe.Spool
			if kind == 1 {
				var err error
				if spool, err = hook.Spool("bench", n, observe.Options{Roots: []string{b.dir}}); err != nil {
					return err
				}
				env = append(env, spool.Environ(env)...)
			}
			took, used, err := b.start(ctx, env)
			if err != nil {
				return err
			}
			if spool != nil {
				if err := b.read(spool); err != nil {
					return err
				}
			}
			if n == 0 {
				continue // bytecode is written, and files come into memory
			}
			b.took[kind] = append(b.took[kind], took)
			b.memory[kind] = append(b.memory[kind], used)
		}
	}
	return nil
}

// start runs the program to its end, and returns the CPU time that took and the
// most memory it had, in MiB.
func (b *bench) start(ctx context.Context, env []string) (time.Duration, float64, error) {
	cmd := exec.CommandContext(ctx, b.python, "-c", b.code)
	cmd.Dir, cmd.Env = b.dir, env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, stderr.String())
	}
	lines := strings.Fields(string(out))
	var kib float64
	if _, err := fmt.Sscan(lines[len(lines)-1], &kib); err != nil {
		return 0, 0, err
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), kib / 1024, nil
}

// read counts what was told, so that a hook that did nothing is not measured.
func (b *bench) read(spool *observe.Spool) error {
	told, err := spool.Read()
	if err == nil && len(told.Pythons) == 0 {
		err = errors.New("the hook did not run")
	}
	b.files = len(told.Executed)
	return errors.Join(err, spool.Remove())
}
