//go:build !breakreach

package treesitter

func tamper(all []link) []link { return all }
