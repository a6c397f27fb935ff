//go:build linux

package main

import (
	"bounce/bench/internal/measure"
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// line is one report of a program.
type line struct {
	at    time.Time
	count int
}

// watching is a program at work on the tree.
type watching struct {
	cmd   *exec.Cmd
	lines chan line
	pipe  *os.File
	began time.Time
	ready time.Duration
}

// patience is how long any report may take.
const patience = 20 * time.Second

var errSilent = errors.New("it does not report")

// start runs a program until it reports changes.
func start(p program, dir string, t *tree) (*watching, error) {
	name := filepath.Join(dir, "pipe")
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		return nil, err
	}
	argv, env, err := p.command(dir, t, name)
	if err != nil {
		return nil, err
	}
	// Open for writing too, so that it never ends.
	pipe, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	w := &watching{lines: make(chan line, 1<<16), pipe: pipe}
	go func() {
		defer close(w.lines)
		for in := bufio.NewScanner(pipe); in.Scan(); {
			n, _ := strconv.Atoi(strings.TrimSpace(in.Text()))
			w.lines <- line{time.Now(), n}
		}
	}()
	w.cmd = exec.Command(argv[0], argv[1:]...)
	w.cmd.Dir, w.cmd.Env = t.dir, append(os.Environ(), env...)
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.began = time.Now()
	if err := w.cmd.Start(); err != nil {
		pipe.Close()
		return nil, err
	}
	if err := w.untilReady(p, t); err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

// untilReady waits for the first line of a program that says when it is ready,
// and edits a file until it is reported for one that does not.
func (w *watching) untilReady(p program, t *tree) error {
	if p.tells {
		l, ok := w.next(patience)
		if !ok {
			return errSilent
		}
		w.ready = l.at.Sub(w.began)
		w.drain()
		return nil
	}
	for time.Since(w.began) < patience {
		at, err := t.edit(0)
		if err != nil {
			return err
		}
		pause := 30 * time.Millisecond
		if time.Since(w.began) > 2*time.Second {
			pause = 300 * time.Millisecond // entr waits for an end of the edits
		}
		if _, ok := w.next(pause); ok {
			w.ready = at.Sub(w.began)
			w.drain()
			return nil
		}
	}
	return errSilent
}

// next waits for a line.
func (w *watching) next(d time.Duration) (line, bool) {
	select {
	case l, ok := <-w.lines:
		return l, ok
	case <-time.After(d):
		return line{}, false
	}
}

// drain takes lines until none comes for a while.
func (w *watching) drain() (n int) {
	for {
		if _, ok := w.next(700 * time.Millisecond); !ok {
			return n
		}
		n++
	}
}

func (w *watching) stop() {
	_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL)
	_ = w.cmd.Wait() // killed
	w.pipe.Close()
}

// finish has a role of ours end in good order.
func (w *watching) finish() error {
	defer w.pipe.Close()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return w.cmd.Wait()
}

// row is what was measured of one program.
type row struct {
	program
	ready               time.Duration
	saves               measure.Figures
	missed, more        int
	stormTook           time.Duration
	stormLines, changed int
	stormLast           time.Duration
	idle                float64 // percent of a core
	rss, peak           float64
}

func measureProgram(ctx context.Context, o options, p program, dir string, t *tree) (*row, error) {
	w, err := start(p, dir, t)
	if err != nil {
		return nil, err
	}
	defer w.stop()
	r := &row{program: p, ready: w.ready}
	for i := range o.saves {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		at, err := t.edit(i * 7 % len(t.files))
		if err != nil {
			return nil, err
		}
		l, ok := w.next(3 * time.Second)
		if !ok {
			r.missed++
			continue
		}
		r.saves = append(r.saves, l.at.Sub(at))
		// A second report of the same save comes soon.
		for pause := time.Duration(60+i%40) * time.Millisecond; ; {
			if _, ok := w.next(pause); !ok {
				break
			}
			r.more++
		}
	}
	w.drain()
	if err := r.storm(w, t, o.storm); err != nil {
		return nil, err
	}
	before := measure.CPU(w.cmd.Process.Pid)
	<-time.After(o.idle)
	r.idle = 100 * (measure.CPU(w.cmd.Process.Pid) - before).Seconds() / o.idle.Seconds()
	r.rss, r.peak = measure.Memory(w.cmd.Process.Pid, "VmRSS"), measure.Memory(w.cmd.Process.Pid, "VmHWM")
	return r, nil
}

// storm rewrites n files as fast as it can.
func (r *row) storm(w *watching, t *tree, n int) error {
	began := time.Now()
	var last time.Time
	for i := range n {
		var err error
		if last, err = t.revise(i); err != nil {
			return err
		}
	}
	r.stormTook = last.Sub(began)
	for {
		l, ok := w.next(3 * time.Second)
		if !ok {
			return nil
		}
		r.stormLines++
		r.changed += l.count
		r.stormLast = l.at.Sub(last)
	}
}

