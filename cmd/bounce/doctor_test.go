package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestDiagnose reads what was looked at from the archives of testdata/doctor, and
// compares what is said of it.
func TestDiagnose(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "doctor", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil || len(archive.Files) != 2 {
				t.Fatalf("want in.json and want: %v", err)
			}
			var e examination
			if err := json.Unmarshal(archive.Files[0].Data, &e); err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, f := range diagnose(&e) {
				got.WriteString(f.Level + ": " + f.Text + "\n")
			}
			if want := string(archive.Files[1].Data); got.String() != want {
				t.Errorf("got\n%swant\n%s", got.String(), want)
			}
		})
	}
}

func TestWhatCannotBeLookedAtIsSaid(t *testing.T) {
	e := &examination{Program: "1"}
	e.note("limits", nil)
	e.note("the project", errPlain("bounce: no file"))
	found := diagnose(e)
	if len(found) != 1 || found[0] != (finding{wrong, "cannot look at the project: no file"}) {
		t.Errorf("found %v", found)
	}
}

type errPlain string

func (e errPlain) Error() string { return string(e) }
