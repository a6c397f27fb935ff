package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"bounce/configs"
	"bounce/internal/agent"
	"bounce/internal/control"
)

// upAt is up for one service, at whose terminal this one sits.
func (g *globals) upAt(ctx context.Context, cfg *configs.Config, opts agent.Options) error {
	name, err := theOne(cfg, opts.Services)
	if err != nil {
		return usage(err)
	}
	if !isTerminal(g.in) {
		return usage(errors.New("--tty needs a terminal to connect to"))
	}
	withTerminal(cfg, name)
	load := opts.Load
	opts.Load = func() (*configs.Config, error) {
		cfg, err := load()
		if err == nil {
			withTerminal(cfg, name)
		}
		return cfg, err
	}
	socket, err := control.SocketPath(cfg.Dir)
	if err != nil {
		return err
	}
	c := control.NewClient(socket)
	defer c.Close()

	g.unread()
	ctx, cancel := context.WithCancel(ctx)
	// Before the agent of this process says something, one of another process
	// may answer on the socket.
	ours := make(chan struct{})
	said := sync.OnceFunc(func() { close(ours) })
	opts.Event = func(control.Event) { said() }
	left := make(chan struct{})
	go func() {
		defer close(left)
		select {
		case <-ours:
			g.sitDown(ctx, c, name)
		case <-ctx.Done():
		}
	}()
	err = g.up(ctx, cfg, opts, false)
	cancel()
	<-left
	return err
}

// withTerminal gives a service a terminal, if it is there.
func withTerminal(cfg *configs.Config, name string) {
	if s, ok := cfg.Services[name]; ok {
		s.TTY = true
		cfg.Services[name] = s
	}
}

// sitDown connects this terminal to that of a service of the agent of this
// process, as soon as that answers, until Ctrl-].
func (g *globals) sitDown(ctx context.Context, c *control.Client, name string) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		a, err := c.Attach(ctx, name)
		switch {
		case err == nil:
			g.seat.Store(&name)
			defer g.seat.Store(nil)
			// A signal that ends it ends the agent too, which says so.
			var signalled *exitError
			if err := g.sit(ctx, a, name, true); err != nil && !errors.As(err, &signalled) && ctx.Err() == nil {
				fmt.Fprintf(g.err, "bounce: %v\n", err)
			}
			return
		case !errors.Is(err, control.ErrNoAgent):
			if ctx.Err() == nil {
				fmt.Fprintf(g.err, "bounce: %v\n", err)
			}
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// theOne returns the service that --tty is about: the one that is named, or the
// only one there is.
func theOne(cfg *configs.Config, named []string) (string, error) {
	all := slices.Sorted(maps.Keys(cfg.Services))
	switch {
	case len(named) == 1 && slices.Contains(all, named[0]):
		return named[0], nil
	case len(named) == 0 && len(all) == 1:
		return all[0], nil
	}
	return "", fmt.Errorf("--tty is for one service; name one of: %s", strings.Join(all, ", "))
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
