package agent

import (
	"iter"
	"maps"
	"slices"
	"sync"

	"bounce/decider"
	"bounce/runner"
	"bounce/watcher"
)

// generations remembers what each service's generations were started from. The
// loop asks it which are stale; the runner's goroutines tell it of each start.
type generations struct {
	mu   sync.Mutex
	byID map[string]*generation // guarded by mu, as is what is in them
}

// generation is the newest generation of a service.
type generation struct {
	number int
	// last is what it was started from; nil before the first, and while left is
	// set.
	last *decider.Version
	// heir is the generation that a rolling restart has started beside it, until
	// that one takes over. It stays here when it has failed, so that what it was
	// started from is not tried again.
	heir *successor
	// asked is what a plan that the runner has yet to carry out will start at
	// the least: without it, every batch that comes while a service stops
	// would ask for the restart again.
	asked *decider.Version
	ask   *runner.Ticket // that plan
	// proofs are what it is known to have executed, by path.
	proofs map[string]account
	// touched are the Python files that changed since it was started; true for
	// those whose older bytecode could be taken for current.
	touched map[string]bool
	// arrived says that it has started since arrivals was last called.
	arrived bool
	// ready says that it has shown to be ready: its modules are loaded.
	ready bool
	// left is the memo of an earlier agent that has left the generation, until
	// it is known what the service loads; nil for none. unseen says that nobody
	// saw what was written while no agent ran.
	left   *memo
	unseen bool
}

// successor is a generation that is to take over.
type successor struct {
	number  int
	version decider.Version // what it was started from
	proofs  map[string]account
	failed  bool
}

// account is what the processes of a generation have told of a file that they
// have executed.
type account struct {
	held watcher.Hash // zero: one of them has executed what nobody knows
	// before is what the generation was taken to run until they did.
	before watcher.Hash
}

func newGenerations() *generations { return &generations{byID: map[string]*generation{}} }

func (g *generations) get(service string) *generation {
	gen, ok := g.byID[service]
	if !ok {
		gen = &generation{touched: map[string]bool{}}
		g.byID[service] = gen
	}
	return gen
}

// touch records that files changed: whatever bytecode there is of them may be
// of their old content. Those that are racy could be taken for current.
func (g *generations) touch(services []string, racy map[string]bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range services {
		gen := g.get(name)
		for path, racy := range racy {
			gen.touched[path] = gen.touched[path] || racy
		}
	}
}

// prune forgets files that are gone, of services that have not been started for
// so long that these may be most of what is known: nothing loads their bytecode.
func (g *generations) prune(there tree) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, gen := range g.byID {
		if len(gen.touched) > 2*len(there)+spareNames {
			maps.DeleteFunc(gen.touched, func(path string, _ bool) bool { _, ok := there[path]; return !ok })
		}
	}
}

// served records that the newest generation of a service is ready.
func (g *generations) served(service string, number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if gen := g.get(service); gen.number == number {
		gen.ready = true
	}
}

// starting records that a generation starts from what now says, which is asked
// so that no amendment comes between; beside says that another one goes on
// serving. It returns the Python files that changed since the last one started,
// and whether there was one.
//
// These are not the files in which the two versions differ: one that was
// edited and put back may have left bytecode of the edit behind.
func (g *generations) starting(service string, number int, beside bool, now func() decider.Version) (touched []string, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen, v := g.get(service), now()
	first = gen.last == nil || gen.unseen
	touched = slices.Sorted(maps.Keys(gen.touched))
	clear(gen.touched)
	gen.asked, gen.ask, gen.arrived = nil, nil, true
	if beside {
		gen.heir = &successor{number: number, version: v}
	} else {
		gen.replace(number, &v)
	}
	return touched, first
}

// replace makes another generation the one that serves.
func (gen *generation) replace(number int, from *decider.Version) {
	gen.number, gen.ready, gen.last, gen.proofs, gen.heir = number, false, from, nil, nil
	gen.left, gen.unseen = nil, false
}

// took records that a generation which was started beside another one has taken
// its place.
func (g *generations) took(service string, number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if gen := g.get(service); gen.heir != nil && gen.heir.number == number {
		proofs := gen.heir.proofs
		gen.replace(number, &gen.heir.version)
		gen.proofs = proofs
	}
}

