package agent

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/internal/installed"
	"bounce/internal/pyruntime"
	"bounce/watcher"
)

// An installer takes seconds, and writes thousands of files that nobody watches.
// What counts comes and goes with an entry in site-packages, so that directory
// is listened to, and looked at until it rests: then what differs is one change,
// whatever it took to make it.

const (
	// installQuiet is how long nothing may change before it is taken for done.
	// Between two distributions installers pause for less.
	installQuiet = time.Second
	// installPatience is how long something may look half installed. What was
	// left by one that was killed looks so for ever.
	installPatience = 10 * time.Second
	// installLull is how long a sign of change waits for more, so that a storm of
	// them costs one look.
	installLull = 100 * time.Millisecond
	// installRetry is the longest pause between tries to decide while that cannot
	// be, and nothing says that it can: an environment is away, git is at work.
	installRetry = 5 * time.Second
	// installGlance is how long a look holds while there is no sign of change:
	// some files in the directories above change all the time.
	installGlance = 10 * time.Second
)

// environment is what is installed in some directories, as of one look.
type environment struct {
	*installed.Environment
	dirs []*installed.Directory
}

// installs reads what is installed for interpreters. Services whose Pythons look
// in the same directories share the answer, and two answers that say the same
// are one.
type installs struct {
	mu    sync.Mutex
	dirs  map[string]*installed.Directory
	known map[string]environment // by directories
}

func newInstalls() *installs {
	return &installs{dirs: map[string]*installed.Directory{}, known: map[string]environment{}}
}

