package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"bounce/internal/control"
	"bounce/treesitter"
	"bounce/watcher"
)

// What a start found is kept for the next, which then reads only the files that
// have changed since: the watcher keeps the hash of each file, and the agent,
// by hash, the facts of each module. See decisions/0010.
//
// A file of kept facts is a hint: one that is missing, damaged, or written by
// another build of bounce is ignored.

// The names of the files in the state directory.
const (
	keptHashesName = "hashes"
	keptFactsName  = "facts"
)

// keptFacts are facts of an earlier agent by the hash of what they were found
// in. They are read while the watcher walks the tree.
type keptFacts struct {
	loaded chan struct{} // closed when byHash is there
	byHash map[watcher.Hash]facts
}

func (k *keptFacts) get(hash watcher.Hash) (f facts, ok bool) {
	<-k.loaded
	f, ok = k.byHash[hash]
	return f, ok
}

// Recall implements [watcher.Recaller].
func (c *content) Recall(path string, hash watcher.Hash) bool {
	if !isModule(path) {
		return true
	}
	if c.kept == nil {
		return false
	}
	f, ok := c.kept.get(hash)
	if ok {
		c.put(path, f)
	}
	return ok
}

// factsKeeper writes facts to the state directory of a project.
type factsKeeper struct {
	file, build string
	mu          sync.Mutex // held while the file is written
}

func newFactsKeeper(state string, p *Project) *factsKeeper {
	return &factsKeeper{
		file:  filepath.Join(state, keptFactsName),
		build: build(fmt.Sprint(p.content.tokens)),
	}
}

// read begins to read what an earlier agent of the same build wrote down.
func (k *factsKeeper) read(reading *sync.WaitGroup) *keptFacts {
	kept := &keptFacts{loaded: make(chan struct{})}
	reading.Go(func() {
		defer close(kept.loaded)
		if data, err := os.ReadFile(k.file); err == nil {
			kept.byHash, _ = decodeFacts(data, k.build) // none, if it is no good
		}
	})
	return kept
}

// write writes down the facts of the modules of a view. hashes has for each the
// hash that its facts belong to.
func (k *factsKeeper) write(v *view, hashes map[string]coded) error {
	byHash := make(map[watcher.Hash]facts, len(hashes))
	for path, h := range hashes {
		if imports := v.graph.Facts(path); imports != nil {
			byHash[h.bytes] = facts{imports: imports, code: h.code}
		}
	}
	data := encodeFacts(k.build, byHash)
	k.mu.Lock()
	defer k.mu.Unlock()
	return replaceFile(k.file, data)
}

// keepFacts has the facts of all modules written down, if many of them were
// found since that was done last: a start finds the others again sooner than
// all are written. It runs on the loop, or when that has ended.
func (a *Agent) keepFacts() {
	if a.setup().facts == nil || !a.project().content.foundMany(a.view().graph.Len()) {
		return
	}
	keeper, v, hashes := a.setup().facts, a.project().view, a.project().factHashes()
	a.wg.Go(func() {
		if err := keeper.write(v, hashes); err != nil {
			a.emit(control.Event{Kind: "note", Text: fmt.Sprintf("the next start will take longer: cannot keep what was read: %v", err)})
		}
	})
}

// foundMany reports whether facts were found of more than a sixteenth of so
// many modules, and if so begins to count anew.
func (c *content) foundMany(modules int) bool {
	if 16*c.found.Load() <= int64(modules) {
		return false
	}
	c.found.Store(0)
	return true
}

// factHashes returns for each module what it holds, which is what its facts in
// the graph are of, and what services go by for it.
func (p *Project) factHashes() map[string]coded {
	hashes := make(map[string]coded, p.view.graph.Len())
	for _, path := range p.view.graph.Files() {
		hashes[path] = coded{p.files[path], p.code[path]}
	}
	return hashes
}

// coded is what a file holds, and what services go by for it: the same, unless
// they go by its code alone.
type coded struct{ bytes, code watcher.Hash }

// build tells builds of bounce apart: another may find other facts in the same
// bytes. mode is what the facts depend on beside that.
func build(mode string) string {
	name, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(name)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %d %s", name, info.Size(), info.ModTime().UnixNano(), mode))
	return hex.EncodeToString(sum[:])
}

// factsHead begins a file of facts. The build follows, then the SHA-256 of what
// comes after the line: two hashes for each of the packed facts behind them,
// that of the bytes and that of the code.
const factsHead = "bounce facts 1 "

const hashSize = len(watcher.Hash{})

func encodeFacts(build string, byHash map[watcher.Hash]facts) []byte {
	var all []*treesitter.Facts
	var hashes []byte
	for hash, f := range byHash {
		hashes = append(append(hashes, hash[:]...), f.code[:]...)
		all = append(all, f.imports)
	}
	return sealFacts(build, slices.Concat(fmt.Appendf(nil, "%d\n", len(all)), hashes, treesitter.Pack(all)))
}

// sealFacts puts the head before a body.
func sealFacts(build string, body []byte) []byte {
	return append(fmt.Appendf(nil, "%s%s %x\n", factsHead, build, sha256.Sum256(body)), body...)
}

// decodeFacts is the inverse of encodeFacts. It takes any bytes.
func decodeFacts(data []byte, build string) (map[watcher.Hash]facts, error) {
	head, body, _ := bytes.Cut(data, []byte("\n"))
	sum, ok := strings.CutPrefix(string(head), factsHead+build+" ")
	if !ok {
		return nil, errors.New("it was not written by this build of bounce")
	}
	if is := sha256.Sum256(body); sum != hex.EncodeToString(is[:]) {
		return nil, errors.New("it is damaged")
	}
	var n int
	count, rest, _ := bytes.Cut(body, []byte("\n"))
	if _, err := fmt.Sscan(string(count), &n); err != nil || n < 0 || n > len(rest)/(2*hashSize) {
		return nil, errors.New("it says nothing")
	}
	all, err := treesitter.Unpack(rest[2*n*hashSize:])
	if err != nil {
		return nil, err
	}
	if len(all) != n {
		return nil, fmt.Errorf("it has %d facts instead of %d", len(all), n)
	}
	byHash := make(map[watcher.Hash]facts, n)
	for i, imports := range all {
		pair := rest[2*i*hashSize:]
		hash := watcher.Hash(pair)
		byHash[hash] = facts{hash: hash, imports: imports, code: watcher.Hash(pair[hashSize:])}
	}
	return byHash, nil
}
