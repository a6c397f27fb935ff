package runner

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// The variables that tell an action what it is about. Paths do not fit into
// words of a command: there may be thousands, and their names are any bytes.
const (
	// envChanged names a file with the changed paths, each followed by a NUL
	// byte, relative to the directory that envProject names.
	envChanged = "BOUNCE_CHANGED_FILES"
	envProject = "BOUNCE_PROJECT"
)

// listChanged writes paths to a new file in dir, which only this user can
// read; dir "" is the system's for temporary files.
func listChanged(dir string, paths []string) (name string, err error) {
	f, err := os.CreateTemp(dir, "changed-*")
	if err != nil {
		return "", fmt.Errorf("cannot list the changed files: %w", err)
	}
	var list strings.Builder
	for _, path := range paths {
		list.WriteString(path)
		list.WriteByte(0)
	}
	_, err = f.WriteString(list.String())
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("cannot list the changed files: %w", err)
	}
	return f.Name(), nil
}