// read returns what is installed in directories now; nothing is known of none.
func (i *installs) read(sites []string) environment {
	if len(sites) == 0 {
		return environment{}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := sitesKey(sites)
	now := environment{dirs: make([]*installed.Directory, len(sites))}
	for n, site := range sites {
		now.dirs[n] = installed.Read(site, i.dirs[site])
		i.dirs[site] = now.dirs[n]
	}
	was, known := i.known[key]
	if known && slices.Equal(was.dirs, now.dirs) {
		return was
	}
	now.Environment = installed.NewEnvironment(now.dirs...)
	if known && len(installed.Changes(was.Environment, now.Environment)) == 0 {
		now.Environment = was.Environment
	}
	i.known[key] = now
	return now
}

// stirred reports, by a glance, whether something may have come or gone in
// directories.
func (i *installs) stirred(sites []string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.ContainsFunc(sites, func(site string) bool { return i.dirs[site] == nil || i.dirs[site].Stirred() })
}

// sitesKey tells environments apart by their directories.
func sitesKey(sites []string) string { return strings.Join(sites, "\x00") }

// sites returns the directories that the Pythons of services look in for
// packages, without repetition.
func (v *view) sites() (all [][]string) {
	for _, name := range v.names() {
		s := v.services[name].service
		if s.search.path == nil || s.loading.ignore || len(s.search.path.Sites) == 0 {
			continue
		}
		if !slices.ContainsFunc(all, func(o []string) bool { return slices.Equal(o, s.search.path.Sites) }) {
			all = append(all, s.search.path.Sites)
		}
	}
	return all
}

// glimpse is one look at all that is installed.
type glimpse struct {
	found map[string]environment // by directories
	// pythons has the identity of each interpreter.
	pythons map[string]string
	// unsettled names what looks half installed.
	unsettled []string
}

func (p *Project) glimpse(v *view) glimpse {
	g := glimpse{found: map[string]environment{}, pythons: map[string]string{}}
	for _, sites := range v.sites() {
		e := p.installs.read(sites)
		g.found[sitesKey(sites)] = e
		for _, d := range e.dirs {
			for _, name := range d.Unsettled {
				g.unsettled = append(g.unsettled, filepath.Join(d.Path, name))
			}
		}
	}
	for _, r := range v.services {
		if path := r.service.python.Path; path != "" && !r.service.loading.ignore {
			g.pythons[path] = pyruntime.Identity(path)
		}
	}
	return g
}

func (g glimpse) equal(o glimpse) bool {
	return maps.Equal(g.pythons, o.pythons) && maps.EqualFunc(g.found, o.found, func(a, b environment) bool { return slices.Equal(a.dirs, b.dirs) })
}

// asOf returns g as the services of v know it: what was installed since their
// Pythons were asked is not decided on.
func (g glimpse) asOf(v *view) glimpse {
	known := glimpse{found: maps.Clone(g.found), pythons: maps.Clone(g.pythons), unsettled: g.unsettled}
	for _, name := range v.names() {
		s := v.services[name].service
		if s.loading.ignore || s.search.path == nil {
			continue
		}
		key := sitesKey(s.search.path.Sites)
		if now, ok := g.found[key]; ok && s.search.installed != now.Environment {
			known.found[key] = environment{Environment: s.search.installed, dirs: s.search.sites}
			known.unsettled = nil // it may be at work
		}
		if identity := s.start["interpreter"]; identity != g.pythons[s.python.Path] {
			known.pythons[s.python.Path] = identity
		}
	}
	return known
}

// installer follows what is installed. It is owned by the goroutine that runs
// [Agent.followInstalls].
type installer struct {
	*Agent
	decided, seen glimpse
	// moving says that seen is not decided; since has when it was last another,
	// looked when anybody looked.
	moving        bool
	since, looked time.Time
	// pause is how long to wait after a decision that could not be made.
	pause time.Duration
	// heard is when there was the first sign of change that nobody has looked
	// after; zero for none.
	heard time.Time
	// tops are the directories in which virtual environments are.
	tops map[string]bool
	// attended are the directories that are listened to.
	attended map[string]bool
	asks     []installAsk // that wait for it to rest
}

// installAsk asks whether all that was installed before it has been decided on.
type installAsk struct {
	// atOnce says that whoever installs is known to be done.
	atOnce bool
	done   chan struct{} // closed then
}

// followInstalls decides on what is installed, until ctx ends.
func (a *Agent) followInstalls(ctx context.Context) {
	if wait(ctx, a.started) != nil {
		return
	}
	f := &installer{Agent: a, tops: map[string]bool{}}
	f.attend()
	now := a.project().glimpse(a.view())
	f.decided = now.asOf(a.view())
	f.seen = f.decided
	f.take(now)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-a.stirred:
			f.pause = 0
			if f.heard.IsZero() {
				f.heard = time.Now()
			}
		case ask := <-a.installAsks:
			f.pause = 0
			f.look()
			if !ask.atOnce {
				f.asks = append(f.asks, ask)
				break
			}
			if f.moving && len(f.half()) == 0 {
				f.decide(ctx, true)
			}
			close(ask.done) // what is half done comes when it rests
		case <-timer.C:
			f.stir()
			f.rest(ctx)
		case <-ctx.Done():
			return
		}
		if !f.moving {
			f.letGo()
		}
		if due := f.due(); due.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(due))
		}
	}
}

// due is when there is something to look at; zero: never.
func (f *installer) due() time.Time {
	switch rested, again := f.since.Add(installQuiet), f.looked.Add(max(f.pause, installQuiet/4)); {
	case f.moving && rested.After(again):
		return rested
	case f.moving:
		return again
	case f.heard.IsZero():
		return time.Time{}
	}
	return f.heard.Add(installLull)
}

// stir looks whether something is installed or removed, unless a look is to
// come anyway.
func (f *installer) stir() {
	heard := f.heard
	f.heard = time.Time{}
	if f.moving || heard.IsZero() {
		return
	}
	f.attend()
	glance := time.Since(f.looked) < installGlance
	for _, sites := range f.view().sites() {
		glance = glance && !f.project().installs.stirred(sites)
	}
	for path, identity := range f.seen.pythons {
		glance = glance && pyruntime.Identity(path) == identity
	}
	if !glance {
		f.look()
	}
}

// look sees what is installed now.
func (f *installer) look() { f.take(f.project().glimpse(f.view())) }

// take sees what a look has found.
func (f *installer) take(now glimpse) {
	f.looked = time.Now()
	if !now.equal(f.seen) {
		f.seen, f.since, f.moving, f.pause = now, f.looked, true, 0
	}
}

// half returns what looks half installed, and did not when it was last decided.
func (f *installer) half() []string {
	return slices.DeleteFunc(slices.Clone(f.seen.unsettled), func(name string) bool {
		return slices.Contains(f.decided.unsettled, name)
	})
}

