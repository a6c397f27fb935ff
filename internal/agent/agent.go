// Package agent joins the stages: it owns the loop that turns batches of
// changes into restarts, and gives the same answers about a project without
// running anything.
//
// One goroutine, the loop, owns the project: its files, its import graph, what
// is broken, owed and paused. Others read the published [view] or send the
// loop a function to run. The runner's goroutines own the services.
package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/control"
	"bounce/internal/installed"
	"bounce/runner"
	"bounce/watcher"
)

// Options say how an agent is run.
type Options struct {
	// Version is the program's, for status.
	Version string
	// Services are the ones to bring up, with what they depend on; none means
	// all.
	Services []string
	// Event and Output, when not nil, get every event and every line of
	// output as they come, each from one goroutine. When they block they miss
	// some, and are told how many.
	Event  func(control.Event)
	Output func(control.Line)
	// Dry starts and changes nothing: it watches, and tells what would be done.
	// It needs nothing of its own, so that it works beside another agent.
	Dry bool
	// Force, when closed, ends a stop that is under way by killing at once.
	Force <-chan struct{}
	// Load reads the configuration anew, for a reload; nil where there is none
	// to be read. Reload asks for one with each value; what comes of it is told
	// by an event.
	Load   func() (*configs.Config, error)
	Reload <-chan struct{}
}

// Agent is a running agent.
type Agent struct {
	opts  Options
	began time.Time
	run   *runner.Runner
	// scratch is where watchers get their directories, beside the socket; "" for
	// that of the system.
	scratch     string
	generations *generations
	listener    listener
	// hashes is a file for the watcher; "" when nothing is to be kept.
	hashes string
	events *journal[control.Event]
	lines  *lines
	usage  usage

	// loop runs functions on the loop's goroutine.
	loop chan func(context.Context)
	// started is closed when the first scan is done and the services were
	// asked to start, stopping when the agent begins to end.
	started, stopping chan struct{}
	// stirred rings when something may have been installed; installAsks are for
	// who follows that.
	stirred     chan struct{}
	installAsks chan installAsk
	// wg has what waits for tickets.
	wg sync.WaitGroup
	// exit gets the name of a service whose exhaustion ends the agent.
	exit chan string
	// reloading has a place for who takes up another configuration.
	reloading chan struct{}

	// What follows is written by the loop and read by anybody.
	inPlace atomic.Pointer[setup]
	shared  atomic.Pointer[view]
	held    atomic.Pointer[holds]
	watch   atomic.Pointer[watcher.Watcher] // nil until it is open
	// early has the hashes of all files from the first scan until it is known
	// what services load; nil otherwise.
	early atomic.Pointer[map[string]watcher.Hash]
	// unwritten says that what actions are owed, or what else is to be found
	// by the next agent, could not be written down.
	unwritten atomic.Bool
	// unread is why the configuration on disk is not what runs; nil when it is.
	unread atomic.Pointer[unread]
	// stalled says that the loop or the runner does not answer.
	stalled atomic.Bool

	// What follows is owned by the loop.
	lookout *lookout
	fed     map[string]feeder // by service
	oracle  oracle
	broken  map[string]decider.Problem
	// waits says that services are brought up when it is known what they load.
	waits bool
	// doubts are modules that tree-sitter suspects and that no service has
	// reached yet.
	doubts map[string]bool
	// gone are the distributions that were removed while the agent ran, or while
	// none did and services went on that load them.
	gone map[lostIn]*installed.Distribution
	// answers are those of interpreters that the last decision went by, sought
	// those that this one does.
	answers, sought map[sought]*answer
	stamps          stamps
	selfmade        *selfmade
	// owed is what rules asked for and was not done; asks has the tickets that
	// take it up. planned are the holds of the newest plan, failed those of
	// actions that have failed.
	owed    decider.Debts
	asks    map[stepKey]*runner.Ticket
	planned []decider.Hold
	failed  map[string]decider.Hold
	paused  *decider.Hold
	// idle are the services that were never brought up, since nobody wants them.
	idle map[string]bool
	// memories counts what was to be written down, sightings how often that was
	// what was observed.
	memories, sightings uint64
	// tickets are of plans and verbs that may still be under way. nextPlan is
	// closed and made anew when a plan sets something moving.
	tickets  []*runner.Ticket
	nextPlan chan struct{}
}

