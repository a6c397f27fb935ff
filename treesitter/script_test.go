package treesitter

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected output of scripts")

// TestScripts runs the cases of testdata/treesitter. Each is a tree of files
// and a script: lines that begin with "> " are commands, what follows is their
// output, which -update rewrites.
//
//	> options roots=src,. nostrings nopackagestrings typing skiplazy
//	> reach ENTRY...        files and the chains that lead to them; an entry is a
//	                        module, or a path with a slash or .py; "roots=a,b"
//	                        applies to those after it
//	> dependents PATH...    files that reach these, and the chains
//	> edges PATH...         direct edges
//	> importers PATH...     files that lead to one of these directly
//	> unresolved PATH...    imports without a file
//	> lost PATH GONE...     imports that fail without modules that are gone
//	> opaque                files that import what cannot be known
//	> roots                 what FindRoots finds
//	> write N               adds the files named "N/path" as "path"
//	> delete PATH...
//	> rename FROM TO
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("../testdata/treesitter/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range a.Files {
				if f.Name != "script" {
					continue
				}
				got := newScript(a).run(t, string(f.Data))
				if got == string(f.Data) {
					continue
				}
				if !*update {
					t.Errorf("%s: got\n%s\nwant\n%s", name, got, f.Data)
					continue
				}
				a.Files[i].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type script struct {
	archive *txtar.Archive
	opts    Options
	tree    map[string]string
	graph   *Graph
}

func newScript(a *txtar.Archive) *script {
	s := &script{archive: a, tree: make(map[string]string)}
	for _, f := range a.Files {
		if first, _, _ := strings.Cut(f.Name, "/"); f.Name != "script" && strings.Trim(first, "0123456789") != "" {
			s.tree[f.Name] = unescape(f.Data)
		}
	}
	s.rebuild()
	return s
}

// unescape lets cases hold bytes that a text file cannot: \r, \f, \xNN at the
// places marked by a line "#!escaped" at the top.
func unescape(b []byte) string {
	text, ok := strings.CutPrefix(string(b), "#!escaped\n")
	if ok {
		text = strings.NewReplacer(`\r`, "\r", `\f`, "\f", `\t`, "\t", `\0`, "\x00", `\ufeff`, "\ufeff", `\xe9`, "\xe9").Replace(text)
	}
	return text
}

func (s *script) rebuild() { s.graph = fresh(s.opts, s.tree) }

// fresh builds a graph in one go.
func fresh(opts Options, tree map[string]string) *Graph {
	var changes []Change
	for _, p := range slices.Sorted(maps.Keys(tree)) {
		changes = append(changes, Change{p, extract(p, tree[p])})
	}
	return New(opts).Update(changes)
}

func extract(p, src string) *Facts {
	if strings.HasSuffix(p, ".py") || filepath.Ext(p) == "" {
		return Extract([]byte(src))
	}
	return new(Facts)
}

func (s *script) run(t *testing.T, text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "> "):
			out.WriteString(line)
			s.command(t, &out, strings.Fields(line[2:]))
		case strings.HasPrefix(line, "#"), strings.TrimSpace(line) == "":
			out.WriteString(line)
		}
	}
	return out.String()
}

