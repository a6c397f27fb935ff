package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"bounce/internal/control"
)

func TestExitCode(t *testing.T) {
	plain := errors.New("no luck")
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, 0},
		{"of cobra, before the verb began", plain, exitUsage},
		{"of a verb", &verbError{plain}, exitFailed},
		{"of a verb that found a mistake on the command line", &verbError{usage(plain)}, exitUsage},
		{"two mistakes at once", &verbError{errors.Join(usage(plain), usage(plain))}, exitUsage},
		{"no agent", &verbError{fmt.Errorf("cannot ask: %w", control.ErrNoAgent)}, exitNoAgent},
		{"refused by the agent", &verbError{&control.Refusal{Text: "no"}}, exitFailed},
		{"said already", &verbError{&exitError{code: exitNotAtTarget}}, exitNotAtTarget},
		{"forced", &verbError{&exitError{code: 130}}, 130},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestMistakesAreExplained runs command lines that are wrong: exit code 2,
// nothing on stdout, and the way to help on stderr.
func TestMistakesAreExplained(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"staus", `no verb "staus"; did you mean status or start?`},
		{"frobnicate", `no verb "frobnicate"` + "\n"},
		{"--frobnicate", "unknown flag: --frobnicate"},
		{"why", "bounce why takes PATH [SERVICE]; given: none"},
		{"why a b c", `bounce why takes PATH [SERVICE]; given: "a" "b" "c"`},
		{"affected", "bounce affected takes PATH...; given: none"},
		{"status api", `bounce status takes no arguments; given: "api"`},
		{"logs -n -1", "bad --lines -1: it must not be negative"},
		{"sync --timeout -1s", "bad --timeout -1s: it must be longer than nothing"},
		{"graph --format x --direction y", `bad --format "x": it is json, dot or mermaid`},
		{"graph --format x --direction y", `bad --direction "y": it is dependencies or dependents`},
		{"status --log-level loud", `bad --log-level "loud": it is debug, info, warn or error`},
		{"help staus", `no verb "staus"`},
		{"help a b", "bounce help takes [VERB]; given: \"a\" \"b\""},
		{"completion tcsh", `bad shell "tcsh": it is bash, zsh or fish`},
		{"up --", "there is no command after --"},
	} {
		var out, errs bytes.Buffer
		code := run(context.Background(), strings.Fields(c.line), streams{strings.NewReader(""), &out, &errs})
		if code != exitUsage || out.Len() > 0 {
			t.Errorf("bounce %s: exit code %d, want %d; stdout %q", c.line, code, exitUsage, out.String())
		}
		if text := errs.String(); !strings.Contains(text, c.want) || !strings.HasPrefix(text, "bounce: ") || !strings.Contains(text, "\nSee 'bounce") {
			t.Errorf("bounce %s: stderr %q, want %q and where help is", c.line, text, c.want)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestResultThatCannotBeWrittenIsAFailure(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.py", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"version", "version --json", "graph", "affected a.py --json", "help", "completion bash"} {
		var errs bytes.Buffer
		code := run(context.Background(), strings.Fields(line), streams{strings.NewReader(""), full{}, &errs})
		if code != exitFailed || !strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("bounce %s: exit code %d, stderr %q", line, code, errs.String())
		}
	}
}

func TestOutputAlignsAndColours(t *testing.T) {
	var b bytes.Buffer
	o := &output{w: &b, codes: map[string]int{}}
	for _, l := range []control.Line{{Service: "worker", Text: "a\x1b[31mb"}, {Service: "api", Text: "\x1b]0;title\a"}} {
		if err := o.write(l); err != nil {
			t.Fatal(err)
		}
	}
	if want := "worker | ab\napi    | \\x1b]0;title\\x07\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	b.Reset()
	o = &output{w: &b, colour: true, codes: map[string]int{}}
	if err := o.write(control.Line{Service: "api", Text: "a\x1b[31mb"}); err != nil {
		t.Fatal(err)
	}
	if want := "\x1b[36mapi |\x1b[0m a\x1b[31mb\x1b[0m\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// TestOutcomeIsSaidOnce judges what the verbs print about services that are not
// where they should be.
func TestOutcomeIsSaidOnce(t *testing.T) {
	pid := 7
	held := &control.Hold{Kind: "syntax", Service: "api", What: "SyntaxError: no\x07", Path: "lib.py", Line: 3, EndsWhen: "lib.py compiles"}
	spent := &control.Hold{Kind: "budget", Service: "web", What: "exit code 1", EndsWhen: "a change reaches web"}
	out := control.Outcome{
		Services: []control.Service{
			{Name: "api", State: "ready", Intent: "up", PID: &pid, Generation: 2, Reason: "operator", Hold: held},
			{Name: "web", State: "exhausted", Intent: "up", Reason: "exit code 1", Hold: spent},
		},
		Holds: []control.Hold{*held, *spent, {Kind: "git", What: "a rebase is under way", EndsWhen: "it is done"}},
	}
	var b bytes.Buffer
	g := &globals{streams: streams{err: &b}}
	err := atTarget(g, out)
	if exitCode(&verbError{err}) != exitNotAtTarget {
		t.Errorf("atTarget = %v", err)
	}
	want := `bounce: api held: SyntaxError: no\x07 (lib.py:3); ends when lib.py compiles
bounce: web is exhausted: exit code 1; ends when a change reaches web
bounce: held: a rebase is under way; ends when it is done
`
	if b.String() != want {
		t.Errorf("stderr:\n%swant:\n%s", b.String(), want)
	}
	b.Reset()
	writeServices(&b, out)
	if want := "api ready pid 7 generation 2\nweb exhausted: exit code 1\n"; b.String() != want {
		t.Errorf("stdout:\n%swant:\n%s", b.String(), want)
	}
}
