package git

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// Excludes returns the file with the ignore patterns that hold in all of the
// user's repositories: what core.excludesFile says, else git's default. "" when
// there is none to be known; the file itself need not exist.
func Excludes(ctx context.Context, dir string) string {
	if _, err := Open(dir); err != nil || isStrangers(dir) {
		return "" // whose file would it be?
	}
	// git exits with 1 when it is not set.
	if out, err := run(ctx, dir, "config", "--type=path", "--get", "core.excludesFile"); err == nil {
		name := strings.TrimSuffix(string(out), "\n")
		if name != "" && !filepath.IsAbs(name) {
			name = filepath.Join(dir, name) // as git does: relative to where it runs
		}
		return name
	}
	config, err := configHome()
	if err != nil {
		return ""
	}
	return filepath.Join(config, "git", "ignore")
}

// configHome is $XDG_CONFIG_HOME, else ~/.config.
func configHome() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".config"), err
}
