//go:build !cgo

package treesitter

// Without cgo there is no tree-sitter: import statements are read by hand, and
// nothing looks at the rest of a file.

type found struct{ line, start, end int }

func judge(text []byte) *Statement { return parseStatement(text) }

func survey([]byte) []found { return nil }

func inspect([]byte) *SyntaxError { return nil }
