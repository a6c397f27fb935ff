package warm

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed parent.py
var hook []byte

// The variables that a parent is started with; see parent.py.
const (
	envOrders = "BOUNCE_WARM"
	envLent   = "BOUNCE_WARM_LENT"
	envRoom   = "BOUNCE_WARM_ROOM"
	envPath   = "PYTHONPATH"
)

// room is how many bytes the environment of a child may be longer than that of
// its parent. The variables of a generation take a few hundred.
const room = 8 << 10

// Install writes what a parent runs below dir, and returns the directory that
// it is in. Others may read it, if they may enter dir.
func Install(dir string) (string, error) {
	dir = filepath.Join(dir, fmt.Sprintf("warm-%x", sha256.Sum256(hook))[:17])
	path := filepath.Join(dir, "sitecustomize.py")
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, hook) {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cannot install the parent of warm starts: %w", err)
	}
	f, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return "", fmt.Errorf("cannot install the parent of warm starts: %w", err)
	}
	defer os.Remove(f.Name()) // unless it was renamed
	_, err = f.Write(hook)
	for _, step := range []func() error{
		func() error { return os.Chmod(dir, 0o755) }, // whatever the umask
		func() error { return f.Chmod(0o644) },
		f.Close,
		func() error { return os.Rename(f.Name(), path) },
	} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return "", fmt.Errorf("cannot install the parent of warm starts: %w", err)
	}
	return dir, nil
}

// Base returns an environment without what differs from one generation to the
// next: two starts can have the same parent if theirs are equal.
func Base(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "BOUNCE_") || strings.HasPrefix(name, "LISTEN_") ||
			strings.HasPrefix(name, "WATCHDOG_") || name == "NOTIFY_SOCKET"
	})
}

// environ is what a parent is started with, for children of an environment.
func environ(dir string, env []string, lent int) []string {
	path := dir
	out := make([]string, 0, len(env)+4)
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, envPath+"="); ok {
			path = dir + string(filepath.ListSeparator) + value
			continue
		}
		out = append(out, kv)
	}
	return append(out, envPath+"="+path, envOrders+"=3", envLent+"="+strconv.Itoa(lent), envRoom+"="+strings.Repeat("x", room))
}
