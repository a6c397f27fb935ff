package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"bounce/configs"
	"bounce/internal/agent"
	"bounce/internal/control"
)

func newUp(g *globals) *cobra.Command {
	var asJSON, dry, daemonize, noWait, tty bool
	var logFile string
	cmd := &cobra.Command{
		Use:     "up [SERVICE...] [-- COMMAND]",
		GroupID: "run",
		Short:   "Run services, watch the tree, restart what a change reaches; Ctrl-C stops all",
		Long: `Run the services of bounce.yaml or of a Procfile, or the one command after --,
watch the tree, and restart the services that a change reaches.

Named services are run with what they depend on; without a name, all are. Ctrl-C
stops every service in its order, and so does TERM, but for services with
on_agent_exit: keep, which the next 'bounce up' takes over. A second signal
kills at once what is being stopped.

--tty gives the one service that is run, or the one that is named, a terminal of
its own and connects this one to it, for the debugger of breakpoint() and what
else asks questions. Ctrl-C still stops everything, and Ctrl-] takes this
terminal away from the service; 'bounce attach' does the same for any service
that has tty: true.

--daemonize runs the agent in the background, in a session of its own, and
returns when its services are ready, or unverified where nothing is probed; exit
code 3 when one is not, with the reason. Its log and their output go to
agent.log in the state directory, which is rotated; 'bounce logs' shows the
output too. TERM ends the agent, HUP has it read its configuration anew.

--dry-run starts no service, runs no action and changes no file. It tells what
it would start, with entries, files in reach and what it cannot tell; then it
watches, and tells of each change what it would do and why, taking it for done,
and what it would leave alone. It works beside a running agent.

Exit code 0 when all are gone after the first signal, 130 or 143 when the second
one forced it, 1 when the configuration is wrong, when another agent runs this
project, or when a service used up its restarts and says on_exhausted: exit.`,
		Example: `  bounce up
  bounce up api worker
  bounce up -- uvicorn shop.api:app --port 8000
  bounce up --tty -- python app.py
  bounce up --daemonize
  bounce up --dry-run`,
		Args:              takes(0, -1),
		ValidArgsFunction: g.serviceNames,
	}
	verb(cmd, func(ctx context.Context, args []string) error {
		names, command := args, []string(nil)
		if n := cmd.ArgsLenAtDash(); n >= 0 {
			names, command = args[:n], args[n:]
			if len(command) == 0 {
				return usage(errors.New("there is no command after --"))
			}
		}
		switch {
		case daemonize && (dry || asJSON || tty || logFile != ""):
			return usage(errors.New("--daemonize goes with neither --dry-run, --json, --tty nor --log-file"))
		case tty && (dry || asJSON || logFile != ""):
			return usage(errors.New("--tty goes with neither --dry-run, --json nor --log-file"))
		case noWait && !daemonize:
			return usage(errors.New("--no-wait is for --daemonize"))
		case daemonize:
			return g.upInBackground(ctx, names, command, noWait)
		}
		cfg, err := g.loadFor(command)
		if err != nil {
			return err
		}
		if logFile != "" {
			flush, err := g.logTo(logFile)
			if err != nil {
				return err
			}
			defer flush()
		}
		opts := agent.Options{Version: version, Services: names, Dry: dry}
		opts.Load = func() (*configs.Config, error) { return g.loadFor(command) }
		if tty {
			return g.upAt(ctx, cfg, opts)
		}
		return g.up(ctx, cfg, opts, asJSON)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one event a line, output of services included")
	cmd.Flags().BoolVar(&tty, "tty", false, "give the service a terminal and connect this one to it, for a debugger")
	cmd.Flags().BoolVar(&daemonize, "daemonize", false, "run the agent in the background, and return when its services are up")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "with --daemonize, return when the agent answers")
	cmd.Flags().StringVar(&logFile, "log-file", "", "write the log and the output to a `file` that is rotated (10 MB, 5 old ones), not to the terminal")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "start and change nothing, and tell what would be done")
	return cmd
}

