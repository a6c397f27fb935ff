package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bounce/internal/soak"
)

// cmdKilled kills agents at random moments, of their start, their run and of a
// restart, edits among them. After each kill a new agent must find one process
// per service that runs what FILE says, and those that do not load it with the
// pids that they have had.
//
//	killed FEW MANY FILE NAME...
//
// FILE has a line "REV = N", and the NAMEs load it: each service writes the N
// that it has seen to the file rev.NAME.
func cmdKilled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: killed FEW MANY FILE NAME...")
	}
	few, err := strconv.Atoi(args[0])
	ts.Check(err)
	many, err := strconv.Atoi(args[1])
	ts.Check(err)
	seed := uint64(time.Now().UnixNano())
	ts.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	file, loads := ts.MkAbs(args[2]), args[3:]
	w := worldOf(ts)
	revision := 1000
	edit := func() {
		revision++
		ts.Check(os.WriteFile(file, fmt.Appendf(nil, "REV = %d\n", revision), 0o644))
	}
	for round := range soak.Times(few, many) {
		before := w.pids
		// One agent dies while it starts, or soon after; another may follow.
		for range 1 + random.IntN(2) {
			if w.agent != nil {
				if random.IntN(3) == 0 {
					edit() // and it is killed while it restarts them
				}
				pause(random, 300*time.Millisecond)
				ts.Check(w.agent.Process.Kill())
				<-w.exited
				w.agent = nil
				continue
			}
			path, err := exec.LookPath("bounce")
			ts.Check(err)
			cmd := exec.Command(path, "up")
			cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			ts.Check(cmd.Start())
			pause(random, 1200*time.Millisecond)
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // by KILL
		}
		if w.agent != nil {
			ts.Check(w.agent.Process.Kill())
			<-w.exited
			w.agent = nil
		}
		if random.IntN(2) == 0 {
			edit()
		}
		cmdUp(ts, false, nil)
		if _, err := bounce(ts, "sync", "--timeout", patience.String()); err != nil {
			ts.Fatalf("round %d: %v", round, err)
		}
		w.remember(ts)
		now := w.pids
		for name := range maps.Keys(now) {
			all := carrying(ts, name)
			if len(all) != 1 || all[0] != now[name] {
				ts.Fatalf("round %d: processes %v of %s, want %d alone", round, all, name, now[name])
			}
			if !slices.Contains(loads, name) && before[name] != 0 && before[name] != now[name] {
				ts.Fatalf("round %d: %s has pid %d, and had %d\n%s", round, name, now[name], before[name], w.told())
			}
		}
		if revision > 1000 {
			for _, name := range loads {
				awaitRevision(ts, name, strconv.Itoa(revision))
			}
		}
	}
}

// pause waits for a random part of d: the moment is what is tried.
func pause(random *rand.Rand, d time.Duration) { <-time.After(time.Duration(random.Int64N(int64(d)))) }

// carrying returns the processes of the script that carry a service's mark.
func carrying(ts *testscript.TestScript, service string) []int {
	var found []int
	for _, pid := range leftovers(ts) {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(append(env, 0), []byte("BOUNCE_SERVICE="+service+"\x00")) {
			found = append(found, pid)
		}
	}
	return found
}

// awaitRevision waits until a service has written that it runs a revision.
func awaitRevision(ts *testscript.TestScript, name, want string) {
	path := filepath.Join(ts.MkAbs("."), "rev."+name)
	deadline := time.Now().Add(patience)
	for {
		got, _ := os.ReadFile(path)
		if strings.TrimSpace(string(got)) == want {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s runs revision %q, and %s is on disk", name, got, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
