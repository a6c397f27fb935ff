package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"bounce/internal/confine"
	"bounce/internal/pyruntime/warm"
)

// Warm starts. A service whose command a Python runs can have a parent: a
// process with its libraries loaded, which is forked in place of an exec
// (internal/pyruntime/warm). All else about a generation is as ever. A parent is
// made in the background when a generation has shown that it serves, since then
// it is known what it loads, and serves all generations from then on until the
// interpreter, the installed packages, the command or its environment are
// others.
//
// A warm generation that turns out to alter itself before it imports, in a way that
// its parent was not told, is ended before it is ready, and a cold one follows: see
// [warm.Unlike].
//
// Whatever is in the way, the start is cold, and says why. So is the one after
// a warm generation that ended before it had shown that it serves, see the
// table in that package.

// Warm says when a service is started warm: [WarmOff], [WarmAuto] or [WarmOn].
type Warm = warm.Mode

const (
	// WarmOff: never.
	WarmOff = warm.Off
	// WarmAuto: as long as warm starts behave as cold ones do.
	WarmAuto = warm.Auto
	// WarmOn: whenever there can be a parent.
	WarmOn = warm.On
)

// Observer knows what services load. Its methods are called on the goroutine of
// the service, and must not wait for the runner.
type Observer interface {
	// Packages identifies the interpreter of a service and what is installed for
	// it now. An error says why the service cannot be started warm.
	Packages(service string) (string, error)
	// Loaded returns what a generation has loaded until now. An error says why
	// that is not known.
	Loaded(service string, generation int) (Loaded, error)
	// Imports returns what the project's files that a service loads import now. It
	// must not be changed.
	Imports(service string) map[Import]bool
}

// Import is a module that a file imports, at once or when a function is called.
type Import struct {
	Module string
	Later  bool
}

// Loaded is what a generation has loaded.
type Loaded struct {
	// Modules are those that are not the project's, in the order in which they
	// were imported. Of a warm generation those that its parent had are left out.
	Modules []string
	// Altered is what it has made of itself meanwhile.
	Altered []warm.Alteration
	// Hook is what warm.Install has returned: a directory that the user of the
	// service can enter.
	Hook string
	// Roots are the directories of the project.
	Roots []string
	// Hooks are directories on its PYTHONPATH with a sitecustomize that changes no
	// imports.
	Hooks []string
	// Files identifies the content of the project's files that it was started
	// from: two generations with the same load the same.
	Files string
}

// fosterer is a starter that can start parents, and fork them.
type fosterer interface {
	// read reads a command. An error says why it can have no parent.
	read(c command) (warm.Command, error)
	// foster makes a parent for a command. It takes as long as its imports do, but
	// ends with ctx.
	foster(ctx context.Context, c command, m mark, s warm.Setup) (parent, error)
	// fork starts a command by a fork of a parent that foster has made; as start.
	fork(p parent, c command, m mark, stdout, stderr *os.File) (process, error)
}

// parent is a process that services are forked from; see [warm.Parent].
type parent interface {
	Loaded() []string
	Left() []warm.Unloaded
	PID() int
	Memory() int64
	Overgrown() error
	Close()
}

// warmMark is in front of the name of the service in the mark of a parent.
const warmMark = "warm/"

// warmIdle is how long a parent is kept that is not used. Most of its memory
// is that of its children as long as they run.
const warmIdle = time.Hour

// warmSettle is how long a service that nothing probes is taken to need until it
// has loaded its libraries.
const warmSettle = 2 * time.Second

// warmLater is when after that, or after it was ready, it is looked at again what
// a service has loaded, as it is at its end. What has come is added to the next
// parent.
const warmLater = 5 * time.Second

// warmOdd is how many warm generations in a row may turn out to be unlike cold
// ones by what they have altered, before there are none any more. One is, after an
// edit that has the service alter something else.
const warmOdd = 3

