package agent

import (
	"bounce/watcher"
)

// Services go by the code of Python files, not by their bytes, when cosmetic is
// skip: a comment restarts nothing. Actions of rules go by bytes in any case:
// who knows what they read.

// recode takes a batch into what services go by, given the code of its modules,
// and returns the files of the batch whose bytes changed alone.
func (p *Project) recode(b watcher.Batch, codes map[string]watcher.Hash) (cosmetic map[string]bool) {
	if !p.content.tokens {
		return nil // p.code is p.files
	}
	cosmetic = map[string]bool{}
	for _, c := range b.Changes {
		if c.Kind == watcher.Deleted {
			delete(p.code, c.Path)
			continue
		}
		code, ok := codes[c.Path]
		if !ok {
			code = c.New // nobody takes it apart, or it is too large to be read
		}
		cosmetic[c.Path] = p.code[c.Path] == code
		p.code[c.Path] = code
	}
	return cosmetic
}
