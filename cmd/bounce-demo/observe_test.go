package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"bounce/internal/control"
)

var update = flag.Bool("update", false, "rewrite what the cases of testdata/bounce-demo want")

// TestObservations runs the cases of testdata/bounce-demo: what the agent says
// (before.json and after.json are services, events.jsonl is what lies between)
// and what a step expects (step.json), against what is shown (screen) and what
// is found wrong (wrong, a line each).
func TestObservations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "bounce-demo", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sections := map[string][]byte{}
			for _, f := range archive.Files {
				sections[f.Name] = f.Data
			}
			var expected struct {
				Changed         string
				Restarts, Holds []string
			}
			var before, after []control.Service
			for name, target := range map[string]any{"step.json": &expected, "before.json": &before, "after.json": &after} {
				if err := json.Unmarshal(sections[name], target); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			var events []control.Event
			for lines := json.NewDecoder(bytes.NewReader(sections["events.jsonl"])); ; {
				var e control.Event
				if err := lines.Decode(&e); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				events = append(events, e)
			}

			o, err := observe(before, after, events)
			if err != nil {
				t.Fatal(err)
			}
			var shown bytes.Buffer
			saved := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			(&screen{w: &shown}).observation(o, saved)
			wrong := judge(step{changed: expected.Changed, restarts: expected.Restarts, holds: expected.Holds}, o)

			got := map[string]string{"screen": shown.String(), "wrong": lines(wrong)}
			for i, f := range archive.Files {
				want, ok := got[f.Name]
				if !ok {
					continue
				}
				if *update {
					archive.Files[i].Data = []byte(want)
				} else if want != string(f.Data) {
					t.Errorf("%s is\n%s\nwant\n%s", f.Name, want, f.Data)
				}
				delete(got, f.Name)
			}
			for name := range got {
				t.Errorf("the case has no %s", name)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// lines joins texts, each with a line end.
func lines(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(text + "\n")
	}
	return b.String()
}

func TestAPlanThatCannotBeReadIsAnError(t *testing.T) {
	if _, err := observe(nil, nil, []control.Event{{Seq: 7, Kind: "plan", Plan: json.RawMessage(`[]`)}}); err == nil {
		t.Error("observe took a plan that is none")
	}
}

func TestColourIsOnlyForTerminals(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	newScreen(file).title("title", "aside")
	content, err := os.ReadFile(file.Name())
	if err != nil || strings.Contains(string(content), "\x1b") || !strings.Contains(string(content), "title") {
		t.Errorf("%q, %v; want plain text", content, err)
	}
	var shown bytes.Buffer
	(&screen{w: &shown, colour: true}).title("title", "")
	if want := "\n\x1b[1mtitle\x1b[0m\n"; shown.String() != want {
		t.Errorf("%q, want %q", &shown, want)
	}
}
