package git

import (
	"context"
	"path/filepath"
	"testing"
)

func TestExcludes(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	dir := repository(t)
	expect := func(when, want string) {
		t.Helper()
		if got := Excludes(context.Background(), dir); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	set := func(args ...string) {
		t.Helper()
		if _, err := run(context.Background(), dir, append([]string{"config"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	expect("nothing said", filepath.Join(home, ".config", "git", "ignore"))
	xdg := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", xdg)
	expect("another configuration directory", filepath.Join(xdg, "git", "ignore"))
	set("--global", "core.excludesFile", "~/mine")
	expect("by the user", filepath.Join(home, "mine"))
	set("core.excludesFile", "/of/the/repository")
	expect("by the repository", "/of/the/repository")
	dir = t.TempDir()
	expect("no repository", "")
}
