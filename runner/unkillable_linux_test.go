package runner

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hang is a file system whose files answer nobody. A process that asks for one
// and is killed waits on, uninterruptible, until free is called.
type hang struct {
	dir  string
	free func()
	// asked is closed when somebody waits for an answer.
	asked chan struct{}
}

// mountHang mounts one. It speaks as much of the protocol of FUSE as it takes
// to say nothing: the answer to INIT.
func mountHang(t *testing.T) *hang {
	t.Helper()
	needRoot(t)
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("FUSE is not to be had: ", err)
	}
	h := &hang{dir: t.TempDir(), asked: make(chan struct{})}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)
	if err := unix.Mount("hang", h.dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		unix.Close(fd)
		t.Skip("FUSE cannot be mounted: ", err)
	}
	done := make(chan struct{})
	var once sync.Once
	h.free = func() {
		once.Do(func() {
			// Whoever waits gets an error.
			if err := unix.Unmount(h.dir, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
			<-done
			unix.Close(fd)
		})
	}
	t.Cleanup(h.free)
	go func() {
		defer close(done)
		const (
			opInit  = 26
			header  = 16 // of an answer: length, error, number of the request
			initOut = 64
		)
		request := make([]byte, 64<<10)
		for first := true; ; {
			n, err := unix.Read(fd, request)
			if err == unix.EINTR || err == unix.ENOENT {
				continue
			}
			if err != nil || n < 40 {
				return // ENODEV: it is not mounted any more
			}
			if binary.NativeEndian.Uint32(request[4:]) != opInit {
				if first {
					first = false
					close(h.asked)
				}
				continue
			}
			answer := make([]byte, header+initOut)
			binary.NativeEndian.PutUint32(answer, uint32(len(answer)))
			copy(answer[8:16], request[8:16])                // the number
			copy(answer[header:header+8], request[40:48])    // their version
			binary.NativeEndian.PutUint32(answer[36:], 4096) // max_write
			if _, err := unix.Write(fd, answer); err != nil {
				return
			}
		}
	}()
	return h
}

// TestWhatCannotBeKilledIsUnclean has a process wait where no signal reaches
// it: no second one starts, and the next does when it is gone.
func TestWhatCannotBeKilledIsUnclean(t *testing.T) {
	t.Parallel()
	h := mountHang(t)
	s := specOf(t, "a", "sh", "-c", `[ -e "$0/off" ] || stat "$0/hang/x"; exec sleep 1000`, filepath.Dir(h.dir))
	if err := os.Symlink(h.dir, filepath.Join(filepath.Dir(h.dir), "hang")); err != nil {
		t.Fatal(err)
	}
	s.Stop.Grace = 10 * time.Millisecond
	g := newRig(t, Options{Specs: []Spec{s}})
	g.up("a")
	select {
	case <-h.asked:
	case <-time.After(g.patience):
		t.Fatal("nobody asks the file system")
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(h.dir), "off"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ticket := g.Apply(planFor("a"))
	unclean := g.event("a", KindUnclean, 1)
	if !strings.Contains(unclean.What, "cannot end pid ") || len(g.status("a").Survivors) == 0 {
		t.Errorf("%+v, left %v", unclean, g.status("a").Survivors)
	}
	if n := g.count("a", KindStarted); n != 1 {
		t.Errorf("%d starts while the first one is there", n)
	}
	h.free()
	g.finish(ticket)
	if started := g.event("a", KindStarted, 2); started.Generation != 2 {
		t.Errorf("%+v", started)
	}
}
