package agent

import (
	"crypto/sha256"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"bounce/treesitter"
	"bounce/watcher"
)

// content reads files for the watcher and for the graph: each file once, so
// that what was hashed is what was parsed. It is the watcher's Reader.
//
// The bytes are not kept: the facts of a Python file are taken from them at
// once and wait here for the batch that names the file. A tree of 65,000 files
// is thus never held in memory.
type content struct {
	dir string
	// modules says that nobody will ask what other files hold: they are not
	// read.
	modules bool
	// tokens says that Python files count by their tokens: see codes.
	tokens bool
	// kept are facts of an earlier agent; nil when there are none, and after
	// the first scan.
	kept *keptFacts
	// found counts the modules whose facts were found in their bytes.
	found atomic.Int64

	mu    sync.Mutex
	check bool // parse whole files for syntax errors too
	// pending has what was read and not yet taken by a batch, of each file in
	// the order of reading: it may be read again while a batch is on offer.
	pending map[string][]facts
	taken   uint64 // counts the batches
	ahead   ahead
}

// facts are what was found in the bytes of one Python file.
type facts struct {
	hash    watcher.Hash
	imports *treesitter.Facts
	taken   uint64 // content.taken when they were found
	// syntax is why tree-sitter suspects the file; nil when it does not, or
	// when content.check was off.
	syntax *treesitter.SyntaxError
	// code is the hash that services go by: that of the tokens, or of the bytes
	// where there are none or content.tokens is off.
	code watcher.Hash
}

func newContent(dir string) *content {
	return &content{dir: dir, pending: map[string][]facts{}, ahead: newAhead()}
}

// checkSyntax turns on the parse of whole files. It is off for the first scan:
// a whole parse takes thirty times as long as finding the imports, and a
// service that starts tells of a broken file itself.
func (c *content) checkSyntax() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.check = true
}

// isModule reports whether a file can be imported: only such files are in the
// graph.
func isModule(path string) bool {
	return strings.HasSuffix(path, ".py") || isExtension(path)
}

// isExtension reports whether path is a compiled module, which has no imports
// to be read.
func isExtension(path string) bool {
	return strings.HasSuffix(path, ".so") || strings.HasSuffix(path, ".pyd")
}

// Read implements [watcher.Reader].
func (c *content) Read(path string) (watcher.Content, error) {
	if c.modules && !isModule(path) {
		return watcher.Content{Hash: watcher.Hash{1}}, nil // the zero hash would say that there is no file
	}
	src, err := watcher.ReadFile(filepath.Join(c.dir, filepath.FromSlash(path)))
	if err != nil {
		return watcher.Content{}, err
	}
	found := watcher.Content{Hash: sha256.Sum256(src), Size: int64(len(src))}
	switch {
	case isExtension(path):
		c.put(path, facts{hash: found.Hash, imports: &treesitter.Facts{}, code: found.Hash})
	case isModule(path):
		f := c.parse(found.Hash, src)
		found.Partial = f.imports.Partial
		c.put(path, f)
	}
	return found, nil
}

// parse returns the facts of a Python file's bytes.
func (c *content) parse(hash watcher.Hash, src []byte) facts {
	if !c.checks() {
		return c.extract(hash, src)
	}
	return c.ahead.parse(hash, func() facts {
		f := c.extract(hash, src)
		f.syntax = treesitter.Check(src)
		return f
	})
}

func (c *content) extract(hash watcher.Hash, src []byte) facts {
	c.found.Add(1)
	f := facts{hash: hash, imports: treesitter.Extract(src), code: hash}
	if c.tokens {
		if sum, ok := treesitter.Tokens(src); ok {
			f.code = sum
		}
	}
	return f
}

func (c *content) checks() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.check
}

func (c *content) put(path string, f facts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.taken = c.taken
	c.pending[path] = append(c.pending[path], f)
}

// take returns the facts of the modules that b names, for the graph, what
// services go by for them, and which of them tree-sitter suspects: nil for the
// ones it does not. They are those of the bytes that the batch speaks of, though
// the file may have been read again since. A module that is not among the keys
// of the maps is too large for the watcher to read.
func (c *content) take(b watcher.Batch, known func(path string) bool) (changes []treesitter.Change, codes map[string]watcher.Hash, suspects map[string]*treesitter.SyntaxError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	codes, suspects = map[string]watcher.Hash{}, map[string]*treesitter.SyntaxError{}
	for _, ch := range b.Changes {
		if !isModule(ch.Path) {
			continue
		}
		i := c.find(ch)
		switch {
		case ch.Kind == watcher.Deleted:
			changes = append(changes, treesitter.Change{Path: ch.Path})
			suspects[ch.Path] = nil
		case i >= 0:
			f := c.pending[ch.Path][i]
			changes = append(changes, treesitter.Change{Path: ch.Path, Facts: f.imports})
			codes[ch.Path], suspects[ch.Path] = f.code, f.syntax
		case !known(ch.Path):
			// It is there, and what it imports is not known.
			changes = append(changes, treesitter.Change{Path: ch.Path, Facts: &treesitter.Facts{}})
		default:
			// What it imported when it could be read is the best guess.
		}
		c.pending[ch.Path] = c.pending[ch.Path][i+1:]
	}
	return changes, codes, suspects
}

// find returns which of the pending facts of a file a change speaks of, the
// newest if the file held the same twice; -1 for none.
func (c *content) find(ch watcher.Change) int {
	all := c.pending[ch.Path]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].hash == ch.New {
			return i
		}
	}
	return -1
}

// tidy is called when all of a batch was taken. It drops facts that no batch will
// name: those of a file that turned out to be the same, or that was there for a
// moment. What is found after one batch was taken is named by the next, or found
// again.
func (c *content) tidy() {
	c.ahead.forget()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken++
	maps.DeleteFunc(c.pending, func(_ string, all []facts) bool {
		return len(all) == 0 || all[len(all)-1].taken+1 < c.taken
	})
	if len(c.pending) == 0 {
		c.pending = map[string][]facts{} // one that was large stays large
	}
}