func printRows(rows []*row) {
	t := measure.NewTable("program", "setting", "ready", "save to report, median", "p99", "missed", "second reports", "storm took", "reports", "changes in them", "last write to last report", "idle, % of a core", "memory, MiB (peak)")
	for _, r := range rows {
		changed := "-"
		if r.changed > 0 {
			changed = strconv.Itoa(r.changed)
		}
		t.Row(
			r.name, r.words, measure.MS(r.ready), measure.MS(r.saves.Median()), measure.MS(r.saves.At(0.99)), fmt.Sprint(r.missed), fmt.Sprint(r.more),
			measure.MS(r.stormTook), fmt.Sprint(r.stormLines), changed, measure.MS(r.stormLast), fmt.Sprintf("%.2f", r.idle), fmt.Sprintf("%.1f (%.1f)", r.rss, r.peak),
		)
	}
	fmt.Println()
	t.Print()
}

// measureReady starts the watcher on a tree that is in the kernel's cache and on
// one that is not, and with what an earlier one kept.
func measureReady(home string, t *tree, base walks) error {
	kept := cacheVariable + "=" + filepath.Join(home, "kept")
	w, err := start(role("bounce", "", []string{kept}), home, t)
	if err != nil {
		return fmt.Errorf("ready: %w", err)
	}
	if err := w.finish(); err != nil {
		return err
	}
	var warm, cold, again measure.Figures
	for range rounds {
		for _, m := range []struct {
			into   *measure.Figures
			env    []string
			before func() error
		}{
			{&warm, nil, nil},
			{&again, []string{kept}, nil},
			{&cold, nil, t.forget},
		} {
			if m.before != nil {
				if err := m.before(); err != nil {
					return err
				}
			}
			w, err := start(role("bounce", "", m.env), home, t)
			if err != nil {
				return fmt.Errorf("ready: %w", err)
			}
			w.stop()
			*m.into = append(*m.into, w.ready)
		}
	}
	fmt.Printf("Ready, ms, median of %d: %s with what an earlier watcher kept, %.2f times a walk with a stat of each file; with every file read and hashed %s, and %s from disk, %.2f times a walk that reads from disk\n",
		rounds, measure.MS(again.Median()), ratio(again, base.stat), measure.MS(warm.Median()), measure.MS(cold.Median()), ratio(cold, base.cold))
	return nil
}

// ratio compares medians.
func ratio(a, b measure.Figures) float64 { return a.Median().Seconds() / b.Median().Seconds() }

// flooded is how many files are edited for an overflow, each twice.
const flooded = 5000

// measureOverflow stops the watcher, gives it more events than the kernel
// keeps, and takes the time from its continuation to the batch.
func measureOverflow(home string, t *tree, base walks) error {
	w, err := start(role("bounce", "", nil), home, t)
	if err != nil {
		return fmt.Errorf("overflow: %w", err)
	}
	defer w.stop()
	var took measure.Figures
	for range rounds {
		if err := w.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		for i := range 2 * flooded { // two events each
			if _, err := t.edit(i % flooded); err != nil {
				return err
			}
		}
		began := time.Now()
		if err := w.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		// It may have seen the first edits before it was stopped.
		for told := 0; told < flooded; {
			l, ok := w.next(patience)
			if !ok {
				return fmt.Errorf("overflow: %w after %d of %d changes", errSilent, told, flooded)
			}
			told += l.count
			if told >= flooded {
				took = append(took, l.at.Sub(began))
			}
		}
		w.drain()
	}
	fmt.Printf("Overflow of the queue with 5,000 changed files: from the watcher's continuation to the batch %s ms, median of %d; a walk with a stat takes %s\n",
		measure.MS(took.At(0.5)), rounds, measure.MS(base.stat.At(0.5)))
	return nil
}

// measurePolling has bounce poll, and edits where somebody worked a moment ago
// and where nobody did.
func measurePolling(o options, home string, t *tree) error {
	w, err := start(role("bounce", "", []string{"BOUNCE_WATCH=poll"}), home, t)
	if err != nil {
		return fmt.Errorf("polling: %w", err)
	}
	defer w.stop()
	pid := w.cmd.Process.Pid
	before := measure.CPU(pid)
	<-time.After(2 * o.idle)
	idle := 100 * (measure.CPU(pid) - before).Seconds() / (2 * o.idle).Seconds()
	hot, cold := measure.Figures{}, measure.Figures{}
	n := min(o.saves, 20)
	for i := range 2 * n {
		file, into := len(t.files)-1, &hot
		if i%2 == 1 { // in a directory of its own, far from those of before
			file, into = len(t.files)/2+(i*37)%(len(t.dirs)/2), &cold
		}
		<-time.After(time.Duration(i*137%500) * time.Millisecond) // at any moment between two looks
		at, err := t.edit(file)
		if err != nil {
			return err
		}
		l, ok := w.next(patience)
		if !ok {
			return fmt.Errorf("polling: %w", errSilent)
		}
		*into = append(*into, l.at.Sub(at))
	}
	before = measure.CPU(pid)
	<-time.After(2 * o.idle)
	after := 100 * (measure.CPU(pid) - before).Seconds() / (2 * o.idle).Seconds()
	fmt.Printf("Polling: idle %.2f %% of a core, after %d edits %.2f %%; edit to batch, ms, median (max): %s (%s) where edits were in the last ten minutes, %s (%s) elsewhere\n",
		idle, 2*n, after, measure.MS(hot[1:].At(0.5)), measure.MS(hot[1:].At(1)), measure.MS(cold.At(0.5)), measure.MS(cold.At(1)))
	return nil
}
