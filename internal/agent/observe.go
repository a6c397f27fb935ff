package agent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/control"
	"bounce/internal/pyruntime/observe"
	"bounce/runner"
	"bounce/watcher"
)

// What imports do not say, the processes of services tell (docs/observed.md).
// What they have told is read when the loop decides, and when somebody asks: it
// is written before what it tells of happens, so nobody need wait for it. A file
// that is told for the first time joins what the service loads, with what it held
// when it was executed.

// listener has what the generations of services tell.
type listener struct {
	hook    *observe.Hook // nil: problem says why
	problem error

	mu     sync.Mutex
	voices []*voice // guarded by mu, oldest first
	kept   uint64   // guarded by mu: the number of the sightings that are written
}

// voice is one generation.
type voice struct {
	*observe.Spool
	// ready is when it is taken to have loaded what it begins with; guarded by
	// listener.mu. The zero time: never.
	ready time.Time
	// What follows is written by the loop with the mutex of the listener held,
	// so that others can read it.
	pythons    []string // versions
	unheard    []observe.Unheard
	incomplete bool // not everything was told

	// key is what the service was when it started; "" where that was not known.
	// It is the loop's from the first time on that it is heard, as is the rest.
	key       string
	inherited bool             // an earlier agent has listened to it
	attended  bool             // its packages were looked at
	began     time.Time        // when it was about to be started, or was inherited
	loaded    map[string]bool  // true for what was opened
	wrote     map[string]bool  // those that its processes have written themselves
	others    []observe.Module // which are not the project's, until packages has their distributions
	packages  map[string]bool  // distributions; nil as long as nobody wants to know
	// taken is what has taken in how many of these: it need not look at them again.
	taken struct {
		by              *sightings
		files, packages int
	}
	// doubts has, by path, what it executed while the tree held something else or
	// nothing, which may be behind, or has yet to get what is ignored.
	doubts map[string]proof
}

func newVoice(spool *observe.Spool, inherited bool) *voice {
	return &voice{Spool: spool, inherited: inherited, began: now(), loaded: map[string]bool{}, wrote: map[string]bool{}, doubts: map[string]proof{}}
}

// open prepares to have services tell.
func (l *listener) open(project string) {
	dirs, err := spoolDirs(project)
	if err == nil {
		l.hook, err = observe.Open(dirs...)
	}
	l.problem = err
}

// listen hears those that an earlier agent has left, which go on telling.
func (a *Agent) listen() {
	l := &a.listener
	if l.hook == nil {
		return
	}
	left, err := l.hook.Left()
	if err != nil {
		a.emit(control.Event{Kind: "note", Text: fmt.Sprintf("cannot remove what an earlier agent has observed: %v", err)})
	}
	kept := a.run.Kept()
	for _, spool := range left {
		if slices.ContainsFunc(kept, func(k runner.Kept) bool {
			return k.Service == spool.Service && k.Generation == spool.Generation
		}) {
			l.hears(newVoice(spool, true))
		} else {
			_ = spool.Remove()
		}
	}
}

// spoolDirs returns where services of a project can tell what they load, the
// best place first. Root's services may become other users, who can enter few of
// its directories.
func spoolDirs(project string) ([]string, error) {
	id, err := control.ID(project)
	if err != nil {
		return nil, err
	}
	state, err := control.StateDir(project)
	if err != nil {
		return nil, err
	}
	dirs := []string{
		filepath.Join(state, "spools"),
		filepath.Join(os.TempDir(), fmt.Sprintf("bounce-observed-%d-%s", os.Getuid(), id)),
	}
	if os.Getuid() == 0 {
		dirs = slices.Insert(dirs, 0, filepath.Join("/run/bounce-observed", id))
	}
	return dirs, nil
}

// close ends the listening to services that have ended. What is left by others
// is found by the next agent.
func (l *listener) close() {
	for v := range l.all() {
		l.forget(v)
	}
	if l.hook != nil {
		l.hook.Close()
	}
}

// environ is called by the runner right before a generation is started, and
// returns the variables by which it is observed.
func (a *Agent) environ(name string, number int, env []string) []string {
	r := a.view().services[name]
	if r == nil || a.unobserved(r.service) != "" {
		return nil
	}
	spool, err := a.listener.hook.Spool(name, number, a.project().told(r.service))
	if err != nil {
		a.emit(control.Event{Kind: "note", Service: name, Text: err.Error()})
		return nil
	}
	v := newVoice(spool, false)
	if isClosed(a.started) { // it is known where its Python looks
		v.key = r.service.sightingKey()
	}
	a.listener.hears(v)
	a.wg.Go(a.hearNow) // the one before has told all
	return spool.Environ(env)
}

