package main

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// zones is how many files the second branch rewrites.
	zones = 300
	// branch is its name.
	branch = "autumn-tariffs"
	// shopPort is the port in the shop's bounce.yaml, which becomes a free one.
	shopPort = "18080"
	// oldRevision and newRevision are what the modules say of themselves; they
	// have one length, so that an edit keeps the file's size.
	oldRevision, newRevision = "00000001", "00000002"
)

// project is the copy of the shop that is edited.
type project struct {
	dir  string
	port int
}

// newProject copies the shop into temp, adds one module for each of many
// shipping zones, and puts it under git with a branch that rewrites them all.
func newProject(ctx context.Context, shop, temp string) (*project, error) {
	// The agent names real paths, also where the temporary directory is behind
	// a symbolic link.
	temp, err := filepath.EvalSymlinks(temp)
	if err != nil {
		return nil, err
	}
	p := &project{dir: filepath.Join(temp, "shop")}
	if err := copyTree(shop, p.dir); err != nil {
		return nil, err
	}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := p.replace("bounce.yaml", shopPort, strconv.Itoa(p.port)); err != nil {
		return nil, err
	}
	if err := p.writeZones(oldRevision, 390); err != nil {
		return nil, err
	}
	if err := p.commit(ctx, "The shop", "init", "--quiet"); err != nil {
		return nil, err
	}
	if err := p.git(ctx, "checkout", "--quiet", "-b", branch); err != nil {
		return nil, err
	}
	if err := p.writeZones(newRevision, 420); err != nil {
		return nil, err
	}
	if err := p.commit(ctx, "Shipping costs more in autumn"); err != nil {
		return nil, err
	}
	return p, p.git(ctx, "checkout", "--quiet", "-")
}

// writeZones writes the module of each zone.
func (p *project) writeZones(revision string, cents int) error {
	for n := 1; n <= zones; n++ {
		name := filepath.Join(p.dir, "src", "shop", "tariffs", fmt.Sprintf("zone_%03d.py", n))
		text := fmt.Sprintf("\"\"\"Shipping zone %d.\"\"\"\n\nREV = %q\n\nCOUNTRIES = (\"Z%03d\",)\nBASE = %d\nPER_KILOGRAM = %d\n",
			n, revision, n, cents, 90+n)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// commit commits everything, after a first git command if one is given.
func (p *project) commit(ctx context.Context, message string, first ...string) error {
	if len(first) > 0 {
		if err := p.git(ctx, first...); err != nil {
			return err
		}
	}
	if err := p.git(ctx, "add", "--all"); err != nil {
		return err
	}
	return p.git(ctx, "commit", "--quiet", "--message", message)
}

// git runs git as nobody in particular: whatever the user has configured, from
// hooks to signatures, is left out.
func (p *project) git(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", append([]string{
		"-c", "user.name=Demo", "-c", "user.email=demo@corner.example", "-c", "gc.auto=0", "-c", "advice.detachedHead=false",
	}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(withoutGit(os.Environ()), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}

// withoutGit leaves out the variables by which git would work elsewhere, as in
// a demo that is started by a hook.
func withoutGit(env []string) []string {
	var kept []string
	for _, entry := range env {
		if !strings.HasPrefix(entry, "GIT_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// replace writes a file anew with one text in place of another, which must be
// there.
func (p *project) replace(path, old, new string) error {
	name := filepath.Join(p.dir, filepath.FromSlash(path))
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !strings.Contains(string(content), old) {
		return fmt.Errorf("cannot edit %s: there is no %q in it", path, old)
	}
	return os.WriteFile(name, []byte(strings.ReplaceAll(string(content), old, new)), 0o644)
}

// edit replaces a text in a file and returns when the file was closed.
func (p *project) edit(path, old, new string) (time.Time, error) {
	err := p.replace(path, old, new)
	return time.Now(), err
}

// copyTree copies regular files and directories, without what running the
// project leaves behind.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case entry.IsDir() && (entry.Name() == "__pycache__" || relative == "var"):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		}
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, info.Mode().Perm()|0o600)
	})
}

// freePort returns a port that nobody listens on at this moment.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
