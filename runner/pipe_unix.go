//go:build unix

package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// makePipe makes a named pipe in place of one that is there, and opens it to
// read. It is opened to write as well: else it would have no end to wait for
// before the service opens it, and end each time that a writer closes it.
func makePipe(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("cannot make the pipe %s: %w", path, causeOf(err))
	case info.Mode().Type() != fs.ModeNamedPipe:
		return nil, fmt.Errorf("cannot make the pipe %s: there is something else of that name", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("cannot make the pipe %s: %w", path, causeOf(err))
		}
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("cannot make the pipe %s: %w", path, err)
	}
	// Who may write to the directory may have put something else there meanwhile.
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open the pipe %s: %w", path, err)
	}
	pipe := os.NewFile(uintptr(fd), path)
	if info, err := pipe.Stat(); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		pipe.Close()
		return nil, fmt.Errorf("cannot open the pipe %s: there is something else of that name", path)
	}
	return pipe, nil
}
