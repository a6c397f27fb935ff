//go:build !breakreach

package agent

func tamper(r string) string { return r }
