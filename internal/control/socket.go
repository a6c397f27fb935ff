package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// ErrNoAgent is returned when no agent answers on a project's socket.
var ErrNoAgent = errors.New("no agent is running for this project")

// maxSocketPath is the longest path of a unix socket: sun_path has 108 bytes
// on Linux and 104 on the BSDs and macOS, one of them for the final NUL.
const maxSocketPath = 103

// ID names a project: the first 16 hex digits of the SHA-256 of its
// directory's real path.
func ID(project string) (string, error) {
	abs, err := filepath.Abs(project)
	if err != nil {
		return "", fmt.Errorf("cannot find project %q: %w", project, err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("cannot find project %q: %w", project, err)
	}
	sum := sha256.Sum256([]byte(real))
	return hex.EncodeToString(sum[:8]), nil
}

// SocketPath returns where the agent of a project listens:
// $XDG_RUNTIME_DIR/bounce, else /run/bounce for root, else
// $TMPDIR/bounce-UID. It creates nothing.
func SocketPath(project string) (string, error) {
	id, err := ID(project)
	if err != nil {
		return "", err
	}
	var dir string
	switch uid := os.Getuid(); {
	case os.Getenv("XDG_RUNTIME_DIR") != "":
		dir = filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bounce")
	case uid == 0:
		dir = "/run/bounce"
	default:
		dir = filepath.Join(os.TempDir(), "bounce-"+strconv.Itoa(uid))
	}
	path := filepath.Join(dir, id+".sock")
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("cannot use socket %s: its path has %d bytes and a socket may have %d; set XDG_RUNTIME_DIR to a shorter directory", path, len(path), maxSocketPath)
	}
	return path, nil
}

// StateDir returns where the agent of a project keeps state:
// $XDG_STATE_HOME/bounce/ID, else /var/lib/bounce/ID for root, else
// ~/.local/state/bounce/ID. It creates nothing.
func StateDir(project string) (string, error) {
	id, err := ID(project)
	if err != nil {
		return "", err
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "bounce", id), nil
	}
	if os.Getuid() == 0 {
		return filepath.Join("/var/lib/bounce", id), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("cannot find a state directory: %w; set XDG_STATE_HOME", err)
	}
	return filepath.Join(home, ".local", "state", "bounce", id), nil
}

// Answers reports whether somebody listens on a socket.
func Answers(path string) bool {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// Listen opens the socket. A socket file that nobody answers on is left over
// from an agent that was killed, and is replaced; the caller holds the
// project's lock, so no agent can be starting at the same time.
func Listen(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	if err := privateDir(dir); err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	if Answers(path) {
		return nil, fmt.Errorf("cannot listen on %s: another program answers there", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	// The directory is private already, so there is no moment at which the
	// wider mode that net.Listen leaves could be used.
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	return ln, nil
}

// privateDir makes dir ours alone. A directory that somebody else could have
// planted in a shared place is refused.
func privateDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if err := ours(info); err != nil {
		return fmt.Errorf("cannot trust %s: %w", dir, err)
	}
	if info.Mode().Perm() != 0o700 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}
