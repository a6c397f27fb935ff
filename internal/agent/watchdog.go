package agent

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"bounce/internal/control"
)

// Somebody has to see when the agent itself hangs: nobody would be told of a
// change any more, and nothing would say so. The two goroutines that everything
// passes are asked to do nothing now and then. When they have not done it for a
// minute, their stacks are printed and the agent is degraded; and where systemd
// watches it (WatchdogSec), it is not told that all is well, and the stacks are
// printed before it ends the agent for that.

const (
	// askEvery is the time between two questions, stallTime how long an answer
	// may take: a first look at a large tree takes seconds, and interpreters
	// are waited for.
	askEvery  = 10 * time.Second
	stallTime = time.Minute
)

// watchdog asks, and is told nothing else.
type watchdog struct {
	every, limit time.Duration
	// ask returns when the question has been answered, or ctx ends.
	ask func(ctx context.Context) error
	// beat is called after each answer, stalled once when one does not come,
	// with how long it has not, and better when it came after all.
	beat    func()
	stalled func(time.Duration)
	better  func(time.Duration)
}

// run asks until ctx ends.
func (w watchdog) run(ctx context.Context) {
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	answers := make(chan error, 1)
	var asked time.Time // zero while nothing is asked
	said := false
	ask := func() {
		asked = time.Now()
		go func() { answers <- w.ask(ctx) }()
	}
	for ask(); ; {
		select {
		case <-ticker.C:
			switch took := time.Since(asked); {
			case asked.IsZero():
				ask()
			case !said && took >= w.limit:
				said = true
				w.stalled(took)
			}
		case err := <-answers:
			if err == nil {
				w.beat()
				if said {
					w.better(time.Since(asked))
				}
			}
			asked, said = time.Time{}, false
		case <-ctx.Done():
			if !asked.IsZero() {
				<-answers // it ends with ctx
			}
			return
		}
	}
}

// watchOver sees that the loop and the runner answer, and tells whoever has
// started the agent, by the protocol of sd_notify, that it is up and well.
func (a *Agent) watchOver(ctx context.Context) {
	boss := newBoss()
	w := watchdog{
		every: askEvery, limit: stallTime,
		ask: func(ctx context.Context) error {
			if err := a.do(ctx, func(context.Context) {}); err != nil {
				return err
			}
			return a.run.Answers(ctx)
		},
		beat: func() { boss.tell("WATCHDOG=1") },
		stalled: func(d time.Duration) {
			a.stalled.Store(true)
			a.emit(control.Event{Kind: "warning", Text: fmt.Sprintf("the agent has not answered itself for %s; its stacks are on stderr", d.Round(time.Second))})
			var stacks bytes.Buffer
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2)
			_, _ = os.Stderr.Write(stacks.Bytes())
		},
		better: func(d time.Duration) {
			a.stalled.Store(false)
			a.emit(control.Event{Kind: "note", Text: fmt.Sprintf("the agent answers again, after %s", d.Round(time.Second))})
		},
	}
	if boss.every > 0 {
		// A stall is seen at the latest two questions and the limit after the
		// last beat, of which the time that is left is for printing.
		w.every, w.limit = min(w.every, boss.every/6), min(w.limit, boss.every/3)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		select {
		case <-a.started:
			boss.tell("READY=1")
		case <-ctx.Done():
		}
	})
	w.run(ctx)
	boss.tell("STOPPING=1")
}

// boss is who has started the agent and wants to hear of it: systemd, say.
type boss struct {
	address string
	// every is how often it wants to hear WATCHDOG=1 at the least, 0 for never.
	every time.Duration
}

// newBoss takes it out of the environment: what the agent starts is not to speak
// for it.
func newBoss() boss {
	b := boss{address: os.Getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		b.every = time.Duration(usec) * time.Microsecond
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	return b
}

// tell says something to the boss, if there is one. One that does not listen is
// not waited for.
func (b boss) tell(text string) {
	if b.address == "" {
		return
	}
	conn, err := net.Dial("unixgram", strings.Replace(b.address, "@", "\x00", 1))
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte(text))
}
