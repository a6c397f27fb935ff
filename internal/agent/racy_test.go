package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"bounce/decider"
	"bounce/runner"
	"bounce/watcher"
)

// TestRacySources says after which edits CPython may take bytecode of the older
// source for current.
func TestRacySources(t *testing.T) {
	second := time.Unix(1_600_000_000, 0)
	for _, c := range []struct {
		name          string
		before, after string
		apart         time.Duration
		want          bool
	}{
		{"same size, same second", "1", "2", 0, true},
		{"same size, the second after, as some file systems round", "1", "2", time.Second, true},
		{"same size, an older file moved into place", "1", "2", -time.Second, true},
		{"same size, long after", "1", "2", 2 * time.Second, false},
		{"another size, same second", "1", "22", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(text string, at time.Time) {
				path := filepath.Join(dir, "lib.py")
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, at, at); err != nil {
					t.Fatal(err)
				}
			}
			s := newStamps(second)
			edit := watcher.Batch{Changes: []watcher.Change{{Path: "lib.py", Kind: watcher.Modified}, {Path: "README.md", Kind: watcher.Modified}}}
			write(c.before, second)
			if racy := s.note(dir, edit); !racy["lib.py"] || len(racy) != 1 {
				t.Errorf("of a source whose older one may be as old as the agent: %v", racy)
			}
			write(c.after, second.Add(c.apart))
			if racy := s.note(dir, edit); racy["lib.py"] != c.want {
				t.Errorf("racy %v, want %v", racy["lib.py"], c.want)
			}
			if err := os.Remove(filepath.Join(dir, "lib.py")); err != nil {
				t.Fatal(err)
			}
			if racy, known := s.note(dir, edit)["lib.py"]; racy || !known {
				t.Errorf("deleted: racy %v, known %v", racy, known)
			}
		})
	}
}

// TestFirstEditIsRacyOnlyAtFirst has an agent that starts at 0 s.
func TestFirstEditIsRacyOnlyAtFirst(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lib.py")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// An mtime before that tells nothing: it may have been kept by a copy.
	for second, want := range map[int64]bool{-9: true, 0: true, 1: true, 2: false, 60: false} {
		at := time.Unix(1_600_000_000+second, 0)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		s := newStamps(time.Unix(1_600_000_000, 0))
		if got := s.note(dir, watcher.Batch{Changes: []watcher.Change{{Path: "lib.py"}}})["lib.py"]; got != want {
			t.Errorf("first edit at %d s: racy %v, want %v", second, got, want)
		}
	}
}

// TestStartOutlivesWhoLoadsOlderSource says for whom the start of api waits
// after an edit of a.py.
func TestStartOutlivesWhoLoadsOlderSource(t *testing.T) {
	now := time.Now()
	pid := 1
	young, grown, old := now.Add(-startTime/2), now.Add(-startTime), now.Add(-loadTime)
	for _, c := range []struct {
		name   string
		change func(*generations)
		worker runner.Status
		want   bool
	}{
		{"it was told to end, and loads on", nil, runner.Status{State: runner.StateStopping, PID: &pid, Started: &young}, true},
		{"its command has ended, its workers not yet", nil, runner.Status{State: runner.StateStopping}, true},
		{"it is not yet told to end", nil, runner.Status{State: runner.StateUnverified, PID: &pid, Started: &young}, true},
		{"it was told to end after a while", nil, runner.Status{State: runner.StateStopping, PID: &pid, Started: &grown}, true},
		{"nobody told it to end for a while", nil, runner.Status{State: runner.StateUnverified, PID: &pid, Started: &grown}, false},
		{"its process is just being made", nil, runner.Status{State: runner.StateStarting}, true},
		{"it is gone", nil, runner.Status{State: runner.StateWaiting}, false},
		{"it has run for long", nil, runner.Status{State: runner.StateStopping, PID: &pid, Started: &old}, false},
		{"it was ready", func(g *generations) { g.served("worker", 1) }, runner.Status{State: runner.StateStopping, PID: &pid, Started: &young}, false},
		{"the one before it was ready", func(g *generations) { g.served("worker", 0) }, runner.Status{State: runner.StateStopping, PID: &pid, Started: &young}, true},
		{"it waits for the same", nil, runner.Status{State: runner.StateStarting, Generation: 2}, false},
		{"it was started after the edit", func(g *generations) { g.starting("worker", 1, false, versioned(2)) }, runner.Status{State: runner.StateStarting, PID: &pid, Started: &young}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGenerations()
			g.starting("api", 1, false, versioned(1))
			g.starting("worker", 1, false, versioned(1))
			g.touch([]string{"api", "worker"}, map[string]bool{"a.py": true, "b.py": false})
			if c.change != nil {
				c.change(g)
			}
			c.worker.Name = "worker"
			if c.worker.Generation == 0 {
				c.worker.Generation = 1
			}
			api := runner.Status{Name: "api", Generation: 1, State: runner.StateStopping, PID: &pid, Started: &young}
			all := []runner.Status{api, c.worker}
			if got := g.loading("api", version(2).Files, all, now); got != c.want {
				t.Errorf("waits: %v, want %v", got, c.want)
			}
			if g.loading("api", decider.FilesOf(map[string]watcher.Hash{"b.py": {1}}), all, now) {
				t.Error("waits for a file that it does not load")
			}
		})
	}
}
