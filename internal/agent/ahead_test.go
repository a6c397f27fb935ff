package agent

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What Read says of a file does not depend on what was parsed ahead of it.
func TestReadTakesWhatIsOnDisk(t *testing.T) {
	const good, broken = "import a\n", "def broken(:\n"
	for name, states := range map[string][2]string{
		"unchanged":      {good, good},
		"mended since":   {broken, good},
		"broken since":   {good, broken},
		"broken already": {broken, broken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newContent(t.TempDir())
				c.checkSyntax()
				ctx, stop := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				wg.Go(func() { c.readAhead(ctx) })
				defer wg.Wait()
				defer stop()

				file := filepath.Join(c.dir, "m.py")
				write := func(src string) {
					if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				write(states[0])
				c.expect("m.py")
				c.expect("notes.txt")
				c.expect("gone.py")
				time.Sleep(2 * lull) // of the bubble
				synctest.Wait()
				if c.ahead.parsed[sha256.Sum256([]byte(states[0]))] == nil || len(c.ahead.parsed) != 1 {
					t.Fatalf("parsed ahead: %v, not m.py alone", c.ahead.parsed)
				}
				write(states[1])
				found, err := c.Read("m.py")
				if err != nil {
					t.Fatal(err)
				}
				want := sha256.Sum256([]byte(states[1]))
				f := c.pending["m.py"][0]
				if found.Hash != want || f.hash != want {
					t.Error("the hash is not that of what is on disk")
				}
				if suspect := f.syntax != nil; suspect != (states[1] == broken) {
					t.Errorf("suspected is %v of %q", suspect, states[1])
				}
			})
		})
	}
}