// upInBackground starts an agent in the background, and says where its services
// are.
func (g *globals) upInBackground(ctx context.Context, names, command []string, noWait bool) error {
	c, err := g.daemonize(ctx, names, command)
	if err != nil {
		return err
	}
	defer c.Close()
	out, err := begun(ctx, c, noWait)
	if err != nil {
		return err
	}
	if noWait {
		return nil
	}
	writeServices(g.out, out)
	return atTarget(g, out)
}

// loadFor returns the configuration of up: that of the command, if there is
// one, else that of the project.
func (g *globals) loadFor(command []string) (*configs.Config, error) {
	if command == nil {
		return g.load()
	}
	if g.config != "" {
		return nil, usage(errors.New("give either --config or a command after --"))
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("cannot find the project: %w", err)
	}
	return configs.FromCommand(command, cwd)
}

// up runs the agent until a signal ends it. Unless they are printed as JSON,
// events go to opts.Event too, if there is one.
func (g *globals) up(ctx context.Context, cfg *configs.Config, opts agent.Options, asJSON bool) error {
	log := g.logger(g.err)
	for _, w := range cfg.Warnings {
		log.Warn().Timestamp().Msg(w.Error())
	}
	g.unread()
	if asJSON {
		opts.Event, opts.Output = g.jsonEvents()
	} else {
		out := newOutput(g.out)
		events := agent.NewLog(log)
		events.Beside, events.Dry = sameFile(g.out, g.err), opts.Dry
		also := opts.Event
		opts.Event = func(e control.Event) {
			if also != nil {
				also(e)
			}
			events.Event(e)
		}
		opts.Output = func(l control.Line) {
			if at := g.seat.Load(); at == nil || *at != l.Service {
				_ = out.write(l)
			}
		}
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	force := make(chan struct{})
	opts.Force = force
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	reload := make(chan struct{}, 1)
	opts.Reload = reload
	hups := newHangups()
	defer hups.stop()
	// A closed pipe is an error of a write, not the end of every service.
	signal.Ignore(syscall.SIGPIPE)

	ended := make(chan struct{})
	var forced os.Signal
	var wg sync.WaitGroup
	wg.Go(func() {
		var s os.Signal
		for s == nil {
			select {
			case s = <-signals:
			case gone := <-hups.heard:
				switch {
				case gone, opts.Dry:
					s = syscall.SIGHUP
				default:
					select {
					case reload <- struct{}{}:
					default: // one is asked for and has yet to begin
					}
				}
			case <-ended:
				return
			}
		}
		if !opts.Dry {
			log.Info().Timestamp().Str("signal", s.String()).Msg("stopping; once more kills at once")
		}
		cancel(leaving(s))
		select {
		case forced = <-signals:
			close(force)
		case <-ended:
		}
	})
	err := agent.Run(ctx, cfg, opts)
	close(ended)
	wg.Wait()
	if s, ok := forced.(syscall.Signal); ok && err == nil {
		return &exitError{code: 128 + int(s)}
	}
	return err
}

// unread has it be no failure that nobody reads what is printed: the services go
// on.
func (g *globals) unread() {
	if r, ok := g.out.(*results); ok {
		g.out = r.w
	}
}

// leaving is why the agent ends at a signal: at Ctrl-C with all that it has
// started, else without what is to be kept.
func leaving(s os.Signal) error {
	if s == syscall.SIGINT {
		return nil
	}
	return agent.ErrLeave
}

// jsonEvents returns the receivers of `up --json`: events as they are, and
// lines of output as events of the kind "output".
func (g *globals) jsonEvents() (func(control.Event), func(control.Line)) {
	var mu sync.Mutex
	enc := newLineEncoder(g.out)
	event := func(e control.Event) {
		mu.Lock()
		defer mu.Unlock()
		_ = enc.Encode(e)
	}
	return event, func(l control.Line) {
		event(control.Event{
			Time: l.Time, Kind: "output", Service: l.Service, Action: l.Action, Generation: l.Generation,
			Cause: l.Stream, Text: l.Text,
		})
	}
}
