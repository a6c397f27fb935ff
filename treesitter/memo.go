package treesitter

import "sync"

// A statement means what its text says, wherever it stands, and of a large
// tree's import statements four in five repeat another. So each text is judged
// once. The memo changes no result; it only saves time and, as equal
// statements share one value, memory.
var memo = struct {
	sync.Mutex
	known map[string]*Statement
}{known: make(map[string]*Statement)}

const (
	// maxMemo bounds the number of texts remembered; then it starts afresh.
	maxMemo = 1 << 17
	// maxText is the longest text worth remembering.
	maxText = 1 << 12
)

// recall returns what make gives for text, remembered if it is not nil. The
// namespace keeps texts of different sorts apart.
func recall(namespace byte, text []byte, make func([]byte) *Statement) *Statement {
	if len(text) > maxText {
		return make(text)
	}
	var room [128]byte
	key := append(append(room[:0], namespace), text...)
	memo.Lock()
	st := memo.known[string(key)]
	memo.Unlock()
	if st != nil {
		return st
	}
	if st = make(text); st == nil {
		return nil
	}
	memo.Lock()
	defer memo.Unlock()
	if other := memo.known[string(key)]; other != nil {
		return other
	}
	if len(memo.known) >= maxMemo {
		clear(memo.known)
	}
	memo.known[string(key)] = st
	return st
}

// meaning returns what an import statement says; nil if text is none.
func meaning(text []byte) *Statement { return recall('s', text, judge) }

// mention returns the statement of a string that names a module, or a file.
func mention(kind Kind, name []byte) *Statement {
	return recall(byte('A'+kind), name, func(name []byte) *Statement {
		if kind == Path {
			return &Statement{Kind: kind, Module: string(name)}
		}
		return &Statement{Kind: kind, Module: identifier(name)}
	})
}