func (l *listener) hears(v *voice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.voices = append(l.voices, v)
}

// told says what a service is to tell.
func (p *Project) told(s *service) observe.Options {
	o := observe.Options{Files: s.opened}
	for _, root := range p.watched {
		dir := filepath.Join(p.config.Dir, filepath.FromSlash(root))
		for _, dir := range []string{dir, realPath(dir)} {
			if !slices.Contains(o.Roots, dir) {
				o.Roots = append(o.Roots, dir)
			}
		}
	}
	return o
}

// unobserved returns why a service does not tell what it loads; "" if nothing is
// known to be in the way.
func (a *Agent) unobserved(s *service) string {
	switch {
	case s.reach == configs.ReachStatic:
		return "its reach is static"
	case a.listener.hook == nil:
		return fmt.Sprint(a.listener.problem)
	}
	if why := s.spec.Confine.Obstacle(a.listener.hook.Dir()); why != "" {
		return why
	}
	if s.python.Assumed {
		return ""
	}
	python := observe.Python{Program: s.python.Path, Flags: s.python.Flags}
	if path := s.search.path; path != nil {
		python.Implementation, python.Version = path.Implementation, path.Version
	}
	return python.Obstacle()
}

// settled is how long a service that does not show when it serves is taken to
// need for it.
const settled = 10 * time.Second

// came records that a generation is ready, or runs and will not show that it is.
func (l *listener) came(service string, generation int, verified bool) {
	at := now()
	if !verified {
		at = at.Add(settled)
	}
	if v := l.of(service, generation); v != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		v.ready = at
	}
}

// all yields the generations that are listened to, oldest first, and whether
// each is ready.
func (l *listener) all() iter.Seq2[*voice, bool] {
	return func(yield func(*voice, bool) bool) {
		l.mu.Lock()
		voices := slices.Clone(l.voices)
		ready := make([]bool, len(voices))
		for i, v := range voices {
			ready[i] = !v.ready.IsZero() && !now().Before(v.ready)
		}
		l.mu.Unlock()
		for i, v := range voices {
			if !yield(v, ready[i]) {
				return
			}
		}
	}
}

// of returns the voice of a generation; nil for none.
func (l *listener) of(service string, generation int) *voice {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.voices {
		if v.Service == service && v.Generation == generation {
			return v
		}
	}
	return nil
}

// hear takes in what services have told, and reports whether one is known to be
// stale by it. It runs on the loop, outside of a batch: no file has changed.
func (a *Agent) hear() (stale bool) {
	if !isClosed(a.started) {
		return false
	}
	p := a.project()
	seen := maps.Clone(p.view.seen)
	if seen == nil {
		seen = map[string]*sightings{}
	}
	var proofs []proof
	unsure := map[string][]string{}
	learnt := false
	for v, ready := range a.listener.all() {
		r := p.view.services[v.Service]
		over := r == nil || !a.generations.current(v.Service, v.Generation)
		said := a.attend(v)
		if r != nil {
			for i := range said {
				said[i].news = !r.loads(said[i].path)
			}
			proofs = append(proofs, said...)
			was := seen[v.Service]
			unsure[v.Service] = append(unsure[v.Service], v.place(r.service, was)...)
			if now := was.told(r.service.sightingKey(), v, ready, over, p.has); now != was {
				seen[v.Service], learnt = now, true
			}
		}
		if over {
			a.listener.forget(v)
		}
	}
	if learnt {
		stale = a.realize(seen, unsure)
	}
	for _, f := range proofs {
		stale = a.prove(f) || stale
	}
	return stale
}

