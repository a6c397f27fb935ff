package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/control"
	"bounce/watcher"
)

// What actions are owed outlives the agent, and so do the restarts and signals
// that rules ask for of services which themselves outlive it. Before an action
// begins, when it has ended, and when such a restart or signal is done, the agent
// writes down what is owed and the tree as it knows it; the next agent compares
// the tree with what it finds. So an action that was killed half-way is owed, and
// so is one whose files changed while no agent was there to see it.
//
// What is written down may be old, never wrong: changes since then are found
// again by the comparison, and asked for again. That is why it is enough to
// write when something owed is done, and not with every batch.
//
// Roads not taken: a log that is appended to, whose torn end would have to be
// told from a whole one; and the times of files in place of the tree, which
// git sets as it likes.

// memory is what is written down.
type memory struct {
	// Project is the real path of the project's directory.
	Project string
	// Scope tells which files were looked at: with other ignore rules files
	// come and go without a change.
	Scope watcher.Hash
	Files map[string]watcher.Hash
	// Named has the files that were looked at since services had loaded them.
	Named map[string]bool
	// Owed has the actions that are owed, and the restarts and signals of
	// services that are kept. All others start anew with the agent.
	Owed decider.Debts
}

// changed returns how the files of a project differ from those of the memory,
// sorted. Of another scope only the content of files that both have is compared,
// and so it is of files that either looks at, and the other does not, since
// services had loaded them.
func (m memory) changed(p *Project, scope watcher.Hash) []watcher.Change {
	var all []watcher.Change
	for path, now := range p.files {
		switch was, known := m.Files[path]; {
		case known && was != now:
			all = append(all, watcher.Change{Path: path, Kind: watcher.Modified, Old: was, New: now})
		case !known && m.Scope == scope && (m.Named[path] || !p.named[path]):
			all = append(all, watcher.Change{Path: path, Kind: watcher.Created, New: now})
		}
	}
	for path, was := range m.Files {
		_, there := p.files[path]
		if !there && m.Scope == scope && (p.view.sightedFile(path) || !m.Named[path]) {
			all = append(all, watcher.Change{Path: path, Kind: watcher.Deleted, Old: was})
		}
	}
	slices.SortFunc(all, func(a, b watcher.Change) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// scopeOf tells which files an agent looks at.
func scopeOf(cfg *configs.Config) watcher.Hash {
	o := cfg.WatchOptions()
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q", o.Roots, o.Ignore, o.Include))
}

// keeper writes memories to the state directory of a project.
type keeper struct {
	file    string
	project string

	mu     sync.Mutex
	newest uint64 // guarded by mu: the number of the memory that is written
}

// readOnly keeps k, which may be nil, from writing anything.
func (k *keeper) readOnly() {
	if k != nil {
		k.newest = math.MaxUint64
	}
}

// memoryName is the name of the file.
const memoryName = "memory"

// newKeeper returns the keeper of a project whose state directory is there; nil
// if no action of it runs a command, or restarts or signals a service that is
// kept, so that there is nothing to remember.
func newKeeper(cfg *configs.Config, state string) (*keeper, error) {
	if len(actions(cfg)) == 0 && !asksKept(cfg) {
		return nil, nil
	}
	real, err := filepath.EvalSymlinks(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find project %q: %w", cfg.Dir, err)
	}
	return &keeper{file: filepath.Join(state, memoryName), project: real}, nil
}

// asksKept reports whether an action restarts or signals a service that is kept.
func asksKept(cfg *configs.Config) bool {
	for _, action := range cfg.DecideBy().Actions {
		names := slices.AppendSeq(slices.Clone(action.Restart), maps.Keys(action.Signal))
		if slices.ContainsFunc(names, func(name string) bool { return isKept(cfg, name) }) {
			return true
		}
	}
	return false
}

// errNoMemory says that nothing was written down yet.
var errNoMemory = errors.New("no memory")

// read returns what an earlier agent wrote down: errNoMemory if none did. A
// file that is damaged, or another project's, is an error.
func (k *keeper) read() (memory, error) {
	data, err := os.ReadFile(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return memory{}, errNoMemory
	}
	if err != nil {
		return memory{}, err
	}
	m, err := decodeMemory(data)
	if err == nil && m.Project != k.project {
		err = fmt.Errorf("it is that of the project in %s", m.Project)
	}
	if err != nil {
		return memory{}, fmt.Errorf("%s: %w", k.file, err)
	}
	return m, nil
}

// write writes a memory down, whole or not at all. n numbers memories in the
// order of what they say: an older one than was written is left out.
func (k *keeper) write(n uint64, m memory) error {
	m.Project = k.project
	data := encodeMemory(m)
	k.mu.Lock()
	defer k.mu.Unlock()
	if n <= k.newest {
		return nil
	}
	if err := replaceFile(k.file, data); err != nil {
		return fmt.Errorf("cannot remember what is owed: %w", err)
	}
	k.newest = n
	return nil
}

// replaceFile puts data in the place of a file such that at any moment, that of
// a power failure included, the old content or the new one is there.
func replaceFile(name string, data []byte) error {
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// memoryHead begins the file; the SHA-256 of what comes after the line follows.
const memoryHead = "bounce memory 1 "

// encodeMemory returns the content of the file. It is in gob, since paths are
// any bytes, which JSON cannot say.
func encodeMemory(m memory) []byte {
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(m); err != nil {
		panic("bug: a memory is plain data: " + err.Error())
	}
	return seal(memoryHead, body.Bytes())
}

// seal puts a line before a body: what it is, and the SHA-256 of the body.
func seal(head string, body []byte) []byte {
	return append(fmt.Appendf(nil, "%s%x\n", head, sha256.Sum256(body)), body...)
}

// unseal returns the body of what seal returned for the same head. It takes any
// bytes.
func unseal(head string, data []byte) ([]byte, error) {
	line, body, _ := bytes.Cut(data, []byte("\n"))
	text, ok := strings.CutPrefix(string(line), head)
	if !ok {
		return nil, errors.New("it was not written by this version of bounce")
	}
	if sum := sha256.Sum256(body); text != hex.EncodeToString(sum[:]) {
		return nil, errors.New("it is damaged")
	}
	return body, nil
}

// decodeMemory is the inverse of encodeMemory. It takes any bytes.
func decodeMemory(data []byte) (m memory, err error) {
	body, err := unseal(memoryHead, data)
	if err != nil {
		return m, err
	}
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(&m); err != nil {
		return m, fmt.Errorf("it cannot be read: %w", err)
	}
	return m, nil
}

// remember returns what would be written down now, and its number. It runs on
// the loop.
func (a *Agent) remember() (n uint64, m memory) {
	if a.setup().keeper == nil {
		return 0, memory{}
	}
	a.memories++
	files := maps.Clone(a.project().files)
	// What was asked about and not answered has yet to be noticed.
	for c := range a.oracle.pending {
		if files[c.Path] = c.Old; c.Old == (watcher.Hash{}) {
			delete(files, c.Path)
		}
	}
	return a.memories, memory{Scope: a.setup().scope, Files: files, Named: maps.Clone(a.project().named), Owed: a.owed.Lasting(a.keeps)}
}

// keep writes a memory down. That it cannot be is no reason not to work.
func (a *Agent) keep(n uint64, m memory) {
	if a.setup().keeper == nil {
		return
	}
	err := a.setup().keeper.write(n, m)
	a.unwritten.Store(err != nil)
	if err != nil {
		a.emit(control.Event{Kind: "warning", Text: err.Error()})
	}
}
