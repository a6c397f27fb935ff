package agent

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/tools/txtar"

	"bounce/internal/control"
)

var update = flag.Bool("update", false, "rewrite the expected lines of the log")

// TestLog compares what a person reads with testdata/agent/log: each case has
// events, one JSON object a line as in `bounce events --json`, and what becomes
// of them: "console", "debug" (the console at that level) and "json".
func TestLog(t *testing.T) {
	eachArchive(t, "log", func(t *testing.T, file string, ar *txtar.Archive) {
		events := readEvents(t, ar.Files[0])
		for i, f := range ar.Files[1:] {
			got := logged(t, f.Name, events)
			if *update {
				ar.Files[i+1].Data = []byte(got)
			} else if got != string(f.Data) {
				t.Errorf("%s is\n%s\nwant\n%s", f.Name, got, f.Data)
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func readEvents(t *testing.T, f txtar.File) []control.Event {
	t.Helper()
	if f.Name != "events" {
		t.Fatalf("the first part is %q, want events", f.Name)
	}
	var events []control.Event
	for line := range strings.Lines(string(f.Data)) {
		var e control.Event
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		events = append(events, e)
	}
	return events
}

// logged returns the log of events in the form that name asks for.
func logged(t *testing.T, name string, events []control.Event) string {
	t.Helper()
	var b bytes.Buffer
	console := Console(&b, false)
	console.TimeLocation = time.UTC
	var log zerolog.Logger
	switch name {
	case "console":
		log = zerolog.New(console).Level(zerolog.InfoLevel)
	case "debug":
		log = zerolog.New(console)
	case "json":
		log = zerolog.New(&b).Level(zerolog.InfoLevel)
	default:
		t.Fatalf("no such form of the log: %q", name)
	}
	l := NewLog(log)
	for _, e := range events {
		l.Event(e)
	}
	return b.String()
}
