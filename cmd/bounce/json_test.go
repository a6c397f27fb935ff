package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bounce/runner"
)

// wireFiles declare what goes over the control socket: every type in them is
// described in docs/cli.md, but those that a client sends.
var wireFiles = []string{"internal/control/wire.go", "internal/control/facts.go"}

// sent are the types that no verb prints.
var sent = []string{"control.Request", "control.LogQuery"}

// otherFiles declare what else verbs print; of them the types are described
// that docs/cli.md names.
var otherFiles = []string{
	"decider/plan.go", "decider/fire.go", "internal/agent/check.go", "internal/agent/cycles.go", "internal/agent/weight.go",
	"internal/machine/clock.go", "internal/machine/limits.go", "internal/machine/place.go", "cmd/bounce/doctor.go",
}

// TestJSONIsDescribed compares the tables of docs/cli.md behind "keys:" with
// the fields of the types, both ways; a key in italics is one that is left out
// when it has nothing to say.
func TestJSONIsDescribed(t *testing.T) {
	types := map[string][]string{}
	for _, file := range append(slices.Clone(wireFiles), otherFiles...) {
		maps.Copy(types, keysOf(t, file))
	}
	described := tables(t, "keys: ")
	for name, keys := range described {
		var rows []string
		for _, row := range keys {
			rows = append(rows, row[0])
		}
		if want, ok := types[name]; !ok {
			t.Errorf("docs/cli.md describes %s, which is nowhere", name)
		} else if !slices.Equal(rows, want) {
			t.Errorf("docs/cli.md has of %s the keys\n%q, the type\n%q", name, rows, want)
		}
	}
	for _, file := range wireFiles {
		for name := range keysOf(t, file) {
			if described[name] == nil && !slices.Contains(sent, name) {
				t.Errorf("docs/cli.md does not describe %s", name)
			}
		}
	}
}

// TestJSONWordsAreDescribed: each state of a service, and each kind of events and
// of holds, is in the tables, and no other.
func TestJSONWordsAreDescribed(t *testing.T) {
	var states []string
	for _, s := range runner.States() {
		states = append(states, string(s))
	}
	rows := tables(t, "keys: ")["control.Service"]
	state := rows[slices.IndexFunc(rows, func(row []string) bool { return row[0] == "`state`" })]
	if got := words(state[1]); !slices.Equal(got, states) {
		t.Errorf("docs/cli.md has the states\n%q, there are\n%q", got, states)
	}

	var kinds []string
	for _, row := range tables(t, "kinds")[""] {
		kinds = append(kinds, words(row[0])...)
	}
	compare(t, "events", kinds, kindsOf(t, "Event", "runner", "internal/agent", "cmd/bounce"))

	rows = tables(t, "keys: ")["control.Hold"]
	kind := rows[slices.IndexFunc(rows, func(row []string) bool { return row[0] == "`kind`" })]
	compare(t, "holds", words(kind[1]), kindsOf(t, "Hold", "runner", "decider", "internal/agent"))
}

func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("docs/cli.md has the kinds of %s\n%q, there are\n%q", what, got, want)
	}
}

// words are those in backticks.
func words(text string) (out []string) {
	for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// tables returns the rows of the tables in docs/cli.md that follow a comment
// that begins so, by the rest of it.
func tables(t *testing.T, mark string) map[string][][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][][]string{}
	block := regexp.MustCompile(`(?m)^<!-- ` + mark + `(\S*?) ?-->\n\|.*\n\|---\|---\|\n((?:\|.*\n)+)`)
	for _, m := range block.FindAllStringSubmatch(string(data), -1) {
		for row := range strings.Lines(m[2]) {
			key, value, _ := strings.Cut(strings.Trim(row, "|\n"), "|")
			found[m[1]] = append(found[m[1]], []string{strings.TrimSpace(key), strings.TrimSpace(value)})
		}
	}
	if len(found) == 0 {
		t.Fatalf("docs/cli.md has no tables of %s", mark)
	}
	return found
}

// parse reads a source file of the module.
func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", filepath.FromSlash(file)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// keysOf returns the keys of each struct of a file that has any, as the tables
// write them. What is embedded has a table of its own.
func keysOf(t *testing.T, file string) map[string][]string {
	t.Helper()
	f := parse(t, file)
	found := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			if field.Tag == nil {
				continue
			}
			text, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			key, rest, _ := strings.Cut(reflect.StructTag(text).Get("json"), ",")
			switch {
			case key == "-" || key == "":
				continue
			case strings.Contains(rest, "omitempty"):
				key = "*`" + key + "`*"
			default:
				key = "`" + key + "`"
			}
			name := f.Name.Name + "." + spec.Name.Name
			found[name] = append(found[name], key)
		}
		return true
	})
	return found
}

// kindsOf returns the kinds of a type, Event or Hold, that packages make: what
// is written in values of it and in calls of holdFor, and constants of the
// type Kind.
func kindsOf(t *testing.T, of string, pkgs ...string) []string {
	t.Helper()
	var kinds []string
	add := func(e ast.Expr) {
		if text, ok := e.(*ast.BasicLit); ok && text.Kind == token.STRING {
			kind, err := strconv.Unquote(text.Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, kind)
		}
	}
	for _, pkg := range pkgs {
		for _, f := range parsePackage(t, pkg) {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					if of == "Event" && nameOf(n.Type) == "Kind" {
						add(n.Values[0])
					}
				case *ast.CallExpr:
					if of == "Hold" && nameOf(n.Fun) == "holdFor" {
						add(n.Args[0])
					}
				case *ast.CompositeLit:
					if nameOf(n.Type) != of {
						break
					}
					for _, e := range n.Elts {
						if pair, ok := e.(*ast.KeyValueExpr); ok && nameOf(pair.Key) == "Kind" {
							add(pair.Value)
						}
					}
				}
				return true
			})
		}
	}
	return kinds
}

// nameOf is the last part of a name; "" for what is none.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func parsePackage(t *testing.T, pkg string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no sources of %s: %v", pkg, err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			files = append(files, parse(t, path.Join(pkg, filepath.Base(name))))
		}
	}
	return files
}