// told returns what is known of a service by what a generation of it has told,
// which may be ready, and over.
func (s *sightings) told(key string, v *voice, ready, over bool, there func(path string) bool) *sightings {
	if v.key = cmp.Or(v.key, key); over && v.key != key {
		return nil // its modules were found where nobody looks any more
	}
	whole := ready && len(v.pythons) > 0 && len(v.unheard) == 0 && !v.incomplete
	if whole && over {
		return s.after(key, v.Generation, v.loaded, v.packages, there).written(v.wrote)
	}
	taken := &v.taken
	if s == nil || s != taken.by || len(v.loaded) != taken.files || len(v.packages) != taken.packages || s.Key != key || whole && !s.Whole {
		s = s.with(key, v.Generation, v.loaded, v.packages, whole)
		taken.by, taken.files, taken.packages = s, len(v.loaded), len(v.packages)
	}
	return s.written(v.wrote)
}

// proof is what a generation is known to have executed, or read.
type proof struct {
	voice *voice
	path  string
	held  watcher.Hash // zero: nobody knows
	news  bool         // it was not known that the service loads it
}

// attend reads what a generation has told, and returns what it has executed.
func (a *Agent) attend(v *voice) (said []proof) {
	report, err := v.Read()
	a.listener.mu.Lock()
	for _, python := range report.Pythons {
		if !slices.Contains(v.pythons, python) {
			v.pythons = append(v.pythons, python)
		}
	}
	for _, u := range report.Unheard {
		if !slices.Contains(v.unheard, u) {
			v.unheard = append(v.unheard, u)
		}
	}
	v.incomplete = v.incomplete || report.Incomplete || err != nil
	a.listener.mu.Unlock()
	for _, place := range report.Installed {
		v.others = append(v.others, observe.Module{File: place})
	}
	v.others = append(v.others, report.Modules...)
	p := a.project()
	for _, name := range report.Written {
		if path, ok := p.treePath(name); ok {
			v.wrote[path] = true
		}
	}
	pythons := p.pythons()
	for _, f := range report.Executed {
		if path, ok := p.treePath(f.Path); ok && !inAny(path, pythons) {
			v.loaded[path] = false
			said = append(said, proof{voice: v, path: path, held: f.Hash})
		}
	}
	for _, f := range report.Opened {
		path, ok := p.treePath(f.Path)
		if !ok || inAny(path, pythons) {
			continue
		}
		if _, executed := v.loaded[path]; !executed {
			v.loaded[path] = true
		}
		if f.Hash == (watcher.Hash{}) {
			// A large file is not hashed while the service waits for it.
			if info, err := os.Stat(f.Path); err == nil && info.ModTime().Equal(f.Written) && info.Size() == f.Size {
				f.Hash = p.files[path]
			}
		}
		said = append(said, proof{voice: v, path: path, held: f.Hash})
	}
	return said
}

// treePath returns how the tree names a file that a process has named, by a link
// perhaps; false if it is in none of the directories that are watched.
func (p *Project) treePath(name string) (string, bool) {
	path, ok := p.watchedAt(name)
	if _, there := p.files[path]; ok && !there {
		if real, ok := p.watchedAt(realPath(name)); ok {
			return real, true
		}
	}
	return path, ok
}

// realize takes in what was observed of services. What runs has loaded it already,
// but for distributions, by service, of which it is not known whether it has
// loaded those that there are. It reports whether a service is stale by these.
func (a *Agent) realize(seen map[string]*sightings, unsure map[string][]string) (stale bool) {
	before := a.project().view
	after := a.project().observed(seen)
	a.shared.Store(after)
	names, stale := a.generations.learnt(before, after, unsure)
	for _, name := range names {
		a.memorize(name)
	}
	a.lookout.watch.Name(sightedFiles(seen))
	data := encodeSightings(seen)
	a.sightings++
	n := a.sightings
	a.wg.Go(func() { a.listener.keep(a.config().Dir, n, data) })
	return stale
}

// observed puts the view in place that knows what was observed.
func (p *Project) observed(seen map[string]*sightings) *view {
	next := *p.view
	next.services = maps.Clone(p.view.services)
	next.seen, next.importing, next.nearest = seen, importing{}, newImporters()
	for name, r := range p.view.services {
		if seen[name] != p.view.seen[name] {
			next.services[name] = next.look(r.service, p.code, r.watched)
		}
	}
	next.importing = nil
	p.view = &next
	return &next
}

