package classifier

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Key names an answer by all that it may depend on and that can be known: the
// program (its words and environment, and the bytes of the files among its
// words), the question, and state, which tells one content of the files from
// another.
func (p Program) Key(q Question, declared map[string]string, state []string) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, part := range []any{p.Argv, p.files(), declared, q, state} {
		if err := enc.Encode(part); err != nil {
			panic("bug: a question is plain data: " + err.Error())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// files hashes the files among the words of the program, such as its script.
func (p Program) files() map[string]string {
	sums := make(map[string]string)
	for _, word := range p.Argv {
		name := word
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		if sum := Sum(name); sum != "" {
			sums[word] = sum
		}
	}
	return sums
}

// Sum returns the hash of a regular file; "" where there is none.
func Sum(name string) string {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Cache keeps answers in a directory, a file each. What is broken, or cannot be
// read or written, counts as not there.
type Cache struct{ Dir string }

// kept is a file of the cache.
type kept struct {
	Key    string `json:"key"`
	Answer Answer `json:"answer"`
}

// Get returns the answer of a key, if it is there and names only what is
// declared.
func (c Cache) Get(key string, declared []Action) (Answer, bool) {
	data, err := os.ReadFile(c.file(key))
	if err != nil {
		return Answer{}, false
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil || k.Key != key || k.Answer.Actions == nil {
		return Answer{}, false
	}
	a, err := check(k.Answer, declared)
	return a, err == nil
}

// Put keeps an answer; an error says why it could not be kept, and nobody has
// to mind.
func (c Cache) Put(key string, a Answer) error {
	fail := func(err error) error { return fmt.Errorf("cannot keep the answer of the classifier: %w", err) }
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fail(err)
	}
	c.prune()
	data, err := json.Marshal(kept{key, a})
	if err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(c.Dir, ".new-*")
	if err != nil {
		return fail(err)
	}
	_, err = f.Write(data)
	err = cmp.Or(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.file(key))
	}
	if err != nil {
		os.Remove(f.Name())
		return fail(err)
	}
	return nil
}

func (c Cache) file(key string) string { return filepath.Join(c.Dir, key+".json") }

// maxKept is how many answers are kept.
const maxKept = 1000

// prune removes the oldest answers when there are too many, and what an
// interrupted Put left behind long ago with them.
func (c Cache) prune() {
	entries, err := os.ReadDir(c.Dir)
	if err != nil || len(entries) < maxKept {
		return
	}
	type old struct {
		name string
		time int64
	}
	var all []old
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			all = append(all, old{e.Name(), info.ModTime().UnixNano()})
		}
	}
	slices.SortFunc(all, func(a, b old) int {
		return cmp.Or(cmp.Compare(a.time, b.time), strings.Compare(a.name, b.name))
	})
	// A tenth at a time, so that this is not done at each Put.
	for _, e := range all[:min(len(all), len(all)-maxKept+maxKept/10)] {
		os.Remove(filepath.Join(c.Dir, e.name))
	}
}
