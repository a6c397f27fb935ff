// Package soak says how often randomized tests repeat: few times in everyday
// runs, and at full counts under `make soak`. Only tests import it.
package soak

import "os"

// Times returns few, or many when BOUNCE_SOAK is set.
func Times(few, many int) int {
	if os.Getenv("BOUNCE_SOAK") != "" {
		return many
	}
	return few
}