// ended records that a generation which was started beside another one is gone:
// it has failed, or was called off.
func (g *generations) ended(service string, number int, failed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.get(service)
	switch {
	case gen.heir == nil || gen.heir.number != number:
	case failed:
		gen.heir.failed = true
	default:
		gen.heir = nil
	}
}

// amend records that the services which were started, or are about to be, were
// started from what v says of them: it is known better now what they load, and
// no file has changed.
func (g *generations) amend(v *view) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, r := range v.services {
		gen := g.get(name)
		if gen.last != nil {
			gen.last = &r.version
		}
		if gen.asked != nil {
			gen.asked = &r.version
		}
		if gen.heir != nil {
			gen.heir.version = r.version
		}
	}
}

// current reports whether a generation runs, or is the newest that did.
func (g *generations) current(service string, number int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen, ok := g.byID[service]
	return ok && (gen.number == number || gen.heir != nil && gen.heir.number == number)
}

// from identifies what a generation was started from; false for one that is not
// there any more.
func (g *generations) from(service string, number int) (watcher.Hash, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen, ok := g.byID[service]
	switch {
	case ok && gen.number == number && gen.last != nil:
		return gen.last.Fingerprint(), true
	case ok && gen.heir != nil && gen.heir.number == number:
		return gen.heir.version.Fingerprint(), true
	}
	return watcher.Hash{}, false
}

// learnt records that it is known better what services load, and no file has
// changed: what they were started from has what they load now, as it is, and not
// what they do not. Of the distributions that are unsure, by service, nobody knows
// whether what they have is what there is now: what runs is taken to be without.
// It returns the services of which there is anything to record, and whether one is
// stale by what is unsure.
func (g *generations) learnt(before, after *view, unsure map[string][]string) (names []string, stale bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, r := range after.services {
		was := before.services[name]
		if was == nil || was == r {
			continue
		}
		diff := decider.Diff(was.version, r.version)
		gen, ok := g.byID[name]
		if !ok || len(diff) == 0 {
			continue
		}
		sure := slices.DeleteFunc(slices.Clone(diff), func(d decider.Difference) bool {
			return d.Package != "" && slices.Contains(unsure[name], d.Package)
		})
		stale = stale || len(sure) < len(diff)
		for v := range gen.versions() {
			*v = v.Learnt(r.version, sure)
		}
		names = append(names, name)
	}
	return names, stale
}

// versions yields what generations were started from, or are about to be.
func (gen *generation) versions() iter.Seq[*decider.Version] {
	return func(yield func(*decider.Version) bool) {
		for _, v := range []**decider.Version{&gen.last, &gen.asked} {
			if *v == nil {
				continue
			}
			own := **v
			if *v = &own; !yield(&own) {
				return
			}
		}
		if gen.heir != nil {
			yield(&gen.heir.version)
		}
	}
}

// executed records that a generation has executed a file that held something,
// and that the tree now holds something at its place; as is what services go by
// for it, zero where nobody knows. It reports whether the generation is stale by
// it. Where its processes differ, one that is stale counts, and one of which
// nobody knows.
func (g *generations) executed(service string, number int, path string, held, as, now watcher.Hash) (stale bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	version, proofs := g.evidence(service, number)
	if version == nil {
		return false
	}
	was, known := proofs[path]
	if !known {
		was.before = version.Files.Hash(path)
	}
	if known && was.held != held && held == now {
		return version.Files.Hash(path) != as
	}
	proofs[path] = account{held, was.before}
	version.Files = version.Files.With(map[string]watcher.Hash{path: as})
	return held != now
}

// unsure records that a process of a generation has executed a file of which
// nobody knows what it held, and that services now go by something for it. What
// other processes have told of the file says nothing then: it counts what the
// generation was started from, as if nobody had told anything. It reports
// whether the generation is stale by it.
func (g *generations) unsure(service string, number int, path string, now watcher.Hash) (stale bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	version, proofs := g.evidence(service, number)
	if version == nil {
		return false
	}
	if is := version.Files.Hash(path); is != now {
		return true
	}
	was, known := proofs[path]
	if !known {
		was.before = now
	}
	proofs[path] = account{before: was.before}
	version.Files = version.Files.With(map[string]watcher.Hash{path: was.before})
	return was.before != now
}

