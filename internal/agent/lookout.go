package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"bounce/internal/control"
	"bounce/internal/git"
	"bounce/watcher"
)

// lookout is a watcher with what works for it. A reload has one of its own, so
// that whatever the configuration says of watching counts at once.
type lookout struct {
	watch   *watcher.Watcher
	scratch string
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// lookOut begins to watch as a setup says, until ctx ends or the lookout is
// closed. scratch is a directory for it alone.
func (a *Agent) lookOut(ctx context.Context, s *setup, scratch string) (*lookout, error) {
	ctx, stop := context.WithCancel(ctx)
	l := &lookout{scratch: scratch, stop: stop}
	content := s.project.content
	if s.facts != nil {
		content.kept = s.facts.read(&l.wg)
	}
	w, err := watcher.Open(ctx, a.watchOptions(ctx, s, scratch))
	if err != nil {
		l.close()
		return nil, fmt.Errorf("cannot watch %s: %w", s.config.Dir, err)
	}
	l.watch = w
	l.wg.Go(func() { content.readAhead(ctx) })
	return l, nil
}

// close ends it and returns when all of it has ended.
func (l *lookout) close() {
	if l.watch != nil {
		_ = l.watch.Close() // what a file system keeps from ending, ends with that
	}
	l.stop()
	l.wg.Wait()
}

// watchOptions returns how the tree is watched.
func (a *Agent) watchOptions(ctx context.Context, s *setup, scratch string) watcher.Options {
	warn := func(text string) { a.emit(control.Event{Kind: "warning", Text: text}) }
	opts := s.config.WatchOptions()
	opts.Excludes = git.Excludes(ctx, s.config.Dir)
	opts.Named = sightedFiles(a.view().seen)
	opts.Scratch, opts.Cache = scratch, a.hashes
	opts.Reader, opts.Expect = s.project.content, s.project.content.expect
	opts.Stirred = func() { ring(a.stirred) }
	if w := a.watch.Load(); w != nil {
		opts.Overridden = w.Status().Overridden // by 'bounce resume'
	}
	repos, err := git.OpenAll(s.config.Dir, warn)
	if err != nil {
		warn(err.Error())
	}
	if repos != nil {
		opts.Gate = repos
	}
	opts.Note = func(n watcher.Note) {
		kind := "note"
		if n.Degraded || n.Problem {
			kind = "warning"
		}
		a.emit(control.Event{Kind: kind, Text: n.Text})
	}
	return opts
}

// flushed is the Flush of the watcher that is in place, also where a reload puts
// another one there meanwhile.
func (a *Agent) flushed(ctx context.Context) error {
	for {
		w := a.watch.Load()
		if err := w.Flush(ctx); !errors.Is(err, watcher.ErrClosed) || a.watch.Load() == w {
			return err
		}
	}
}
