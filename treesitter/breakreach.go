//go:build breakreach

package treesitter

// tamper drops every link. A build with this tag is wrong on purpose: the demo
// and the tests of the program must notice.
func tamper([]link) []link { return nil }