func (s *script) command(t *testing.T, out *strings.Builder, words []string) {
	args := words[1:]
	switch words[0] {
	case "options":
		s.opts = Options{}
		for _, a := range args {
			switch key, value, _ := strings.Cut(a, "="); key {
			case "roots":
				s.opts.Roots = strings.Split(value, ",")
			case "nostrings":
				s.opts.NoStrings = true
			case "nopackagestrings":
				s.opts.NoPackageStrings = true
			case "typing":
				s.opts.FollowTyping = true
			case "skiplazy":
				s.opts.SkipLazy = true
			default:
				t.Fatalf("unknown option %q", a)
			}
		}
		s.rebuild()
	case "reach":
		writeReach(out, s.graph.Reach(entries(args)...))
	case "dependents":
		writeReach(out, s.graph.Dependents(args...))
	case "importers":
		fmt.Fprintln(out, strings.Join(s.graph.Importers(nil, args...), " "))
	case "edges":
		for _, p := range args {
			for _, e := range s.graph.Edges(p) {
				fmt.Fprintf(out, "%s:%d %s %s\n", e.From, e.Line, e.Kind, e.To)
			}
		}
	case "unresolved":
		for _, p := range args {
			for _, r := range s.graph.Unresolved(p) {
				fmt.Fprintf(out, "%s:%d %s\n", p, r.Line, format(r.Statement))
			}
		}
	case "lost":
		var back []Change
		for _, p := range args[1:] {
			back = append(back, Change{p, new(Facts)})
		}
		for _, l := range s.graph.Lost(s.graph.Update(back), nil, args[0]) {
			fmt.Fprintf(out, "%s:%d %s was %s", args[0], l.Line, l.Name, l.File)
			if l.Package != "" {
				fmt.Fprintf(out, ", unless %s binds it", l.Package)
			}
			if l.Foreign {
				out.WriteString(", unless it is installed")
			}
			out.WriteString("\n")
		}
	case "opaque":
		for p, lines := range s.graph.Opaque() {
			fmt.Fprintln(out, p, lines)
		}
	case "roots":
		files := slices.Sorted(maps.Keys(s.tree))
		read := func(p string) ([]byte, error) { return []byte(s.tree[p]), nil }
		fmt.Fprintln(out, strings.Join(FindRoots(files, read), " "))
	case "facts":
		for _, p := range args {
			writeFacts(out, p, s.graph.Facts(p))
		}
	case "write":
		var changes []Change
		for _, f := range s.archive.Files {
			if p, ok := strings.CutPrefix(f.Name, args[0]+"/"); ok {
				s.tree[p] = unescape(f.Data)
				changes = append(changes, Change{p, extract(p, s.tree[p])})
			}
		}
		s.graph = s.graph.Update(changes)
	case "delete":
		var changes []Change
		for _, p := range args {
			delete(s.tree, p)
			changes = append(changes, Change{Path: p})
		}
		s.graph = s.graph.Update(changes)
	case "rename":
		from, to := args[0], args[1]
		s.tree[to] = s.tree[from]
		delete(s.tree, from)
		s.graph = s.graph.Update([]Change{{to, extract(to, s.tree[to])}, {Path: from}})
	default:
		t.Fatalf("unknown command %q", words)
	}
}

func entries(words []string) []Entry {
	var all []Entry
	var roots []string
	for _, w := range words {
		if list, ok := strings.CutPrefix(w, "roots="); ok {
			roots = strings.Split(list, ",")
		} else if strings.Contains(w, "/") || strings.HasSuffix(w, ".py") {
			all = append(all, Entry{File: w, Roots: roots})
		} else {
			all = append(all, Entry{Module: w, Roots: roots})
		}
	}
	return all
}

// writeReach writes a line for each file: its path and the chain.
func writeReach(out *strings.Builder, r *Reach) {
	for _, p := range slices.Sorted(r.All()) {
		out.WriteString(p)
		sep := ": "
		for _, e := range r.Chain(p) {
			fmt.Fprintf(out, "%s%s:%d %s %s", sep, e.From, e.Line, e.Kind, e.To)
			sep = ", "
		}
		out.WriteString("\n")
	}
}

func writeFacts(out *strings.Builder, p string, f *Facts) {
	for _, r := range f.Refs {
		fmt.Fprintf(out, "%s:%d %s%s\n", p, r.Line, format(r.Statement), r.Scope)
	}
	if f.All != nil {
		fmt.Fprintf(out, "%s: __all__ %s\n", p, strings.Join(f.All, " "))
	}
	if f.Opaque != nil {
		fmt.Fprintf(out, "%s: opaque %d\n", p, f.Opaque)
	}
	if f.Partial {
		fmt.Fprintf(out, "%s: partial\n", p)
	}
	if f.Err != nil {
		fmt.Fprintf(out, "%s:%d error: %s\n", p, f.Err.Line, f.Err.Text)
	}
}

// format writes a statement in a canonical way.
func format(st *Statement) string {
	var names []string
	for _, n := range st.Names {
		if n.As != "" {
			n.Name += " as " + n.As
		}
		names = append(names, n.Name)
	}
	module := strings.Repeat(".", st.Level) + st.Module
	switch st.Kind {
	case Import:
		return "import " + strings.Join(names, ", ")
	case From:
		return "from " + module + " import " + strings.Join(names, ", ")
	case Star:
		return "from " + module + " import *"
	case Prefix:
		return "prefix " + module + "{}" + st.Tail
	}
	return st.Kind.String() + " " + module
}

func (s Scope) String() string {
	text := ""
	for i, name := range []string{"function", "class", "block", "typing"} {
		if s&(1<<i) != 0 {
			text += " @" + name
		}
	}
	return text
}
