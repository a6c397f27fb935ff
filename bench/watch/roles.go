//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"bounce/watcher"
)

// Programs that this one plays itself, in a process of their own.

const (
	roleVariable = "BOUNCE_BENCH_ROLE"
	treeVariable = "BOUNCE_BENCH_TREE"
	pipeVariable = "BOUNCE_BENCH_PIPE"
	// cacheVariable names the watcher's cache; none when it is not set.
	cacheVariable = "BOUNCE_BENCH_CACHE"
)

func play(role string) error {
	dir := os.Getenv(treeVariable)
	pipe, err := os.OpenFile(os.Getenv(pipeVariable), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer pipe.Close()
	switch role {
	case "bounce":
		return playBounce(dir, pipe)
	case "fsnotify":
		return playFSNotify(dir, pipe)
	}
	return errors.New("no such role")
}

// playBounce reports each batch with the number of its changes.
func playBounce(dir string, pipe *os.File) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	w, err := watcher.Open(ctx, watcher.Options{Dir: dir, Quiet: quiet, Cache: os.Getenv(cacheVariable)})
	if err != nil {
		return err
	}
	defer w.Close()
	for b := range w.Batches() {
		if _, err := fmt.Fprintln(pipe, len(b.Changes)); err != nil {
			return nil // the bench is done
		}
	}
	return nil
}

// playFSNotify is the least one can do with the library: watch each directory,
// report after a rest.
func playFSNotify(dir string, pipe *os.File) error {
	w, err := fsnotify.NewBufferedWatcher(256)
	if err != nil {
		return err
	}
	defer w.Close()
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = w.Add(name)
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(pipe, 0); err != nil {
		return nil
	}
	rest := time.NewTimer(time.Hour)
	changed := make(map[string]bool)
	for {
		select {
		case e := <-w.Events:
			changed[e.Name] = true
			rest.Reset(quiet)
		case <-rest.C:
			if _, err := fmt.Fprintln(pipe, len(changed)); err != nil {
				return nil
			}
			clear(changed)
		case <-w.Errors:
		}
	}
}
