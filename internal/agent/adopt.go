package agent

import (
	"bytes"
	"encoding/gob"
	"errors"
	"maps"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/control"
	"bounce/internal/installed"
	"bounce/watcher"
)

// Services that outlive the agent (on_agent_exit: keep) are stale by the same
// rule as all others: the next agent compares what their generations were
// started from with what is on disk. What that was is in the memo that the shim
// of each has, so it cannot be lost without the service, nor belong to another
// one.

// ErrLeave, as the cause of the end of Run's context, has services go on that
// are to be kept.
var ErrLeave = errors.New("the agent leaves its services to the next one")

// memo is what the next agent is to know of a generation.
type memo struct {
	// Files, Start and Packages are the version that it was started from.
	Files    map[string]watcher.Hash
	Start    map[string]string
	Packages map[string]decider.Package
	// Installed says more of these packages, as far as it is known.
	Installed []distribution
	// Whole says that what the service loads was not known yet: Files are all
	// of the tree, and nothing is known of packages.
	Whole bool
}

// encodeMemo returns a memo as bytes. It is in gob, since paths are any bytes.
func encodeMemo(m memo) []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(m); err != nil {
		panic("bug: a memo is plain data: " + err.Error())
	}
	return b.Bytes()
}

// decodeMemo is the inverse of encodeMemo. It takes any bytes: of those that it
// cannot read nothing is known, which no version equals.
func decodeMemo(data []byte) (m memo) {
	if gob.NewDecoder(bytes.NewReader(data)).Decode(&m) != nil {
		return memo{}
	}
	return m
}

func memoOf(v decider.Version) memo {
	return memo{Files: maps.Collect(v.Files.All()), Start: v.Start, Packages: v.Packages}
}

// memo returns what the next agent is to know of a generation of a service that
// was started from a version, some packages of which may be gone.
func (v *view) memo(service string, from decider.Version, gone map[lostIn]*installed.Distribution) memo {
	m := memoOf(from)
	if r := v.services[service]; r != nil {
		m.Installed = r.service.distributions(from.Packages, gone)
	}
	return m
}

// version returns what the generation of a memo was started from, in the terms
// of what is known now.
func (m memo) version(now decider.Version) decider.Version {
	if !m.Whole {
		return decider.Version{Files: decider.FilesOf(m.Files), Start: m.Start, Packages: m.Packages}
	}
	files := map[string]watcher.Hash{}
	for path := range now.Files.All() {
		if hash, ok := m.Files[path]; ok {
			files[path] = hash
		}
	}
	return decider.Version{Files: decider.FilesOf(files), Start: m.Start, Packages: now.Packages}
}

// inherit takes in the generations that an earlier agent has left, and reports
// whether there are any.
func (a *Agent) inherit() (any bool) {
	for _, k := range a.run.Kept() {
		if _, ok := a.view().services[k.Service]; ok && k.Memo != nil {
			a.generations.inherit(k.Service, k.Generation, decodeMemo(k.Memo))
			any = true
		}
	}
	return any
}

// memo is called by the runner right before a generation starts that is kept.
func (a *Agent) memo(service string, number int) []byte {
	var m memo
	v := a.view()
	if r := v.services[service]; r != nil {
		m = v.memo(service, r.version, nil)
	}
	if last := a.generations.running(service, number); last != nil {
		m = v.memo(service, *last, nil)
	}
	if tree := a.early.Load(); tree != nil {
		m.Files, m.Whole = *tree, true
	}
	return encodeMemo(m)
}

// memorize has the next agent know better what the generations of a service were
// started from: the one that serves, and the one that is to take over.
func (a *Agent) memorize(service string) {
	if !a.keeps(service) {
		return
	}
	for number, from := range a.generations.startedFrom(service) {
		a.run.Memorize(service, number, encodeMemo(a.view().memo(service, from, a.gone)))
	}
}

// keep is the word of on_agent_exit.
const keep = "keep"

// isKept reports whether a service is to outlive the agent.
func isKept(cfg *configs.Config, service string) bool {
	return cfg.Services[service].OnAgentExit == keep
}

func (a *Agent) keeps(service string) bool { return isKept(a.config(), service) }

// inherit records that an earlier agent has left a generation, of which a memo
// says what it was started from. It counts when it is known what services load.
func (g *generations) inherit(service string, number int, m memo) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.get(service)
	gen.number, gen.left = number, &m
}

// runs reports whether a service was started, or left by an earlier agent.
func (g *generations) runs(service string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.get(service)
	return gen.left != nil || gen.last != nil
}

// settle has what was inherited count, and returns it by service.
func (g *generations) settle(v *view) map[string]memo {
	g.mu.Lock()
	defer g.mu.Unlock()
	inherited := map[string]memo{}
	for name, r := range v.services {
		gen := g.get(name)
		if gen.left == nil {
			continue
		}
		inherited[name] = *gen.left
		was := gen.left.version(r.version)
		gen.last, gen.left, gen.unseen = &was, nil, true
	}
	return inherited
}

// startedFrom returns what the generation that serves was started from, and its
// successor, by number.
func (g *generations) startedFrom(service string) map[int]decider.Version {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen, all := g.get(service), map[int]decider.Version{}
	if gen.last != nil {
		all[gen.number] = *gen.last
	}
	if gen.heir != nil {
		all[gen.heir.number] = gen.heir.version
	}
	return all
}

// tellLeft says which services go on.
func (a *Agent) tellLeft() {
	for _, s := range a.run.Status() {
		if s.PID != nil {
			a.emit(control.Event{Kind: "left", Service: s.Name, PID: *s.PID, Generation: s.Generation})
		}
	}
}