// nursery is what a service knows of its warm starts. It is owned by the
// service's goroutine, but for made.
type nursery struct {
	trial  warm.Trial
	parent parent       // nil for none
	key    warmKey      // of parent, or of what is tried
	why    string       // why there is none, "" when it is not known
	blind  string       // why it was not known what the last generation that was up had loaded
	unfit  *attempt     // the last one, if another would fail as it did; nil when it would not
	cold   *Loaded      // by the last cold generation that was up
	odd    int          // how many warm ones in a row were not alike by what they had altered
	warmed *incarnation // the last warm generation that was up, until it was compared

	nursing context.CancelFunc // ends the attempt that is under way; nil for none
	told    []string           // what it imports
	altered []warm.Alteration  // what it was told that the service does, or the parent was
	imports map[Import]bool    // of the code that they are for
	made    chan nursling      // what came of it
	idle    *time.Timer
}

// warmKey is what generations must have in common to have one parent.
type warmKey struct {
	packages string
	argv     []string
	dir      string
	env      []string
	confine  Confine
	account  confine.Account // who that is, since names may come to be others'
	lent     int
}

// nursling is a parent that was made, or why it was not.
type nursling struct {
	parent parent
	err    error
}

// attempt is one to make a parent that imports modules.
type attempt struct {
	modules []string
	why     string // it has failed
}

// start is how a generation was started.
type start struct {
	warm bool
	// first says that it is the first warm one, and has a cold one follow if it
	// fails.
	first bool
	// cold is why it is not warm, "" for services that are not to be.
	cold string
	// had are the modules that the parent had, and told is what that knew of what the
	// service alters.
	had  []string
	told []warm.Alteration
	// odd says that it has turned out to be unlike a cold one.
	odd bool
	// imports are those of the code as it was.
	imports map[Import]bool
}

func (b start) String() string {
	switch {
	case b.warm:
		return "warm"
	case b.cold != "":
		return "cold: " + b.cold
	}
	return ""
}

// warms reports whether the service is to be started warm where it can be.
func (s *service) warms() bool {
	return (s.spec.Warm == WarmAuto || s.spec.Warm == WarmOn) && s.host.observer != nil
}

// warmKeyOf is the key of a command.
func (s *service) warmKeyOf(c command) (warmKey, error) {
	packages, err := s.host.observer.Packages(s.name)
	k := warmKey{
		packages: packages, argv: c.argv, dir: c.dir, env: warm.Base(c.env), confine: c.confine, lent: len(c.files),
	}
	if _, account, err := c.confine.resolve(); err == nil && account != nil {
		k.account = *account
	}
	return k, err
}

// begin starts the command of a generation whose output we read, warm if that
// can be.
func (s *service) begin(n *incarnation, c command) (err error) {
	open := func() (*pipes, *os.File, *os.File, error) { return s.openOutput(n) }
	if s.warms() {
		n.start.imports = s.host.observer.Imports(s.name)
		why := s.coldReason(c, n.start.imports)
		if why == "" {
			first := s.nursery.trial.State == warm.Ready
			n.proc, n.pipes, err = s.host.launchBy(func(c command, m mark, stdout, stderr *os.File) (process, error) {
				return s.host.start.(fosterer).fork(s.nursery.parent, c, m, stdout, stderr)
			}, c, s.mark(n), open)
			if err == nil {
				y := &s.nursery
				n.start.warm, n.start.first, n.start.had, n.start.told = true, first, y.parent.Loaded(), y.altered
				s.used()
				return nil
			}
			why = err.Error()
			s.unwarm(why)
		}
		n.start.cold = why
	}
	n.proc, n.pipes, err = s.host.launch(c, s.mark(n), open)
	return err
}

// coldReason says why a command is not to be started warm now, "" when it is.
func (s *service) coldReason(c command, imports map[Import]bool) string {
	y := &s.nursery
	if y.trial.State == warm.Untried {
		return cmp.Or(y.blind, y.trial.Cold(s.spec.Warm)) // nothing need be looked at
	}
	key, err := s.warmKeyOf(c)
	switch {
	case err != nil:
		return err.Error()
	case !reflect.DeepEqual(key, y.key):
		y.trial = y.trial.Next(warm.Rekeyed, "")
		why := "its " + key.differs(y.key) + " changed"
		s.unwarm(why)
		return why
	}
	if why := y.trial.Cold(s.spec.Warm); why != "" {
		return why
	}
	if why := y.forgotten(imports); why != "" {
		s.unwarm(why)
		return why
	}
	switch {
	case y.parent != nil:
		return ""
	case y.nursing != nil:
		return "its libraries are still being loaded"
	}
	return y.why
}

