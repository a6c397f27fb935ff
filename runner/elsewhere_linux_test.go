package runner

import "testing"

// TestElsewhere plays testdata/runner/elsewhere.txtar. Only on Linux can two
// generations listen at once.
func TestElsewhere(t *testing.T) { tellLives(t, "../testdata/runner/elsewhere.txtar") }