// ErrRunning is returned by Run when another agent runs the same project, also as
// another user, and by Down when that cannot be ended from here.
var ErrRunning = errors.New("another agent is running for this project")

// Run runs the project until ctx ends, then stops every service and returns
// when all are gone. An error says why it could not start, or what it had to
// give up on.
func Run(ctx context.Context, cfg *configs.Config, opts Options) error {
	if len(cfg.Services) == 0 {
		return errors.New("there is nothing to run: the configuration has no services; add one, or give a command after --")
	}
	if opts.Dry {
		a, err := newAgent(cfg, opts)
		if err != nil {
			return err
		}
		return a.serve(ctx, nil)
	}
	// The lock comes first: what a runner finds of an earlier agent's
	// processes it takes for leftovers, and those of a live one are not.
	lock, err := lockProject(cfg.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	a, err := newAgent(cfg, opts)
	if err != nil {
		return err
	}
	path, err := control.SocketPath(cfg.Dir)
	if err != nil {
		return err
	}
	ln, err := control.Listen(path)
	if err != nil {
		return err
	}
	a.scratch = strings.TrimSuffix(path, ".sock") + ".watch"
	return a.serve(ctx, ln)
}

func newAgent(cfg *configs.Config, opts Options) (*Agent, error) {
	first, err := newSetup(cfg, nil, opts.Dry)
	if err != nil {
		return nil, err
	}
	for _, name := range opts.Services {
		if _, ok := cfg.Services[name]; !ok {
			return nil, noService(name, slices.Sorted(maps.Keys(cfg.Services)))
		}
	}
	// Every agent of a project marks its processes alike, so that one finds
	// what another left behind when it was killed.
	run, err := control.ID(cfg.Dir)
	if err != nil {
		return nil, err
	}
	state, err := control.StateDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	scratch := filepath.Join(state, "changed")
	var unwritten error
	if opts.Dry {
		// It changes nothing.
	} else if unwritten = emptyDir(scratch); unwritten != nil {
		scratch = "" // that of the system
	}
	a := &Agent{
		opts:        opts,
		began:       now(),
		generations: newGenerations(),
		selfmade:    newSelfmade(run),
		events:      newJournal[control.Event](keptEvents),
		lines:       newLines(),
		loop:        make(chan func(context.Context)),
		started:     make(chan struct{}),
		stopping:    make(chan struct{}),
		exit:        make(chan string, 1),
		reloading:   make(chan struct{}, 1),
		broken:      map[string]decider.Problem{},
		doubts:      map[string]bool{},
		gone:        map[lostIn]*installed.Distribution{},
		answers:     map[sought]*answer{},
		sought:      map[sought]*answer{},
		stirred:     make(chan struct{}, 1),
		installAsks: make(chan installAsk),
		stamps:      newStamps(now()),
		asks:        map[stepKey]*runner.Ticket{},
		failed:      map[string]decider.Hold{},
		idle:        map[string]bool{},
		fed:         map[string]feeder{},
		nextPlan:    make(chan struct{}),
	}
	if !opts.Dry {
		a.hashes = filepath.Join(state, keptHashesName)
		a.oracle.asker = a.newAsker(cfg)
	}
	a.inPlace.Store(first)
	a.shared.Store(first.project.view)
	a.held.Store(&holds{})
	if unwritten != nil {
		a.unwritten.Store(true)
		a.emit(control.Event{Kind: "warning", Text: unwritten.Error()})
	}
	if !opts.Dry {
		first.files = a.openFiles(cfg, files{})
	}
	kept, err := keptDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if !opts.Dry {
		a.listener.open(cfg.Dir)
	}
	a.run, err = newRunner(runner.Options{
		Specs:        first.project.view.specs(),
		Actions:      actions(cfg),
		Groups:       cfg.Supervisors(),
		Dir:          cfg.Dir,
		Run:          run,
		MaxParallel:  cfg.MaxParallel,
		Before:       a.before,
		Beside:       a.beside,
		Took:         a.took,
		Environ:      a.environ,
		Observer:     library{a},
		BeforeAction: a.beforeAction,
		AfterAction:  a.afterAction,
		Scratch:      scratch,
		Dry:          opts.Dry,
		Keep:         kept,
		Memo:         a.memo,
		Events:       a.ran,
		Record:       func(l runner.Line) { a.setup().files.add(l) },
		Gone:         a.departed,
		Output: func(l runner.Line) {
			a.lines.add(lineOf(l))
		},
	})
	if err != nil {
		first.files.close()
		return nil, err
	}
	a.listen()
	return a, nil
}

// keptDir is where the processes are found that keep services alive, beside the
// socket of the agent.
func keptDir(project string) (string, error) {
	path, err := control.SocketPath(project)
	return strings.TrimSuffix(path, ".sock") + ".kept", err
}

// emptyDir makes a directory that only this user can use, without what an agent
// that was killed has left in it.
func emptyDir(name string) error {
	if err := errors.Join(os.RemoveAll(name), os.MkdirAll(name, 0o700)); err != nil {
		return fmt.Errorf("cannot make a directory for lists of changed files: %w", err)
	}
	return nil
}

// actions returns the commands that plans may ask for.
func actions(cfg *configs.Config) []runner.Action {
	var all []runner.Action
	for _, name := range slices.Sorted(maps.Keys(cfg.Actions)) {
		if action, ok := cfg.Command(name); ok {
			all = append(all, action)
		}
	}
	return all
}

func (a *Agent) view() *view { return a.shared.Load() }

// before is called by the runner when a generation is about to start: from
// here on the service runs what the tree says now. It returns the Python files
// whose bytecode could be that of older source.
func (a *Agent) before(ctx context.Context, name string, number int) ([]string, error) {
	return a.begin(ctx, name, number, false)
}

// beside is before for a generation that is started beside another one, which
// goes on if this one fails.
func (a *Agent) beside(ctx context.Context, name string, number int) ([]string, error) {
	return a.begin(ctx, name, number, true)
}

func (a *Agent) begin(ctx context.Context, name string, number int, beside bool) ([]string, error) {
	if a.view().services[name] == nil { // a reload has removed it
		return nil, fmt.Errorf("cannot start %s: it is no longer configured", name)
	}
	if !a.opts.Dry {
		a.outlive(ctx, name)
	}
	a.renew(ctx, name)
	known := isClosed(a.started)
	var v decider.Version
	touched, first := a.generations.starting(name, number, beside, func() decider.Version {
		if r := a.view().services[name]; r != nil {
			v = r.version
		}
		return v
	})
	if first {
		// Nobody saw what was written before the agent came.
		var modules []string
		for path := range v.Files.All() {
			modules = append(modules, path)
		}
		if !known {
			modules = a.view().graph.Files() // it may load more than is known
		}
		modules = slices.DeleteFunc(modules, func(path string) bool { return !strings.HasSuffix(path, ".py") })
		touched = append(touched, runner.RacyBytecode(a.config().Dir, modules)...)
	}
	return touched, nil
}

// took is called by the runner when a generation that was started beside
// another one has taken its place. What was changed back to what the other one
// ran, when it was too late to call the roll off, is decided on anew.
func (a *Agent) took(name string, number int) {
	a.generations.took(name, number)
	a.wg.Go(func() {
		_ = a.do(context.Background(), func(ctx context.Context) {
			r := a.view().services[name]
			if r == nil {
				return // a reload has removed it
			}
			v := r.version
			if last := a.generations.promised(name, v); last != nil && len(decider.Diff(*last, v)) > 0 {
				a.turn(ctx, watcher.Batch{Cause: "restart of " + name})
			}
		})
	})
}

// now is the time of an event. It is only shown: nothing is decided by it.
func now() time.Time { return time.Now() }