// forgotten says which module that the parent has the code does not import any
// more; "" for none. What else imports it is not asked.
func (y *nursery) forgotten(imports map[Import]bool) string {
	var has []string
	switch {
	case y.parent != nil:
		has = y.parent.Loaded()
	case y.nursing != nil:
		has = y.told
	}
	var gone []string
	for i := range y.imports {
		if !imports[i] && !slices.Contains(gone, i.Module) && slices.Contains(has, i.Module) {
			gone = append(gone, i.Module)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	slices.Sort(gone)
	return "its code does not import " + strings.Join(gone, ", ") + " any more where it did, and its parent has it"
}

// differs names what two keys do not have in common.
func (k warmKey) differs(o warmKey) string {
	switch {
	case k.packages != o.packages:
		return "interpreter or its packages"
	case k.account != o.account:
		return "user"
	case !slices.Equal(k.env, o.env):
		return "environment"
	case !slices.Equal(k.argv, o.argv) || k.dir != o.dir:
		return "command"
	}
	return "configuration"
}

// nurse notes that a generation has shown that it serves, and sees to it that
// there is a parent for the next one.
func (s *service) nurse(n *incarnation) {
	y := &s.nursery
	if !s.warms() || len(n.command.argv) == 0 {
		return
	}
	again := n.nursed
	n.nursed = true
	if again && !s.mayAdd(n) {
		return
	}
	loaded, err := s.host.observer.Loaded(s.name, n.generation)
	switch {
	case err != nil && again:
		return
	case err != nil:
		y.blind = err.Error()
		s.unwarm(y.blind)
		return
	}
	y.blind = ""
	if !again {
		s.lookLater(n, warmLater)
	}
	if n.start.warm {
		loaded.Modules = append(slices.Clone(n.start.had), loaded.Modules...)
		loaded.Altered = append(slices.Clone(n.start.told), without(loaded.Altered, n.start.told)...)
	}
	switch {
	case again:
	case !n.start.warm:
		y.cold = &loaded
		y.trial = y.trial.Next(warm.ColdUp, "")
	default:
		y.trial, y.warmed = y.trial.Next(warm.WarmUp, ""), n
	}
	s.rear(n, loaded)
}

// mayAdd reports whether there is a parent, or will be, to which what a generation
// has loaded since it was up can be added.
func (s *service) mayAdd(n *incarnation) bool {
	y := &s.nursery
	if y.parent == nil && y.nursing == nil {
		return false
	}
	key, err := s.warmKeyOf(n.command)
	return err == nil && reflect.DeepEqual(key, y.key)
}

// lookLater has it looked at later what a generation has loaded.
func (s *service) lookLater(n *incarnation, in time.Duration) {
	at := letter{event: imported, generation: n.generation}
	time.AfterFunc(in, func() { s.inbox.put(at) })
}

// learn notes that a generation may have loaded what it needs, or more than
// before.
func (s *service) learn(n *incarnation) {
	if n.over || !n.up() {
		return
	}
	if why := s.unlike(n, !n.nursed); why != "" {
		s.reject(n, why)
		return
	}
	s.nurse(n)
}

// proves notes that a generation is ready: a warm one if it is what a cold one
// would be.
func (s *service) proves(n *incarnation) {
	if n.state == StateStarting {
		if why := s.unlike(n, true); why != "" {
			s.reject(n, why)
			return
		}
	}
	s.happens(n, proved, Event{})
}

// unlike says by which alteration a warm generation is not what a cold one would
// be; "" for none.
func (s *service) unlike(n *incarnation, early bool) string {
	if !n.start.warm || n.start.odd || !s.warms() {
		return ""
	}
	loaded, err := s.host.observer.Loaded(s.name, n.generation)
	if err != nil {
		return "" // which ends warm starts, see nurse
	}
	return warm.Unlike(loaded.Altered, n.start.told, n.start.had, early)
}

// reject ends a warm generation that is not what a cold one would be. One of those
// follows.
func (s *service) reject(n *incarnation, why string) {
	y := &s.nursery
	if y.odd++; y.odd >= warmOdd {
		y.trial = y.trial.Next(warm.WarmUnlike, why)
	}
	s.unwarm(why)
	n.start.odd, n.fault = true, why
	e := ailing
	if n.state == StateStarting {
		e = overdue
	}
	s.happens(n, e, Event{What: "it was started warm: " + why})
}

// compare looks at what a warm generation that was up has loaded in its life. It
// is done at its end, since what is told of a generation may come late.
func (s *service) compare(n *incarnation) {
	y := &s.nursery
	if n != y.warmed || y.cold == nil {
		return
	}
	y.warmed = nil
	if n.start.odd {
		return
	}
	y.odd = 0
	loaded, err := s.host.observer.Loaded(s.name, n.generation)
	if err != nil || loaded.Files != y.cold.Files {
		return // other code loads other modules
	}
	if gone := without(y.cold.Modules, append(slices.Clone(n.start.had), loaded.Modules...)); len(gone) > 0 {
		y.trial = y.trial.Next(warm.WarmUnlike, "it has not loaded "+strings.Join(gone, ", "))
	}
}

// without returns what a list has and another one has not.
func without[T comparable](list, other []T) []T {
	have := make(map[T]bool, len(other))
	for _, name := range other {
		have[name] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(name T) bool { return have[name] })
}

// rear has a parent made that has loaded what a generation has, unless there is
// one. The one that there is stays until then.
func (s *service) rear(n *incarnation, loaded Loaded) {
	y := &s.nursery
	key, err := s.warmKeyOf(n.command)
	if why := y.trial.Cold(s.spec.Warm); err == nil && why != "" {
		s.unwarm(why)
		return
	}
	if err == nil && reflect.DeepEqual(key, y.key) && len(without(loaded.Altered, y.altered)) == 0 {
		if y.nursing != nil || y.parent != nil && len(without(loaded.Modules, y.covers())) == 0 {
			return
		}
		if y.unfit != nil && slices.Equal(y.unfit.modules, loaded.Modules) {
			s.unwarm(y.unfit.why)
			return
		}
	} else if y.trial.State == warm.Alike && !reflect.DeepEqual(key, y.key) {
		y.trial = warm.Trial{State: warm.Ready} // of the new key, this generation is the first
	}
	y.key, y.unfit, y.altered = key, nil, loaded.Altered
	if err == nil {
		err = s.fosters(n.command)
	}
	if why := warm.Patched(loaded.Altered); err == nil && why != "" {
		err = errors.New(why)
	}
	if err != nil {
		s.unwarm(err.Error())
		return
	}
	c, m := n.command, s.mark(n)
	if _, account, err := c.confine.resolve(); err == nil && account != nil {
		c.env = homely(c.env, *account)
	}
	f := s.host.start.(fosterer)
	command, err := f.read(c)
	if err != nil {
		s.unwarm(err.Error())
		return
	}
	s.stopNursing()
	ctx, cancel := context.WithCancel(s.host.ctx)
	made := make(chan nursling, 1)
	y.nursing, y.told, y.made = cancel, loaded.Modules, made
	y.imports = map[Import]bool{}
	maps.Copy(y.imports, n.start.imports)
	maps.Copy(y.imports, s.host.observer.Imports(s.name)) // what it was started from may be newer than what was known then
	m.service = warmMark + m.service
	setup := warm.Setup{
		Hook: loaded.Hook, Env: c.env, Modules: loaded.Modules, Roots: loaded.Roots, First: command.First,
		Hooks: loaded.Hooks, Altered: loaded.Altered, Lent: len(c.files), Bounds: s.host.bounds,
	}
	c.files, c.names, c.ear = nil, nil, nil
	s.work.Go(func() {
		defer cancel()
		parent, err := f.foster(ctx, c, m, setup)
		made <- nursling{parent, err}
		s.inbox.put(letter{event: nursed, made: made})
	})
}

// covers are the modules that its parent has, or cannot have.
func (y *nursery) covers() []string {
	names := slices.Clone(y.parent.Loaded())
	for _, u := range y.parent.Left() {
		names = append(names, u.Module)
	}
	return names
}

// fosters says why a command can have no parent.
func (s *service) fosters(c command) error {
	_, able := s.host.start.(fosterer)
	_, counted := c.confine.Limits["nproc"]
	switch {
	case !able:
		return ErrNotSupported
	case s.spec.TTY:
		return fmt.Errorf("it has a terminal")
	case s.keeps():
		return fmt.Errorf("it outlives the agent")
	case counted:
		return fmt.Errorf("the number of its processes is limited (nproc), and a parent is one more")
	}
	return nil
}

// grown takes in what came of an attempt to make a parent.
func (s *service) grown(made chan nursling) {
	y := &s.nursery
	if made != y.made {
		return // of an attempt that was given up, which stopNursing sees to
	}
	y.nursing, y.made = nil, nil
	b := <-made
	if b.err != nil {
		var unfit *warm.Unfit
		if errors.As(b.err, &unfit) {
			y.unfit = &attempt{y.told, unfit.Why}
		}
		s.unwarm(b.err.Error())
		return
	}
	s.dropParent("")
	y.parent = b.parent
	what := fmt.Sprintf("%d modules are loaded, in %d MB", len(y.parent.Loaded()), y.parent.Memory()>>20)
	if left := y.parent.Left(); len(left) > 0 {
		what += fmt.Sprintf("; %d are left to each start: %s: %s", len(left), left[0].Module, left[0].Why)
	}
	s.host.emit(Event{Kind: KindWarmable, Time: time.Now(), Service: s.name, State: s.state, PID: y.parent.PID(), What: what})
	s.used()
}

// stopNursing gives up an attempt to make a parent.
func (s *service) stopNursing() {
	y := &s.nursery
	if y.nursing == nil {
		return
	}
	y.nursing()
	made := y.made
	y.nursing, y.made = nil, nil
	s.work.Go(func() {
		if b := <-made; b.parent != nil {
			b.parent.Close()
		}
	})
}

// used has the parent kept for a while longer, unless it holds too much.
func (s *service) used() {
	y := &s.nursery
	if err := y.parent.Overgrown(); err != nil {
		s.dropParent(err.Error())
		return
	}
	if y.idle != nil {
		y.idle.Stop()
	}
	parent := y.parent
	y.idle = time.AfterFunc(warmIdle, func() { s.inbox.put(letter{event: chilled, parent: parent}) })
}

// dropParent ends the parent; why is the reason of the next cold start.
func (s *service) dropParent(why string) {
	y := &s.nursery
	y.why = why
	if y.idle != nil {
		y.idle.Stop()
		y.idle = nil
	}
	if parent := y.parent; parent != nil {
		y.parent = nil
		s.work.Go(parent.Close)
	}
}

// unwarm is wean for a reason that people should know of, once.
func (s *service) unwarm(why string) {
	if s.nursery.parent != nil || s.nursery.why != why {
		s.host.emit(Event{Kind: KindUnwarmable, Time: time.Now(), Service: s.name, State: s.state, What: why})
	}
	s.wean(why)
}

// wean ends what there is for warm starts.
func (s *service) wean(why string) {
	s.stopNursing()
	s.dropParent(why)
}

// stillborn notes that a generation has failed before it had shown that it
// serves.
func (s *service) stillborn(n *incarnation, what string) {
	if !s.warms() || !n.raw() || n.start.odd || n.fault == "" && outside(n.proc.exit()) {
		return
	}
	o := warm.ColdDown
	if n.start.warm {
		o = warm.WarmDown
	}
	s.nursery.trial = s.nursery.trial.Next(o, what)
}

// raw reports whether a generation has not shown that it serves, nor been taken
// for one that has loaded its libraries.
func (n *incarnation) raw() bool { return !n.shown && !n.nursed }

// outside reports whether a process was ended by a signal that others send: that
// is nothing that a warm start could be to blame for.
func outside(e Exit) bool {
	return slices.Contains([]string{"SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"}, e.Signal)
}

// blames reports whether a generation may have failed for being the first warm
// one.
func (s *service) blames(n *incarnation) bool {
	return n.start.odd || n.start.first && n.raw() && n.proc != nil && (n.fault != "" || n.over && !outside(n.proc.exit()))
}

// tryCold follows the failure of the first warm generation, which may be that it
// was warm, where the policy would not try again. Where it would, the next start is
// cold as well.
func (s *service) tryCold(d findings) {
	s.tryAgain(d, "by a cold start, since this one was the first warm one", true)
}
