//go:build breakreach

package agent

import "bounce/configs"

// tamper has services go by imports alone, which a build with this tag does not
// know: it is wrong on purpose, see treesitter.
func tamper(string) string { return configs.ReachStatic }
