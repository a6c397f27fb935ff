package agent

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/installed"
)

// TestPackages tells which installed packages services load and why. Each file of
// testdata/agent/packages is a project, as those of TestInstalled; lines
//
//	dist: NAME modules=A,B needs=X,Y scripts=P
//	seen: SERVICE GENERATION NAME... FILE.py...
//
// of its comment are installed in its .venv, and were seen by a generation that
// was ready; want has what is told.
func TestPackages(t *testing.T) {
	eachArchive(t, "packages", func(t *testing.T, file string, ar *txtar.Archive) {
		t.Parallel()
		c := layOut(t, ar)
		for line := range strings.Lines(string(ar.Comment)) {
			if words, ok := strings.CutPrefix(line, "dist: "); ok {
				c.install(t, strings.Fields(words))
			}
		}
		got := c.packages(t, string(ar.Comment))
		i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
		switch {
		case i < 0:
			t.Fatal("there is no want")
		case *update:
			ar.Files[i].Data = []byte(got)
			if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		case string(ar.Files[i].Data) != got:
			t.Errorf("got\n%s\nwant\n%s", got, ar.Files[i].Data)
		}
	})
}

// What is installed after the Pythons were asked, and before anybody follows
// what is, is not decided on.
func TestInstalledMeanwhile(t *testing.T) {
	c := layOut(t, txtar.Parse([]byte("-- bounce.yaml --\nservices: {api: {run: .venv/bin/python api.py}}\n-- api.py --\nimport late\n")))
	c.install(t, []string{"early", "modules=early"})
	cfg, err := configs.Load(filepath.Join(c.dir, "bounce.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	follow := func() *installer {
		now := p.glimpse(p.view)
		a := &Agent{}
		a.inPlace.Store(&setup{project: p})
		f := &installer{Agent: a, decided: now.asOf(p.view)}
		f.seen = f.decided
		f.take(now)
		return f
	}
	if f := follow(); f.moving || len(f.changes()) > 0 {
		t.Errorf("nothing was installed, and %v is to be decided on", f.changes())
	}
	c.install(t, []string{"late", "modules=late"})
	f := follow()
	if changes := f.changes(); !f.moving || len(changes) != 1 || installed.Words(changes[0].changes) != "+late 1" {
		t.Errorf("late was installed, and %v is to be decided on", changes)
	}
	s := p.view.services["api"].service
	if err := os.Rename(filepath.Join(c.dir, ".venv"), filepath.Join(c.dir, "away")); err != nil {
		t.Fatal(err)
	}
	if f = follow(); !f.moving || !f.vanished(s, s) {
		t.Error("the environment is away, and taken for empty")
	}
}

// install puts a distribution into the environment, as far as it is looked at.
func (c *layout) install(t *testing.T, words []string) {
	metadata, record := fmt.Sprintf("Name: %s\nVersion: 1\n", words[0]), ""
	for _, word := range words[1:] {
		key, values, _ := strings.Cut(word, "=")
		for value := range strings.SplitSeq(values, ",") {
			switch key {
			case "modules":
				record += strings.ReplaceAll(value, ".", "/") + "/__init__.py,sha256=a,1\n"
			case "scripts":
				record += "../../../bin/" + value + ",sha256=a,1\n"
			case "needs":
				metadata += "Requires-Dist: " + value + "\n"
			default:
				t.Fatalf("cannot read %q", word)
			}
		}
	}
	info := filepath.Join(c.site, words[0]+"-1.dist-info")
	mustWrite(t, filepath.Join(info, "METADATA"), metadata, 0o644)
	mustWrite(t, filepath.Join(info, "RECORD"), record, 0o644)
}

// packages tells what services load, given what was seen.
func (c *layout) packages(t *testing.T, seen string) string {
	cfg, err := configs.Load(filepath.Join(c.dir, "bounce.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]*sightings{}
	for line := range strings.Lines(seen) {
		if words, ok := strings.CutPrefix(line, "seen: "); ok {
			words := strings.Fields(words)
			generation, err := strconv.Atoi(words[1])
			if err != nil {
				t.Fatal(err)
			}
			files, loaded := map[string]bool{}, map[string]bool{}
			for _, name := range words[2:] {
				if strings.HasSuffix(name, ".py") {
					files[name] = false
				} else {
					loaded[name] = true
				}
			}
			key := p.view.services[words[0]].service.sightingKey()
			known[words[0]] = known[words[0]].with(key, generation, files, loaded, true)
		}
	}
	p.observed(known)
	var b strings.Builder
	for _, name := range p.view.names() {
		packages := p.view.services[name].version.Packages
		if len(packages) == 0 {
			fmt.Fprintf(&b, "%s loads none\n", name)
		}
		for _, distribution := range slices.Sorted(maps.Keys(packages)) {
			chain := p.view.Needs(name, distribution)
			if len(chain) == 0 {
				t.Errorf("%s loads %s, and nothing leads there", name, distribution)
				continue
			}
			reason := words([]decider.Reason{{Package: distribution, Chain: chain}}, 0)
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Replace(reason, " changed", "", 1))
		}
	}
	return b.String()
}
