package runner

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// workerSpec is gunicorn with one worker, which it never gives up on by itself,
// on a socket that it is lent.
func workerSpec(t *testing.T) Spec {
	t.Helper()
	s := serverSpec(t, []string{"gunicorn", "worker:wsgi", "--workers", "1", "--timeout", "0", "--graceful-timeout", "1"})
	s.Live = Live{Probe: Probe{HTTP: s.Ready.HTTP}, Interval: 50 * time.Millisecond, Timeout: time.Second, Failures: 2}
	s.Stop.Grace = 3 * time.Second
	return s
}

// answers returns what a service answers with, "" for nothing.
func answers(client *http.Client, url string) string {
	resp, err := client.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // cut off is no answer
	return string(body)
}

// TestAWorkerThatHangs: its parent runs, and so does it, but nobody answers. That
// is no end that the parent or the agent could see, and liveness does.
func TestAWorkerThatHangs(t *testing.T) {
	t.Parallel()
	s := workerSpec(t)
	g := newRig(t, Options{Specs: []Spec{s}})
	g.up("web")
	client, url := clientOf(s.Listen[0])
	hangs := make(chan string, 1)
	go func() { hangs <- answers(client, url+"/hang") }()
	g.line("hangs")
	e := g.event("web", KindStopping, 1)
	if !strings.HasPrefix(e.What, "not alive, 2 probes in a row failed: ") {
		t.Errorf("it is restarted since %s", e.What)
	}
	g.event("web", KindReady, 2)
	if got := answers(client, url); got != "2" {
		t.Errorf("%q answers", got)
	}
	if got := <-hangs; got != "" {
		t.Errorf("%q to the request that hung", got)
	}
	if st := g.status("web"); st.Restarts.Crash != 1 {
		t.Errorf("%+v", st.Restarts)
	}
}

// TestAWorkerThatAborts: gunicorn starts another one, and the service goes on.
func TestAWorkerThatAborts(t *testing.T) {
	t.Parallel()
	s := workerSpec(t)
	s.Live.Failures = 1000 // not what is meant here
	g := newRig(t, Options{Specs: []Spec{s}})
	g.up("web")
	client, url := clientOf(s.Listen[0])
	for range 3 {
		if got := answers(client, url+"/abort"); got != "" {
			t.Errorf("%q to the request that aborts", got)
		}
		if got := answers(client, url); got != "1" {
			t.Errorf("%q after an abort", got)
		}
	}
	if n := g.count("web", KindCrashed); n != 0 || g.status("web").Generation != 1 {
		t.Errorf("%d crashes, %+v", n, g.status("web"))
	}
}
