package installed

import (
	"path/filepath"
	"testing"
)

// BenchmarkRead reads the packages of the tests' virtual environment, and looks
// at them again.
func BenchmarkRead(b *testing.B) {
	sites, err := filepath.Glob(filepath.Join("..", "..", "build", "venv", "lib", "python3*", "site-packages"))
	if err != nil || len(sites) == 0 {
		b.Fatalf("no packages: run `make venv` (%v)", err)
	}
	known := Read(sites[0], nil)
	b.Logf("%d distributions", NewEnvironment(known).Len())
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			NewEnvironment(Read(sites[0], nil))
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			Read(sites[0], known)
		}
	})
	b.Run("glance", func(b *testing.B) {
		for b.Loop() {
			known.Stirred()
		}
	})
}
