package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bounce/configs"
	"bounce/internal/agent"
	"bounce/internal/control"
)

// load finds the project as every verb does and reads its configuration: -c,
// else the nearest file from the working directory upwards, else a Procfile or
// nothing in the working directory.
func (g *globals) load() (*configs.Config, error) {
	if g.config != "" {
		return configs.Load(g.config)
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("cannot find the project: %w", err)
	}
	found, err := configs.Find(cwd)
	if err != nil {
		return nil, err
	}
	return found.Load()
}

// loadOrEmpty is load for verbs that only read the tree: without a
// configuration, the working directory is a project without services, and so is
// that of an agent which was asked and which no file describes.
func (g *globals) loadOrEmpty() (*configs.Config, error) {
	if g.bare {
		return emptyProject(g.project)
	}
	cfg, err := g.load()
	if errors.Is(err, configs.ErrNone) {
		return emptyProject(".")
	}
	return cfg, err
}

// emptyProject is the configuration of a directory without services.
func emptyProject(dir string) (*configs.Config, error) {
	if err := directory(dir); err != nil {
		return nil, err
	}
	cfg, err := configs.Parse(filepath.Join(dir, "bounce.yaml"), []byte("{}"))
	if err != nil {
		return nil, err
	}
	cfg.File = ""
	return cfg, nil
}

// dir returns the directory of the project whose agent a verb is for, without
// reading its configuration: the agent can be asked while there is a mistake in
// it.
func (g *globals) dir() (string, error) {
	if g.config != "" {
		abs, err := filepath.Abs(g.config)
		if err != nil {
			return "", fmt.Errorf("cannot find the project: %w", err)
		}
		if _, err := os.Stat(abs); err != nil {
			return "", fmt.Errorf("cannot find the project of %s: %w", g.config, cause(err))
		}
		return filepath.Dir(abs), nil
	}
	cwd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the project: %w", err)
	}
	found, err := configs.Find(cwd)
	if err != nil {
		return "", err
	}
	dir := manned(cwd, found)
	g.bare = dir != found.Dir
	return dir, nil
}

// manned returns the nearest directory, from cwd up to the project that was
// found, that an agent runs in: `up -- COMMAND` runs where it is called, without
// a file that would mark the place, and below other projects too. Without an
// agent it is the project that was found.
func manned(cwd string, found configs.Found) string {
	for at := cwd; at != found.Dir || found.File == ""; at = filepath.Dir(at) {
		if path, err := control.SocketPath(at); err == nil && control.Answers(path) {
			return at
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return found.Dir
}

// client returns a client of the project's agent.
func (g *globals) client() (*control.Client, error) {
	dir, err := g.dir()
	if err != nil {
		return nil, err
	}
	g.project = dir
	path, err := control.SocketPath(dir)
	if err != nil {
		return nil, err
	}
	return control.NewClient(path), nil
}

// answerer answers questions about imports: the running agent, or else the
// project as it is on disk.
type answerer interface {
	Why(ctx context.Context, path string, services []string, limit int) (control.Why, error)
	Affected(ctx context.Context, paths []string) (control.Affected, error)
}

// ask returns the agent if one answers, else the project read from disk. dir
// is the project's directory.
func (g *globals) ask(ctx context.Context) (a answerer, dir string, err error) {
	c, err := g.client()
	if err != nil {
		return nil, "", err
	}
	st, err := c.Status(ctx)
	switch {
	case err == nil && st.Agent.State != control.Starting:
		return c, st.Agent.Project, nil
	case err != nil && !errors.Is(err, control.ErrNoAgent):
		return nil, "", err
	}
	cfg, err := g.loadOrEmpty()
	if err != nil {
		return nil, "", err
	}
	p, err := agent.Open(ctx, cfg)
	if err != nil {
		return nil, "", err
	}
	return p, cfg.Dir, nil
}

// directory refuses what is none.
func directory(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", dir, cause(err))
	}
	if !info.IsDir() {
		return fmt.Errorf("cannot read %s: it is a file; name a directory", dir)
	}
	return nil
}

// cause is what went wrong with a file, without the file's name and the
// system call, which the message around it says better.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// asked refuses a path that a question is not about: one that is not there and
// that the answer, as empty tells, knows nothing of, or a directory. What was
// deleted can be asked about as long as it is known.
func asked(path string, empty bool) error {
	info, err := os.Stat(path)
	switch {
	case !empty:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot explain %q: there is no such file, and nothing is known of one; name it as from the working directory", path)
	case err != nil:
		return fmt.Errorf("cannot explain %q: %w", path, cause(err))
	case info.IsDir():
		return fmt.Errorf("cannot explain %q: it is a directory; name files in it", path)
	}
	return nil
}

// inProject turns a path relative to the working directory into one relative
// to the project.
func inProject(dir, path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot find %q: %w", path, err)
	}
	rel, err := filepath.Rel(dir, abs)
	if err == nil && strings.HasPrefix(rel, "..") {
		// The project may have been reached through a symbolic link.
		if realDir, e := filepath.EvalSymlinks(dir); e == nil {
			if realParent, e := filepath.EvalSymlinks(filepath.Dir(abs)); e == nil {
				if r, e := filepath.Rel(realDir, filepath.Join(realParent, filepath.Base(abs))); e == nil {
					rel = r
				}
			}
		}
	}
	if err != nil {
		return "", fmt.Errorf("cannot find %q in %s: %w", path, dir, err)
	}
	return filepath.ToSlash(rel), nil
}
