//go:build linux

// Reload measures how long it takes from a save to the first answer that comes
// from the new code, of bounce beside the reloaders that people use, on the same
// projects in the same run:
//
//	go run ./bench/reload -bounce build/bounce
//
// A project is a directory below projects. Its case.json names the file that is
// edited, how the service is asked for its revision, and the other reloaders; each
// bounce-VARIANT.yaml beside it is one way to run it with bounce. All contenders
// run at once, each on a copy of its own, and take turns: in each round every one
// of them, in random order, has its copy edited and is asked until the new revision
// comes. So what is compared was measured within seconds, and ratios are those of
// rounds.
//
// What the projects need is installed into a virtual environment of its own below
// build. It needs Linux and Python. It prints verdicts against the targets and exits
// 0 whatever they are: a busy machine is no fault of the program.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bounce/bench/internal/measure"
)

//go:embed requirements.txt
var requirements []byte

type options struct {
	bounce, build, only string
	rounds, warmups     int
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "reload:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	flag.StringVar(&o.bounce, "bounce", "build/bounce", "the program to measure")
	flag.StringVar(&o.build, "build", "build/reload", "where the virtual environment of the projects is kept")
	flag.StringVar(&o.only, "only", "", "the one project to measure; all when empty")
	flag.IntVar(&o.rounds, "n", 20, "rounds that count")
	flag.IntVar(&o.warmups, "warmup", 4, "rounds before those")
	flag.Parse()
	if o.rounds < 1 || o.warmups < 0 || flag.NArg() > 0 {
		return fmt.Errorf("-n is %d, -warmup %d, and arguments are %q; want at least 1, at least 0 and none", o.rounds, o.warmups, flag.Args())
	}
	for _, path := range []*string{&o.bounce, &o.build} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = absolute
	}
	version, err := exec.Command(o.bounce, "version").Output()
	if err != nil {
		return fmt.Errorf("cannot run %s, which make build makes: %w", o.bounce, err)
	}
	cases, err := loadCases(o.only)
	if err != nil {
		return err
	}
	os.Unsetenv("PYTHONDONTWRITEBYTECODE") // some images set it, and people do not
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	venv, err := install(ctx, o.build)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bounce-reload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s\n%s\n%s, %d rounds, load average %s\n",
		strings.TrimSpace(string(version)), measure.Machine(), time.Now().Format(time.DateOnly), o.rounds, measure.LoadAverage())
	for _, c := range cases {
		if err := bench(ctx, o, c, venv, filepath.Join(dir, c.name)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// install makes the virtual environment in dir, if it is not there, and returns its
// directory of programs.
func install(ctx context.Context, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return "", err
	}
	if err := measure.Pip("-r"+list)(ctx, dir); err != nil {
		return "", fmt.Errorf("cannot install what the projects need into %s: %w", dir, err)
	}
	return filepath.Join(dir, "venv", "bin"), nil
}

// bench measures all contenders on one project and prints what came of it.
func bench(ctx context.Context, o options, c project, bin, dir string) (err error) {
	var all []*contender
	defer func() {
		for _, x := range all {
			err = errors.Join(err, x.stop())
		}
	}()
	fmt.Printf("\n## %s\n\n", c.Title)
	for i, p := range c.programs(o.bounce) {
		x, err := start(ctx, c, p, bin, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			if p.variant && ctx.Err() == nil {
				fmt.Printf("%s is left out: %.200s\n\n", p.name, err)
				continue
			}
			return fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, x)
	}
	if err := rounds(ctx, all, o.warmups, o.rounds); err != nil {
		return err
	}
	report(c, all)
	return nil
}
