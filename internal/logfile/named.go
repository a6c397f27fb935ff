package logfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// lookEvery is how often it is looked whether the file is still there.
const lookEvery = time.Second

// named writes to the file that has a name now: one that somebody removes, or
// moves away as logrotate does, would take lines that nobody finds.
type named struct {
	path   string
	open   func() io.WriteCloser
	out    io.WriteCloser
	at     os.FileInfo // the file that was written to; nil when not known
	looked time.Time
}

func (n *named) Write(p []byte) (int, error) {
	if n.at != nil && time.Since(n.looked) >= lookEvery {
		n.looked = time.Now()
		now, err := os.Stat(n.path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, n.at) {
			_ = n.out.Close() // all of it is written
			n.out, n.at = n.open(), nil
		}
	}
	written, err := n.out.Write(p)
	if err == nil && n.at == nil {
		n.at, _ = os.Stat(n.path) // else it is looked at after the next write
		n.looked = time.Now()
	}
	return written, err
}

func (n *named) Close() error { return n.out.Close() }