// evidence returns what a generation that serves, or is to, was started from, to
// be changed, and what it is known to have executed; nil for others. The mutex
// is held.
func (g *generations) evidence(service string, number int) (*decider.Version, map[string]account) {
	gen, ok := g.byID[service]
	if !ok {
		return nil, nil
	}
	proofs := &gen.proofs
	var version *decider.Version
	switch {
	case gen.heir != nil && gen.heir.number == number:
		proofs, version = &gen.heir.proofs, &gen.heir.version
	case gen.number == number && gen.last != nil:
		own := *gen.last
		gen.last, version = &own, &own
	default:
		return nil, nil
	}
	if *proofs == nil {
		*proofs = map[string]account{}
	}
	return version, *proofs
}

// proved returns what the newest generation that serves is known to have
// executed of a file.
func (g *generations) proved(service, path string) (held watcher.Hash, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if gen, known := g.byID[service]; known {
		held = gen.proofs[path].held
	}
	return held, held != (watcher.Hash{})
}

// wrote records that a service has itself written a file that it loads: what it
// runs is taken for what it wrote. Services go by hash for it, which is zero where
// the service does not load it.
func (g *generations) wrote(service, path string, hash watcher.Hash) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.get(service)
	delete(gen.proofs, path)
	for v := range gen.versions() {
		v.Files = v.Files.With(map[string]watcher.Hash{path: hash})
	}
	if gen.heir != nil {
		delete(gen.heir.proofs, path)
	}
}

// holds returns what the newest generation of a service runs of a file; false
// before the first.
func (g *generations) holds(service, path string) (watcher.Hash, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen, ok := g.byID[service]
	if !ok || gen.last == nil {
		return watcher.Hash{}, false
	}
	return gen.last.Files.Hash(path), true
}

// arrivals returns the services that have started since it was last called.
func (g *generations) arrivals() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var names []string
	for name, gen := range g.byID {
		if gen.arrived {
			names = append(names, name)
		}
		gen.arrived = false
	}
	return names
}

// promised returns what the newest generation was or will be started from, nil
// for a service that was never started: also one that failed beside the one
// that serves, whose content is not tried twice. What a plan has promised and
// not begun, or has started beside, is void once now is what runs.
func (g *generations) promised(service string, now decider.Version) *decider.Version {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.get(service)
	switch {
	case gen.void(now):
		return gen.last
	case gen.asked != nil:
		return gen.asked
	case gen.heir != nil:
		return &gen.heir.version
	}
	return gen.last
}

// void reports whether the generation that runs is the one that now would be.
func (gen *generation) void(now decider.Version) bool {
	return gen.last != nil && len(decider.Diff(*gen.last, now)) == 0
}

// withdraw forgets the promise of a restart that would bring nothing new, and
// reports whether there was one, under way beside the generation that serves or
// failed included.
func (g *generations) withdraw(service string, now decider.Version) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.get(service)
	// A restart that an operator asked for brings nothing new by itself.
	rolls := gen.heir != nil && gen.last != nil && len(decider.Diff(*gen.last, gen.heir.version)) > 0
	if gen.asked == nil && !rolls || !gen.void(now) {
		return false
	}
	gen.asked, gen.ask = nil, nil
	if rolls && gen.heir.failed {
		gen.heir = nil
	}
	return true
}

// running returns what a generation that runs was started from: the newest one
// but for a successor, whose number tells that it is meant.
func (g *generations) running(service string, number int) *decider.Version {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.get(service)
	if gen.heir != nil && gen.heir.number == number {
		return &gen.heir.version
	}
	return gen.last
}

// asking records that a plan wants the service restarted from v or newer.
func (g *generations) asking(service string, v decider.Version, ask *runner.Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.get(service)
	gen.asked, gen.ask = &v, ask
}

// done forgets what a plan promised and did not do: an action that came first
// failed, say. The service is then stale again.
func (g *generations) done(ask *runner.Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, gen := range g.byID {
		if gen.ask == ask {
			gen.asked, gen.ask = nil, nil
		}
	}
}