// prove takes in what a generation has executed, and reports whether the service
// is stale by it. Where nobody knows what a file held, and the service was not
// known to load it, it is; but see [selfmade.excuses].
func (a *Agent) prove(f proof) (stale bool) {
	p, v := a.project(), f.voice
	delete(v.doubts, f.path)
	now, there := p.files[f.path]
	r := p.view.services[v.Service]
	if r == nil || v.inherited && (!f.news || f.held == (watcher.Hash{})) {
		return false // the agent before has taken it in
	}
	as := r.hash(f.path, p.code)
	switch {
	case f.held == now && there:
		a.generations.executed(v.Service, v.Generation, f.path, f.held, as, now)
	case !there || f.held != (watcher.Hash{}) && a.holdsNow(f.path, f.held):
		v.doubts[f.path] = f // the tree is behind, or does not have it yet
	case f.held != (watcher.Hash{}):
		return a.generations.executed(v.Service, v.Generation, f.path, f.held, f.held, now)
	case !f.news:
		return a.generations.unsure(v.Service, v.Generation, f.path, as)
	case a.selfmade.excuses(v, f.path):
		a.generations.wrote(v.Service, f.path, as)
	default:
		return a.generations.executed(v.Service, v.Generation, f.path, f.held, f.held, now)
	}
	return false
}

// holdsNow reports whether a file holds something at this moment.
func (a *Agent) holdsNow(path string, hash watcher.Hash) bool {
	src, err := a.project().read(path)
	return err == nil && sha256.Sum256(src) == hash
}

// reconsider looks again at what did not agree with the tree, when that has
// taken in a batch.
func (a *Agent) reconsider() {
	for v := range a.listener.all() {
		for path, f := range v.doubts {
			if _, there := a.project().files[path]; there {
				a.prove(f)
			}
		}
	}
}

// forget drops a generation that is over.
func (l *listener) forget(v *voice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.voices = slices.DeleteFunc(l.voices, func(o *voice) bool { return o == v })
	_ = v.Remove() // what stays is found by the next agent
}

// keep writes down what was observed. n numbers it: what is older than what is
// written is left out.
func (l *listener) keep(project string, n uint64, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	state, err := control.StateDir(project)
	if err != nil || n <= l.kept {
		return
	}
	// Without it the next start knows what imports say.
	if replaceFile(filepath.Join(state, sightingsName), data) == nil {
		l.kept = n
	}
}

// patience is how long a question waits for the loop.
const patience = 200 * time.Millisecond

// hearNow has what was told taken in for somebody who asks, and decided on if a
// service turns out to be stale by it. A loop that is busy is not waited for.
func (a *Agent) hearNow() {
	if !isClosed(a.started) || a.opts.Dry {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = a.heard(ctx)
}

// heard returns when what was told until now is taken in, and decided on.
func (a *Agent) heard(ctx context.Context) error {
	if err := a.wait(ctx, a.started); err != nil {
		return err
	}
	return a.do(ctx, func(loop context.Context) {
		if a.hear() {
			a.turn(loop, watcher.Batch{Cause: "what services have loaded"})
		}
	})
}

// observation says for status what is known of what a service loads.
func (a *Agent) observation(name string, generation int) *control.Observed {
	r, ok := a.view().services[name]
	if !ok {
		return nil
	}
	out := &control.Observed{Pythons: []string{}, Stale: []control.Executed{}}
	if out.Unobserved = a.unobserved(r.service); out.Unobserved != "" {
		return out
	}
	if v := a.listener.of(name, generation); v != nil {
		a.listener.mu.Lock()
		out.Pythons = append(out.Pythons, v.pythons...)
		out.Incomplete = v.incomplete
		for _, u := range v.unheard {
			out.Unheard = append(out.Unheard, control.Unheard{Program: u.Program, Why: u.Why})
		}
		a.listener.mu.Unlock()
	}
	if r.span.known != nil {
		out.Files = len(r.span.known.Files)
	}
	out.Unforeseen, out.Idle = len(r.span.missed), len(r.span.idle())
	out.Packages, out.Unnamed = r.sighted()
	out.Unwatched = a.view().unwatched(name, a.config().WatchOptions())
	last := a.generations.running(name, generation)
	if last == nil {
		return out
	}
	for _, d := range decider.Diff(*last, r.version) {
		if held, ok := a.generations.proved(name, d.Path); ok && d.Path != "" {
			out.Stale = append(out.Stale, control.Executed{Path: d.Path, Executed: hexOf(held), Tree: hexOf(r.version.Files.Hash(d.Path))})
		}
	}
	return out
}

// hexOf writes a hash; "" for none.
func hexOf(h watcher.Hash) string {
	if h == (watcher.Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}
