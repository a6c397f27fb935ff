package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"time"
)

// A sign is what a generation gives by itself when it serves: a file, a word in
// a pipe, a line of output. What is there from before must not count, so the
// look at the file and the making of the pipe come before the start.

// sign is what is watched for during one start; the zero value watches for
// nothing.
type sign struct {
	file string
	was  fs.FileInfo // what file was before the start; nil when there was none
	pipe *os.File    // the reading end
	path string      // of the pipe
	line *regexp.Regexp
}

// prepareSign gets ready for the sign of the next generation, which c may give
// as another user.
func prepareSign(r Ready, c Confine) (sign, error) {
	g := sign{file: r.File, path: r.Pipe}
	if r.File != "" {
		g.was, _ = os.Stat(r.File)
	}
	if r.Log != "" {
		g.line = regexp.MustCompile(r.Log)
	}
	if r.Pipe != "" {
		pipe, err := makePipe(r.Pipe)
		if err != nil {
			return sign{}, err
		}
		if _, account, err := c.resolve(); err == nil && account != nil { // else the start will say it
			if err := pipe.Chown(int(account.UID), int(account.GID)); err != nil {
				pipe.Close()
				return sign{}, fmt.Errorf("cannot give the pipe %s to the user: %w", r.Pipe, causeOf(err))
			}
		}
		g.pipe = pipe
	}
	return g, nil
}

// fresh returns nil when the file is of this generation.
func (g sign) fresh(context.Context) error {
	is, err := os.Stat(g.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s", g.file)
	case err != nil:
		return err
	case g.was != nil && os.SameFile(g.was, is) && g.was.ModTime().Equal(is.ModTime()) && g.was.Size() == is.Size():
		return fmt.Errorf("%s is from before the start", g.file)
	}
	return nil
}

// written returns nil when something was written to the pipe.
func (g sign) written(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = g.pipe.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := g.pipe.Read(make([]byte, 1)); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("cannot read %s: %w", g.path, err)
	}
	return nil
}

// close lets go of the pipe and removes it.
func (g *sign) close() {
	if g.pipe == nil {
		return
	}
	is, err := os.Lstat(g.path)
	made, err2 := g.pipe.Stat()
	if err == nil && err2 == nil && os.SameFile(is, made) {
		os.Remove(g.path)
	}
	g.pipe.Close()
	g.pipe = nil
}

// missing says what a start lacks whose sign did not come.
func (r Ready) missing() error {
	switch {
	case r.Notify:
		return errors.New("it has not said READY=1")
	case r.Log != "":
		return fmt.Errorf("no line of output matches %s", r.Log)
	case r.Pipe != "":
		return fmt.Errorf("nothing was written to %s", r.Pipe)
	}
	return nil
}
