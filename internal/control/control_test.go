package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fake is an agent with canned answers that records what it was asked.
type fake struct {
	asked  chan Request
	events []Event
	block  chan struct{} // closed to let Sync return

	terminal *echo
}

func (f *fake) Status() Status {
	pid := 42
	return Status{
		Agent:    Agent{PID: 7, State: Running, Roots: []string{"."}},
		Services: []Service{{Name: "api", State: "ready", Intent: "up", PID: &pid, Generation: 3}},
	}
}

func (f *fake) Do(_ context.Context, req Request) (Outcome, error) {
	if len(req.Services) == 1 && req.Services[0] == "nobody" {
		return Outcome{}, &Refusal{Text: `no service "nobody"`}
	}
	f.asked <- req
	return Outcome{Services: f.Status().Services}, nil
}

func (f *fake) Sync(ctx context.Context) (Outcome, error) {
	select {
	case <-f.block:
		return Outcome{Holds: []Hold{{Kind: "syntax", Path: "a.py", Line: 3}}}, nil
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
}

func (f *fake) Why(path string, services []string, limit int) (Why, error) {
	r := Reached{Name: services[0], Chain: []Link{{"a.py", 1, path}}}
	for range limit {
		r.Chains = append(r.Chains, r.Chain)
	}
	return Why{Path: path, Services: []Reached{r}}, nil
}

func (f *fake) Affected(paths []string) (Affected, error) {
	return Affected{Changed: paths}, nil
}

func (f *fake) Facts(context.Context) (Facts, error) {
	return Facts{Roots: []string{"src"}, Services: []ServiceFacts{{Name: "api", Entries: []string{"shop.api"}}}}, nil
}

func (f *fake) Events(ctx context.Context, seq uint64, follow bool, yield func(Event) error) error {
	for _, e := range f.events {
		if e.Seq > seq {
			if err := yield(e); err != nil {
				return err
			}
		}
	}
	if follow {
		<-ctx.Done()
	}
	return nil
}

func (f *fake) Logs(_ context.Context, q LogQuery, yield func(Line) error) error {
	if slices.Contains(q.Services, "nobody") {
		return &Refusal{Text: `no service "nobody"`}
	}
	return yield(Line{Service: q.Services[0], Text: fmt.Sprintf("last %d", q.Tail)})
}

func (f *fake) Attach(service string) (Terminal, error) {
	if service == "nobody" {
		return nil, &Refusal{Text: `no service "nobody"`}
	}
	return f.terminal, nil
}

// echo is a terminal that shows what is typed and how large it is.
type echo struct {
	shown chan string
	left  chan struct{}
}

func (e *echo) Next(ctx context.Context) ([]byte, string, error) {
	select {
	case s := <-e.shown:
		if notice, ok := strings.CutPrefix(s, "notice "); ok {
			return nil, notice, nil
		}
		return []byte(s), "", nil
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
}

func (e *echo) Type(p []byte)            { e.shown <- string(p) }
func (e *echo) Resize(rows, columns int) { e.shown <- fmt.Sprint("notice ", rows, "x", columns) }
func (e *echo) Leave()                   { close(e.left) }

// serve starts a server for f and returns a client of it.
func serve(t *testing.T, f *fake) *Client {
	t.Helper()
	c, _ := serveFew(t, f, newCrowd(descriptors()))
	return c
}

// serveFew does so for a limited number of clients, and returns the socket too.
func serveFew(t *testing.T, f *fake, clients *crowd) (*Client, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "x.sock")
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serveCrowd(ctx, ln, f, clients) }()
	c := NewClient(path)
	t.Cleanup(func() {
		c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return c, path
}

func TestVerbs(t *testing.T) {
	f := &fake{asked: make(chan Request, 1), block: make(chan struct{})}
	c := serve(t, f)
	ctx := t.Context()

	st, err := c.Status(ctx)
	if err != nil || st.Agent.PID != 7 || *st.Services[0].PID != 42 {
		t.Errorf("Status = %+v, %v", st, err)
	}
	out, err := c.Do(ctx, Request{Verb: Restart, Services: []string{"api"}})
	if err != nil || !out.AtTarget() {
		t.Errorf("Do = %+v, %v", out, err)
	}
	if req := <-f.asked; req.Verb != Restart || req.Services[0] != "api" {
		t.Errorf("the agent was asked %+v", req)
	}
	why, err := c.Why(ctx, "b c.py", []string{"api"}, 0)
	if err != nil || why.Path != "b c.py" || why.Services[0].Chain[0].To != "b c.py" || why.Services[0].Chains != nil {
		t.Errorf("Why = %+v, %v", why, err)
	}
	why, err = c.Why(ctx, "b c.py", []string{"api"}, 3)
	if err != nil || len(why.Services[0].Chains) != 3 {
		t.Errorf("Why, three chains = %+v, %v", why, err)
	}
	var refusal *Refusal
	if _, err = c.Why(ctx, "b.py", []string{"api"}, MaxChains+1); !errors.As(err, &refusal) {
		t.Errorf("Why, too many chains: %v", err)
	}
	aff, err := c.Affected(ctx, []string{"x.py", "y.py"})
	if err != nil || strings.Join(aff.Changed, " ") != "x.py y.py" {
		t.Errorf("Affected = %+v, %v", aff, err)
	}
	facts, err := c.Facts(ctx)
	if err != nil || facts.Services[0].Entries[0] != "shop.api" || facts.Started != nil {
		t.Errorf("Facts = %+v, %v", facts, err)
	}
	if _, err := get[Facts](ctx, c, "what", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("a question that the agent does not know: %v", err)
	}
}

func TestSyncReportsHoldsAndTimesOut(t *testing.T) {
	f := &fake{block: make(chan struct{})}
	c := serve(t, f)
	if _, err := c.Sync(t.Context(), time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("Sync of a busy agent: %v, want a timeout", err)
	}
	close(f.block)
	out, err := c.Sync(t.Context(), time.Minute)
	if err != nil || out.AtTarget() || out.Holds[0].Line != 3 {
		t.Errorf("Sync = %+v, %v", out, err)
	}
}

func TestRefusalKeepsItsWords(t *testing.T) {
	c := serve(t, &fake{})
	_, err := c.Do(t.Context(), Request{Verb: Stop, Services: []string{"nobody"}})
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Text != `no service "nobody"` {
		t.Errorf("got %v", err)
	}
	// A stream has begun by the time that it is refused.
	err = c.Logs(t.Context(), LogQuery{Services: []string{"nobody"}, Tail: 5}, func(l Line) error { t.Errorf("got line %+v", l); return nil })
	if !errors.As(err, &refusal) || refusal.Text != `no service "nobody"` {
		t.Errorf("Logs: got %v", err)
	}
}

func TestStreamsFollowUntilTheReaderLeaves(t *testing.T) {
	f := &fake{events: []Event{{Seq: 1, Kind: "started"}, {Seq: 2, Kind: "ready"}, {Seq: 3, Kind: "exited"}}}
	c := serve(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var kinds []string
	err := c.Events(ctx, 1, true, func(e Event) error {
		kinds = append(kinds, e.Kind)
		if e.Seq == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || strings.Join(kinds, " ") != "ready exited" {
		t.Errorf("events after 1: %v, %v", kinds, err)
	}
	var text string
	if err := c.Logs(t.Context(), LogQuery{Services: []string{"api"}, Tail: 5}, func(l Line) error { text = l.Service + " " + l.Text; return nil }); err != nil || text != "api last 5" {
		t.Errorf("logs: %q, %v", text, err)
	}
}

func TestNoAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	if _, err := NewClient(path).Status(t.Context()); !errors.Is(err, ErrNoAgent) {
		t.Errorf("no socket: %v", err)
	}
	// A socket that an agent left behind when it was killed.
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(interface{ SetUnlinkOnClose(bool) }).SetUnlinkOnClose(false)
	ln.Close()
	if _, err := NewClient(path).Status(t.Context()); !errors.Is(err, ErrNoAgent) {
		t.Errorf("dead socket: %v", err)
	}
	ln, err = Listen(path)
	if err != nil {
		t.Fatalf("a dead socket is not replaced: %v", err)
	}
	defer ln.Close()
	if _, err := Listen(path); err == nil {
		t.Error("a live socket was replaced")
	}
}

func TestSocketIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.sock")
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for p, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("mode of %s is %o, want %o", p, info.Mode().Perm(), want)
		}
	}
}

func TestSocketPath(t *testing.T) {
	project := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", "/r")
	a, err := SocketPath(project)
	if err != nil || !strings.HasPrefix(a, "/r/bounce/") || len(filepath.Base(a)) != len("0123456789abcdef.sock") {
		t.Errorf("SocketPath = %q, %v", a, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(project, link); err != nil {
		t.Fatal(err)
	}
	if b, _ := SocketPath(link); a != b {
		t.Errorf("a link to the project has another socket: %s, %s", a, b)
	}
	t.Setenv("XDG_RUNTIME_DIR", "/"+strings.Repeat("long", 30))
	if _, err := SocketPath(project); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("a path too long for a socket: %v", err)
	}
}

func TestOtherProtocolIsToldInWords(t *testing.T) {
	c := serve(t, &fake{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://agent/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Bounce-Protocol", "99")
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "same version") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestLogQueryComesThrough(t *testing.T) {
	for _, q := range []LogQuery{
		{},
		{Services: []string{"api", "a b&c"}, Tail: -1, Follow: true},
		{Tail: 3, Since: time.Date(2026, 1, 31, 14, 0, 0, 123, time.UTC), Grep: "a+&b=c|ü", Generation: -1},
	} {
		got, err := parseLogQuery(q.values())
		if err != nil || !reflect.DeepEqual(got, q) {
			t.Errorf("%+v came as %+v, %v", q, got, err)
		}
	}
	for _, bad := range []url.Values{
		{}, {"tail": {"x"}}, {"tail": {"1"}, "since": {"yesterday"}}, {"tail": {"1"}, "generation": {"first"}},
	} {
		var refusal *Refusal
		if _, err := parseLogQuery(bad); !errors.As(err, &refusal) {
			t.Errorf("%v: %v, want a refusal", bad, err)
		}
	}
}

func TestAttach(t *testing.T) {
	f := &fake{terminal: &echo{shown: make(chan string, 16), left: make(chan struct{})}}
	c := serve(t, f)
	var refusal *Refusal
	if _, err := c.Attach(t.Context(), "nobody"); !errors.As(err, &refusal) {
		t.Errorf("to nobody: %v", err)
	}
	a, err := c.Attach(t.Context(), "api")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Type([]byte("x\x03\x00")), a.Resize(50, 132)); err != nil {
		t.Fatal(err)
	}
	if text, _, err := a.Next(); err != nil || string(text) != "x\x03\x00" {
		t.Errorf("Next = %q, %v", text, err)
	}
	if _, notice, err := a.Next(); err != nil || notice != "50x132" {
		t.Errorf("Next = %q, %v", notice, err)
	}
	long := strings.Repeat("long", 50_000)
	if err := a.Type([]byte(long)); err != nil {
		t.Fatal(err)
	}
	for got := 0; got < len(long); {
		text, _, err := a.Next()
		if err != nil {
			t.Fatal(err)
		}
		got += len(text)
	}
	a.Close()
	<-f.terminal.left
}

// The agent ends while somebody is attached, who does not read what it says.
func TestAttachedToAnAgentThatEnds(t *testing.T) {
	f := &fake{terminal: &echo{shown: make(chan string, 1), left: make(chan struct{})}}
	path := filepath.Join(t.TempDir(), "run", "x.sock")
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, f) }()
	c := NewClient(path)
	defer c.Close()
	a, err := c.Attach(t.Context(), "api")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	<-f.terminal.left
	if _, _, err := a.Next(); !errors.Is(err, ErrDetached) || !strings.Contains(err.Error(), "the agent has ended") {
		t.Errorf("Next = %v", err)
	}
}

// FuzzReadFrame checks that what is no frame ends the conversation, and that
// frames come back as they were sent.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("t\x00\x02hi"))
	f.Add([]byte("s\x00\x04\x00\x18\x00\x50"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			before := r.Len()
			kind, content, err := readFrame(r)
			if err != nil {
				return
			}
			var again bytes.Buffer
			if err := writeFrame(&again, kind, content); err != nil || !bytes.Equal(again.Bytes(), data[len(data)-before:len(data)-r.Len()]) {
				t.Errorf("frame %q was written as %q, %v", data, again.Bytes(), err)
			}
		}
	})
}