// rest decides once nothing has changed for long enough.
func (f *installer) rest(ctx context.Context) {
	if !f.moving {
		return
	}
	f.look()
	rested := time.Since(f.since)
	if rested >= installQuiet && (len(f.half()) == 0 || rested >= installPatience) {
		f.decide(ctx, false)
	}
}

// decide has the loop decide on what is seen, unless it is too early; then it
// is tried again, after pauses that grow. What is in files comes first, so that
// who installs what a file names, and then wants a restart, is not given two.
func (f *installer) decide(ctx context.Context, atOnce bool) {
	if !f.tryDecide(ctx, atOnce) {
		f.pause = min(max(2*f.pause, installQuiet/4), installRetry)
		return
	}
	f.decided, f.moving, f.pause = f.seen, false, 0
	f.attend()
}

// tryDecide is one try; it reports whether that was decided. The files are
// asked for only where a decision can come of it, since each time cuts short
// the batch there is.
func (f *installer) tryDecide(ctx context.Context, atOnce bool) bool {
	if !atOnce {
		if _, _, ok := f.renewAll(ctx); !ok || f.acting(ctx) {
			return false
		}
		var held *watcher.HeldError
		if err := f.flushed(ctx); errors.As(err, &held) {
			f.letGo()
			return false
		} else if err != nil {
			return false
		}
	}
	fresh, was, ok := f.renewAll(ctx)
	if !ok {
		return false
	}
	decided := false
	err := f.do(ctx, func(ctx context.Context) {
		if !atOnce && f.running() {
			return // it has begun meanwhile
		}
		fresh = slices.DeleteFunc(fresh, func(s *service) bool {
			r := f.project().view.services[s.name]
			return r == nil || r.service != was[s.name] // made anew meanwhile, or gone with a reload
		})
		f.reinstalled(ctx, f.changes(), fresh)
		decided = true
	})
	return err == nil && decided
}

// acting reports whether an action runs: it may be what installs, and says when
// it is done.
func (f *installer) acting(ctx context.Context) (acting bool) {
	err := f.do(ctx, func(context.Context) { acting = f.running() })
	return acting || err != nil
}

// running reports whether an action runs. It runs on the loop.
func (f *installer) running() bool {
	return slices.ContainsFunc(f.owed, func(d decider.Debt) bool { return d.Running() })
}

// renewAll returns the services of which the Pythons say something else now, and
// what they were; false if an environment is away, which lets those go who wait.
func (f *installer) renewAll(ctx context.Context) (fresh []*service, was map[string]*service, ok bool) {
	was = map[string]*service{}
	v := f.view()
	for _, name := range v.names() {
		s := v.services[name].service
		next := f.project().renewed(ctx, s)
		if f.vanished(s, next) {
			f.letGo()
			return nil, nil, false
		}
		if next != s {
			fresh, was[name] = append(fresh, next), s
		}
	}
	return fresh, was, true
}

// letGo answers those who wait: all is decided, or cannot be for now.
func (f *installer) letGo() {
	for _, ask := range f.asks {
		close(ask.done)
	}
	f.asks = nil
}

// vanished reports whether a service's packages are gone altogether: an
// environment that is made anew is away for as long as it takes. A process that
// was started now would find another Python, or none.
func (f *installer) vanished(s, next *service) bool {
	if s.search.path == nil || s.loading.ignore {
		return false
	}
	e, ok := f.decided.found[sitesKey(s.search.path.Sites)]
	if !ok || next.python.Path == s.python.Path && next.search.path != nil && !slices.Equal(next.search.path.Sites, s.search.path.Sites) {
		return false // another version of Python took its place
	}
	return slices.ContainsFunc(e.dirs, func(d *installed.Directory) bool {
		return d.There && !installed.Read(d.Path, d).There
	})
}

// installation is what changed in one environment.
type installation struct {
	sites   string // its directories, as one key
	dir     string // the first of them
	changes []installed.Change
	// other says that it is not the one in which the changes were: the Python of
	// a service is another one now.
	other bool
	// gone are the distributions that were removed.
	gone []*installed.Distribution
}

