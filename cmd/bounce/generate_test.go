package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "rewrite the generated parts of docs/cli.md")

// TestGeneratedReference compares the marked parts of docs/cli.md with what the
// commands say of themselves. What stands between them is written by hand.
func TestGeneratedReference(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "cli.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root := newRoot(&globals{})
	parts := map[string]string{
		"verbs": verbTable(root),
		"codes": codeTable(),
		"flags": fenced(root.PersistentFlags().FlagUsages()),
		"each":  eachVerb(root),
	}
	mark := regexp.MustCompile(`(?s)(<!-- generated: (\w+) -->\n).*?(<!-- end -->)`)
	text := mark.ReplaceAllStringFunc(string(data), func(block string) string {
		m := mark.FindStringSubmatch(block)
		part, ok := parts[m[2]]
		if !ok {
			t.Errorf("%s has a part %q that nothing generates", file, m[2])
		}
		delete(parts, m[2])
		return m[1] + part + m[3]
	})
	for part := range parts {
		t.Errorf("%s has no part %q", file, part)
	}
	if text == string(data) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the commands say: run go test ./cmd/bounce -run Generated -update and read the diff", file)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEveryVerbIsExplained keeps a verb from having less to say than the
// others.
func TestEveryVerbIsExplained(t *testing.T) {
	for _, cmd := range verbs(newRoot(&globals{})) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: Short is %q; want words without a full stop", cmd.Name(), cmd.Short)
		}
		if cmd.Long == "" || !strings.HasSuffix(cmd.Long, ".") {
			t.Errorf("%s: Long is %q; want sentences", cmd.Name(), cmd.Long)
		}
		if cmd.Args == nil {
			t.Errorf("%s does not say which arguments it takes", cmd.Name())
		}
		for line := range strings.Lines(cmd.Long) {
			if utf8.RuneCountInString(line) > 81 {
				t.Errorf("%s: a line of Long is longer than 80: %s", cmd.Name(), line)
			}
		}
	}
}

// verbs returns the verbs by group, in the order of help.
func verbs(root *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	groups := []string{}
	for _, g := range root.Groups() {
		groups = append(groups, g.ID)
	}
	for _, group := range append(groups, "") {
		for _, cmd := range root.Commands() {
			if cmd.GroupID == group && cmd.Name() != "help" && !cmd.Hidden {
				all = append(all, cmd)
			}
		}
	}
	return all
}

func verbTable(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("| verb | does |\n|---|---|\n")
	for _, cmd := range verbs(root) {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", strings.ReplaceAll(cmd.Use, "|", "\\|"), cmd.Name(), cmd.Short)
	}
	return b.String()
}

func codeTable() string {
	var b strings.Builder
	b.WriteString("| code | means |\n|---|---|\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "| %s | %s |\n", e.code, e.means)
	}
	return b.String()
}

func eachVerb(root *cobra.Command) string {
	var b strings.Builder
	for _, cmd := range verbs(root) {
		fmt.Fprintf(&b, "### %s\n\n%s\n%s\n", cmd.Name(), fenced(cmd.UseLine()), cmd.Long)
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\n%s", fenced(cmd.Example))
		}
		if flags := cmd.NonInheritedFlags().FlagUsages(); flags != "" {
			fmt.Fprintf(&b, "\n%s", fenced(flags))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// fenced returns a block of text as it is, its common indentation left out.
func fenced(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	indent := -1
	for _, line := range lines {
		if n := len(line) - len(strings.TrimLeft(line, " ")); line != "" && (indent < 0 || n < indent) {
			indent = n
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line[min(indent, len(line)):], " ")
	}
	return "```\n" + strings.Join(lines, "\n") + "\n```\n"
}
