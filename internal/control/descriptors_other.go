//go:build !unix

package control

import "math"

// descriptors is how many files this process may have open: here only memory
// limits them.
func descriptors() uint64 { return math.MaxUint64 }
