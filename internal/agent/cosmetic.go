package agent

import (
	"bounce/watcher"
)

// Services go by the code of Python files, not by their bytes, when cosmetic is
// skip: a comment restarts nothing. Actions of rules go by bytes in any case:
// who knows what they read.

// coded is the hash that services go by for a file, beside that of the bytes it
// was taken from.
type coded struct{ bytes, code watcher.Hash }

// recode takes a batch into what services go by, given what was read of its
// modules, and returns the files of the batch whose bytes changed alone.
func (p *Project) recode(b watcher.Batch, read map[string]coded) (cosmetic map[string]bool) {
	if !p.content.tokens {
		return nil // p.code is p.files
	}
	cosmetic = map[string]bool{}
	for _, c := range b.Changes {
		if c.Kind == watcher.Deleted {
			delete(p.code, c.Path)
			delete(p.codes, c.Path)
			continue
		}
		known, fresh := read[c.Path]
		if fresh {
			p.codes[c.Path] = known
		} else if known = p.codes[c.Path]; known.bytes != c.New {
			// Nobody takes it apart, or it was too large to be read.
			known.code = c.New
		}
		cosmetic[c.Path] = p.code[c.Path] == known.code
		p.code[c.Path] = known.code
	}
	return cosmetic
}
