//go:build linux

package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

//go:embed all:projects
var projects embed.FS

// project is a Python project and how it is run.
type project struct {
	name  string
	Title string `json:"title"`
	// Edit is the file that is edited, which has a line REVISION = "...".
	Edit string `json:"edit"`
	// LimitMS is how long bounce may take with warm starts, as a median, in
	// milliseconds; 0 where nothing but the ratio is promised.
	LimitMS int `json:"limit_ms"`
	// Ask is a command that asks the service for its revision, as ask.py says;
	// without it, the body of GET / is that.
	Ask []string `json:"ask"`
	// Least is the service's own command: the bench itself restarts that one, by
	// TERM, wait and start, which is the least a cold restart takes.
	Least []string  `json:"least"`
	Peers []program `json:"peers"`
}

// program is one contender. In its command {port} is the port to serve on.
type program struct {
	Name    string   `json:"name"`
	Command []string `json:"command"`

	name    string
	variant bool   // bounce, with the configuration config
	config  string // the text of its bounce.yaml
	least   bool   // restarted by the bench
}

// leastName is that of the service alone in tables.
const leastName = "nothing watches: TERM, wait, start"

// loadCases returns the projects; one alone when it is named.
func loadCases(only string) ([]project, error) {
	dirs, err := projects.ReadDir("projects")
	if err != nil {
		return nil, err
	}
	var all []project
	var names []string
	for _, d := range dirs {
		names = append(names, d.Name())
		if only != "" && d.Name() != only {
			continue
		}
		text, err := projects.ReadFile(path.Join("projects", d.Name(), "case.json"))
		if err != nil {
			return nil, err
		}
		p := project{name: d.Name()}
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, fmt.Errorf("cannot read case.json of %s: %w", d.Name(), err)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no project %q; there are %s", only, strings.Join(names, ", "))
	}
	return all, nil
}

// programs returns the contenders: the service alone, variants of bounce, peers.
func (p project) programs(bounce string) []program {
	all := []program{{name: leastName, Command: p.Least, least: true}}
	files, _ := fs.Glob(projects, path.Join("projects", p.name, "bounce-*.yaml"))
	for _, file := range files {
		text, _ := projects.ReadFile(file) // it is embedded
		words := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "bounce-"), ".yaml")
		all = append(all, program{
			name: "bounce, " + strings.ReplaceAll(words, "-", " "), variant: true, config: string(text),
			Command: []string{bounce, "up", "--json"},
		})
	}
	for _, peer := range p.Peers {
		peer.name = peer.Name
		all = append(all, peer)
	}
	return all
}

// copyTo writes the project's own files to dir.
func (p project) copyTo(dir string) error {
	root := path.Join("projects", p.name)
	return fs.WalkDir(projects, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(file, root), "/")
		to := filepath.Join(dir, filepath.FromSlash(rel))
		switch {
		case d.IsDir() && d.Name() == "__pycache__":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(to, 0o755)
		case rel == "case.json" || strings.HasPrefix(rel, "bounce-"):
			return nil
		}
		text, err := projects.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o644)
	})
}

// configure writes the bounce.yaml of a variant into dir, and returns its name.
func (p program) configure(dir string, port int) (string, error) {
	file := filepath.Join(dir, "bounce.yaml")
	return file, os.WriteFile(file, []byte(atPort(p.config, port)), 0o644)
}

func atPort(text string, port int) string {
	return strings.ReplaceAll(text, "{port}", strconv.Itoa(port))
}

var revisionLine = regexp.MustCompile(`(?m)^REVISION = ".*"$`)

// revise returns the text of a file with another revision.
func revise(text []byte, revision string) ([]byte, error) {
	if len(revisionLine.FindAll(text, 2)) != 1 {
		return nil, fmt.Errorf("cannot find the one line %s", revisionLine)
	}
	return revisionLine.ReplaceAll(text, fmt.Appendf(nil, "REVISION = %q", revision)), nil
}