// changes returns how what is seen differs from what was decided on.
func (f *installer) changes() (all []installation) {
	for _, key := range slices.Sorted(maps.Keys(f.seen.found)) {
		was, known := f.decided.found[key]
		now := f.seen.found[key]
		if !known {
			continue
		}
		changes := installed.Changes(was.Environment, now.Environment)
		if len(changes) == 0 {
			continue
		}
		i := installation{sites: key, dir: now.dirs[0].Path, changes: changes}
		for _, c := range changes {
			if c.New == "" {
				i.gone = append(i.gone, was.Get(c.Name))
			}
		}
		all = append(all, i)
	}
	return all
}

// environmentName names the environment that a directory of packages belongs
// to.
func (p *Project) environmentName(site string) string {
	name := site
	if top := environmentOf(site); top != "" {
		name = top
	}
	if rel, ok := under(p.config.Dir, name); ok {
		return rel
	}
	return name
}

// environmentOf returns the virtual environment around a directory of packages;
// "" if there is none.
func environmentOf(site string) string {
	dir := filepath.Dir(site)
	for range 3 { // lib/python3.12/site-packages
		dir = filepath.Dir(dir)
		if pyruntime.IsEnvironment(dir) {
			return dir
		}
	}
	return ""
}

// attend has the watcher listen where packages come and go: in their
// directories, and in those above that an environment is made anew by.
func (f *installer) attend() {
	wanted := map[string]bool{}
	for _, sites := range f.view().sites() {
		for _, site := range sites {
			wanted[site] = true
			top := environmentOf(site)
			for dir := filepath.Dir(site); top != "" && len(dir) >= len(top); dir = filepath.Dir(dir) {
				wanted[dir] = true
			}
			if top != "" {
				f.tops[filepath.Dir(top)] = true
			}
		}
	}
	maps.Copy(wanted, f.tops)
	f.watch.Load().Attend(slices.Sorted(maps.Keys(wanted)))
	if !maps.Equal(wanted, f.attended) {
		f.attended = wanted
		ring(f.stirred) // it may have happened before
	}
}

// reinstalled decides on what was installed, and on services whose Python says
// something else since. It runs on the loop.
func (a *Agent) reinstalled(ctx context.Context, news []installation, fresh []*service) {
	if len(news) == 0 && len(fresh) == 0 {
		return
	}
	a.hear() // what was loaded is what was there until now
	names, cause := a.learn(news)
	b := watcher.Batch{Cause: cause}
	before := a.project().view
	a.replace(fresh...)
	after := a.project().view
	if len(news) == 0 && !slices.ContainsFunc(fresh, func(s *service) bool {
		return len(decider.Diff(before.services[s.name].version, after.services[s.name].version)) > 0
	}) {
		return // their Pythons say the same in other words
	}
	in := a.input(ctx, b, before, after)
	in.Installed = names
	plan := decider.Decide(in)
	a.enact(b, after, plan)
}

// learn takes in what was installed or removed, and tells of it. It returns the
// names of the distributions, and where they are, in words.
func (a *Agent) learn(news []installation) (names map[string]bool, cause string) {
	names = map[string]bool{}
	for _, i := range news {
		where := a.project().environmentName(i.dir)
		e := control.Event{Kind: "installed", Text: where, Count: len(i.changes), Cause: installed.Words(i.changes)}
		for _, c := range i.changes {
			names[c.Name] = true
			delete(a.gone, lostIn{i.sites, c.Name})
			e.Packages = append(e.Packages, control.Package{Name: c.Name, Old: c.Old, New: c.New})
		}
		if !i.other {
			a.emit(e)
			cause = strings.TrimPrefix(cause+"; packages in "+where, "; ")
		}
		for _, d := range i.gone {
			a.gone[lostIn{i.sites, d.Name}] = d
		}
	}
	return names, cause
}

// ring lets whoever waits for c go on, now or when it comes to it.
func ring(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has yet to be heard
	}
}

// installsSettled returns when all that was installed before the call has been
// decided on.
func (a *Agent) installsSettled(ctx context.Context, atOnce bool) error {
	ask := installAsk{atOnce, make(chan struct{})}
	select {
	case a.installAsks <- ask:
	case <-a.stopping:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
	return a.wait(ctx, ask.done)
}
