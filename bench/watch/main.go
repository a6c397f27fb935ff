//go:build linux

// Watch measures the watcher by itself, beside other programs that watch files,
// on the same tree in the same run:
//
//	go run ./bench/watch
//
// Every program reports each time it would act by a line on a pipe, and the
// bench notes when the line came. Those that can only run a command run one
// that writes the line. Programs that cannot be had are left out with the
// reason. It needs Linux.
package main

import (
	"bounce/bench/internal/measure"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// quiet is the rest after which each program is to act, where that can be set.
const quiet = 20 * time.Millisecond

type options struct {
	files, dirs, saves int
	storm              int
	idle               time.Duration
	peers              bool
	watchexec          string
	only               string
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintf(os.Stderr, "watch: %s: %v\n", role, err)
			os.Exit(1)
		}
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "watch:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	flag.IntVar(&o.files, "files", 20000, "Python files in the tree")
	flag.IntVar(&o.dirs, "dirs", 1000, "directories in the tree")
	flag.IntVar(&o.saves, "n", 100, "saves per program")
	flag.IntVar(&o.storm, "storm", 10000, "files rewritten in the storm")
	flag.DurationVar(&o.idle, "idle", 15*time.Second, "how long to watch each idle program")
	flag.BoolVar(&o.peers, "peers", true, "install and measure other programs too")
	flag.StringVar(&o.watchexec, "watchexec", "watchexec", "the watchexec to measure; cargo install watchexec-cli makes one")
	flag.StringVar(&o.only, "only", "", "measure only this: programs, ready, overflow or polling")
	flag.Parse()
	if flag.NArg() > 0 || o.dirs < 10 || o.files < max(o.dirs, flooded) || o.saves < 1 || o.storm > o.files {
		return fmt.Errorf("want no arguments, 10 directories, a file in each and %d in all, a save and a storm within the tree; given %q and %+v", flooded, flag.Args(), o)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	home, err := os.MkdirTemp("", "bounce-watch-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	t, err := newTree(filepath.Join(home, "tree"), o.files, o.dirs)
	if err != nil {
		return err
	}
	fmt.Printf("%s, load %s\n%s, %d files in %d directories, %d saves, quiet %v\n", measure.Machine(), measure.LoadAverage(), time.Now().Format(time.DateOnly), o.files, o.dirs, o.saves, quiet)
	base, err := measureWalks(t)
	if err != nil {
		return err
	}
	base.print()
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"programs", func() error { return measurePrograms(ctx, o, home, t) }},
		{"ready", func() error { return measureReady(home, t, base) }},
		{"overflow", func() error { return measureOverflow(home, t, base) }},
		{"polling", func() error { return measurePolling(o, home, t) }},
	} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.measure(); err != nil {
			return err
		}
	}
	return nil
}

// measurePrograms measures one program after the other and prints them as a
// table.
func measurePrograms(ctx context.Context, o options, home string, t *tree) error {
	var rows []*row
	for _, p := range programs(o) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		dir := filepath.Join(home, p.name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if p.install != nil {
			if err := p.install(ctx, dir); err != nil {
				fmt.Printf("\n%s is left out: it cannot be had: %v\n", p.name, err)
				continue
			}
		}
		r, err := measureProgram(ctx, o, p, dir, t)
		if err != nil {
			fmt.Printf("\n%s is left out: %v\n", p.name, err)
			continue
		}
		rows = append(rows, r)
	}
	printRows(rows)
	fmt.Println()
	return nil
}
