package measure

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// An Install makes a program available in a directory of its own.
type Install func(ctx context.Context, dir string) error

// GoInstall builds a program of a Go module, "path@version".
func GoInstall(pkg string) Install {
	return func(ctx context.Context, dir string) error {
		cmd := exec.CommandContext(ctx, "go", "install", pkg)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off")
		return quietly(cmd)
	}
}

// Pip installs a requirement into the virtual environment venv in the
// directory.
func Pip(requirement string) Install {
	return func(ctx context.Context, dir string) error {
		venv := filepath.Join(dir, "venv")
		if _, err := os.Stat(venv); err != nil {
			if err := quietly(exec.CommandContext(ctx, "python3", "-m", "venv", venv)); err != nil {
				return err
			}
		}
		return quietly(exec.CommandContext(ctx, filepath.Join(venv, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", requirement))
	}
}

// Debian unpacks a package without installing it.
func Debian(name string) Install {
	return func(ctx context.Context, dir string) error {
		cmd := exec.CommandContext(ctx, "sh", "-c", "apt-get download "+name+" && dpkg-deb -x *.deb .")
		cmd.Dir = dir
		return quietly(cmd)
	}
}

// quietly runs a command and gives the last line that it said with its error.
func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(lines[len(lines)-1]))
}
