package runner

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bounce/internal/soak"
)

// server is a command that serves on descriptor 3.
type server struct {
	name string
	argv []string
	log  string // what it prints when it serves on a path, "" for one that does not
}

var servers = []server{
	{"plain", []string{"python3", "plain.py"}, "^up$"},
	{"uvicorn", []string{"uvicorn", "app:asgi", "--fd", "3", "--no-access-log"}, "Application startup complete"},
	{"gunicorn", []string{"gunicorn", "app:wsgi", "--workers", "2", "--threads", "2"}, "Booting worker"},
	{"hypercorn", []string{"hypercorn", "app:asgi", "--bind", "fd://3"}, ""},
}

// serverSpec is the spec of a server on a socket that it is lent. It is ready
// when it has answered, and so has served who came before.
func serverSpec(t *testing.T, argv []string) Spec {
	t.Helper()
	venv, err := filepath.Abs("../build/venv/bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(venv, argv[0])); err != nil && argv[0] != "python3" {
		t.Fatalf("the virtual environment of the tests is missing or old: run `make venv`: %v", err)
	}
	s := specOf(t, "web", argv...)
	s.Dir = filepath.Join(s.Dir, "web")
	s.Env = setenv(s.Env, "PATH="+venv+":"+os.Getenv("PATH"), "PYTHONUNBUFFERED=1")
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	s.Listen = []Listen{{TCP: address}}
	s.Ready.HTTP, s.Ready.Echo = "http://"+address, "X-Generation"
	return s
}

// answer is what came of one request.
type answer struct {
	begun      time.Time
	took       time.Duration
	generation int // that answered
	err        error
}

// load asks a URL 200 times a second or more, each time on a new connection,
// until the test calls the function that it returns: that reports what came of
// the requests.
func load(t *testing.T, l Listen) (stop func() []answer) {
	ctx, cancel := context.WithCancel(t.Context())
	client, url := clientOf(l)
	ask := func() (a answer) {
		a.begun = time.Now()
		resp, err := client.Get(url)
		if err == nil {
			var body []byte
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			fmt.Sscan(string(body), &a.generation)
		}
		a.took, a.err = time.Since(a.begun), err
		return a
	}
	var mu sync.Mutex
	var answers []answer
	var work sync.WaitGroup
	work.Go(func() {
		ticker := time.NewTicker(4 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			work.Go(func() {
				a := ask()
				mu.Lock()
				defer mu.Unlock()
				answers = append(answers, a)
			})
		}
	})
	return func() []answer {
		cancel()
		work.Wait()
		return answers
	}
}

// report fails the test for requests that failed, and logs how long they took.
func report(t *testing.T, answers []answer) {
	t.Helper()
	var took []time.Duration
	var failed []error
	first, last := time.Now(), time.Time{}
	for _, a := range answers {
		took = append(took, a.took)
		if a.err != nil {
			failed = append(failed, a.err)
		}
		if a.begun.Before(first) {
			first = a.begun
		}
		if a.begun.After(last) {
			last = a.begun
		}
	}
	slices.Sort(took)
	part := func(percent int) time.Duration { return took[(len(took)-1)*percent/100].Round(100 * time.Microsecond) }
	t.Logf("%d requests, %.0f a second, p50 %s, p99 %s, longest %s",
		len(took), float64(len(took))/last.Sub(first).Seconds(), part(50), part(99), part(100))
	if len(failed) > 0 {
		t.Errorf("%d requests failed, the first: %v", len(failed), failed[0])
	}
}

// clientOf returns what asks a socket, each time on a new connection.
func clientOf(l Listen) (client *http.Client, url string) {
	transport := &http.Transport{DisableKeepAlives: true}
	if l.Unix != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", l.Unix)
		}
	}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, "http://" + cmp.Or(l.TCP, "path")
}

// TestNoConnectionIsRefused restarts servers under load. What is asked once a
// generation is said to be ready is answered by no older one.
func TestNoConnectionIsRefused(t *testing.T) {
	for _, c := range servers {
		for _, way := range []string{"immediate", "rolling", "overlap", "path immediate", "path rolling", "path overlap"} {
			how, byPath := strings.CutPrefix(way, "path ")
			if byPath && c.log == "" {
				continue
			}
			t.Run(c.name+"/"+way, func(t *testing.T) {
				spec := serverSpec(t, c.argv)
				spec.Drain, spec.Overlap = 5*time.Second, how == "overlap"
				if how == "rolling" {
					spec.Strategy = Rolling
					spec.Ready.Echo = "" // two generations, and each is asked by itself
				}
				if byPath {
					spec.Listen = []Listen{{Unix: filepath.Join(t.TempDir(), "sock")}}
					spec.Ready = Ready{Log: c.log, Timeout: spec.Ready.Timeout}
				}
				g := newRig(t, Options{Specs: []Spec{spec}})
				if got := outcomes(g.up("web")); got != "web done" {
					t.Fatal(got)
				}
				stop := load(t, spec.Listen[0])
				for range soak.Times(3, 50) {
					if got := outcomes(g.up("web")); got != "web done" {
						t.Error(got)
					}
				}
				answers := stop()
				report(t, answers)
				g.mu.Lock()
				defer g.mu.Unlock()
				for _, e := range g.events {
					for _, a := range answers {
						if e.Kind == KindReady && a.err == nil && a.begun.After(e.Time) && a.generation < e.Generation {
							t.Fatalf("generation %d answers after %d was ready", a.generation, e.Generation)
						}
					}
				}
			})
		}
	}
}

// TestOverlapSavesTheEndOfTheOldOne has a server take half a second to begin and
// a second and a half to end: with overlap new code answers while the old one is
// there, and without when it is gone.
func TestOverlapSavesTheEndOfTheOldOne(t *testing.T) {
	for _, overlap := range []bool{false, true} {
		t.Run(fmt.Sprint(overlap), func(t *testing.T) {
			spec := serverSpec(t, []string{"python3", "parting.py"})
			spec.Env = append(spec.Env, "BOOT=0.5", "LINGER=1.5")
			spec.Overlap = overlap
			g := newRig(t, Options{Specs: []Spec{spec}})
			g.up("web")
			client, url := clientOf(spec.Listen[0])
			told := time.Now()
			ticket := g.Apply(planFor("web"))
			for generation := "1"; generation == "1"; { // until it is told to
				resp, err := client.Get(url)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				generation = resp.Header.Get("X-Generation")
			}
			answered := time.Now()
			t.Logf("new code answers %s after the old was told to end", answered.Sub(told).Round(10*time.Millisecond))
			g.finish(ticket)
			if ended := g.event("web", KindExited, 1).Time; answered.Before(ended) != overlap {
				t.Errorf("it was answered at %s, and the old one was gone at %s", answered, ended)
			}
		})
	}
}

// TestAFailedRollFailsNoRequest rolls to code that fails in every way there is,
// under load.
func TestAFailedRollFailsNoRequest(t *testing.T) {
	for _, c := range []struct{ server, fail, want string }{
		{"uvicorn", "import", "exit code 1: ValueError: new code"},
		{"gunicorn", "import", "exit code"},
		{"uvicorn", "later", "exit code 7"},
		{"uvicorn", "answer", "not ready within 2s: http://ADDRESS answers 503 Service Unavailable"},
	} {
		t.Run(c.server+"/"+c.fail, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(servers, func(s server) bool { return s.name == c.server })
			good := serverSpec(t, servers[i].argv)
			good.Strategy, good.Drain, good.Ready.Echo = Rolling, 5*time.Second, ""
			bad := good
			bad.Env = setenv(good.Env, "FAIL="+c.fail)
			if c.fail == "later" {
				bad.Settle = 20 * time.Second
			}
			if c.fail == "answer" {
				bad.Ready.Timeout = 2 * time.Second
			}
			g := newRig(t, Options{Specs: []Spec{good}})
			g.up("web")
			before := g.status("web")
			stop := load(t, good.Listen[0])
			if _, err := g.Configure([]Spec{bad}, nil, nil, 0); err != nil {
				t.Fatal(err)
			}
			got := g.up("web")
			want := strings.ReplaceAll(c.want, "ADDRESS", good.Listen[0].TCP)
			if len(got) != 1 || got[0].Outcome != Failed || !strings.Contains(got[0].Why, want) {
				t.Errorf("got %+v\nwant %s", got, want)
			}
			after := g.status("web")
			if after.State != StateReady || *after.PID != *before.PID || after.Next != nil || after.Hold == nil || after.Hold.Kind != "rollback" {
				t.Errorf("before %+v\nafter %+v", before, after)
			}
			answers := stop()
			report(t, answers)
			for _, a := range answers {
				if a.generation != 1 {
					t.Fatalf("generation %d has answered", a.generation)
				}
			}
			if _, err := g.Configure([]Spec{good}, nil, nil, 0); err != nil {
				t.Fatal(err)
			}
			if got := outcomes(g.up("web")); got != "web done" {
				t.Error(got)
			}
			if s := g.status("web"); s.Generation != 3 || s.Hold != nil {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestDrainAnswersWhatHasBegun has a request under way while its server is
// replaced that ends at once when it is told to.
func TestDrainAnswersWhatHasBegun(t *testing.T) {
	t.Parallel()
	spec := serverSpec(t, []string{"python3", "slow.py"})
	spec.Strategy, spec.Drain, spec.Ready = Rolling, 20*time.Second, Ready{Log: "^up$", Timeout: spec.Ready.Timeout}
	g := newRig(t, Options{Specs: []Spec{spec}})
	g.up("web")
	answers := make(chan string, 1)
	begun := time.Now()
	go func() {
		resp, err := http.Get("http://" + spec.Listen[0].TCP + "/slow")
		if err != nil {
			answers <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		answers <- fmt.Sprint(string(body), err)
	}()
	g.line("slow")
	if got := outcomes(g.up("web")); got != "web done" {
		t.Error(got)
	}
	if got := <-answers; got != "1<nil>" {
		t.Errorf("the request that was under way: %s", got)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it was not over when nothing was left, but after %s", took)
	}
}

func TestSocketsAreLent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := specOf(t, "a", "python3", "lent.py")
	s.Ready.Log = "^up$"
	s.Listen = []Listen{{TCP: "127.0.0.1:0", Name: "http"}, {TCP: "[::1]:0"}, {Unix: filepath.Join(dir, "sock"), Mode: 0o620}}
	g := newRig(t, Options{Specs: []Spec{s}})
	for range 2 {
		// The second generation gets sockets that block, whatever the first
		// one has made of them.
		g.up("a")
	}
	v4, v6 := g.status("a").Listen[0], g.status("a").Listen[1]
	port := func(address string) string { _, p, _ := net.SplitHostPort(address); return p }
	want := []string{
		"pid True", "names http:a:a",
		fmt.Sprintf("socket 3 AF_INET ('127.0.0.1', %s) True 1", port(v4)),
		fmt.Sprintf("socket 4 AF_INET6 ('::1', %s, 0, 0) True 1", port(v6)),
		fmt.Sprintf("socket 5 AF_UNIX %s True 1", filepath.Join(dir, "sock")),
		"fds 0 1 2 3 4 5", "up",
	}
	for generation := 1; generation <= 2; generation++ {
		var got []string
		for _, l := range g.Tail("a", 100) {
			if l.Generation == generation {
				got = append(got, l.Text)
			}
		}
		if generation == 2 {
			// It was bound beside the path, and has it now.
			want[4] = strings.Replace(want[4], "sock True", "sock~ True", 1)
		}
		if !slices.Equal(got, want) {
			t.Errorf("generation %d:\n got %q\nwant %q", generation, got, want)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "sock")); err != nil || info.Mode().Perm() != 0o620 {
		t.Errorf("%v %v", info, err)
	}
	// One that is stopped is not listened on.
	ticket, err := g.Stop("a")
	if err != nil {
		t.Fatal(err)
	}
	g.finish(ticket)
	if conn, err := net.Dial("tcp", v4); err == nil {
		conn.Close()
		t.Error("a service that was stopped still accepts")
	}
	if left := entries(t, dir); len(left) > 0 || len(g.status("a").Listen) > 0 {
		t.Errorf("left: %v, %v", left, g.status("a").Listen)
	}
}

// Whoever is in the way is named, and waited for without paying.
func TestATakenAddressIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	path := filepath.Join(dir, "sock")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	by := fmt.Sprintf("is taken by pid %d (", os.Getpid())
	for _, c := range []struct {
		listen Listen
		want   string
	}{
		{Listen{TCP: tcp.Addr().String()}, "cannot listen on " + tcp.Addr().String() + ": it " + by},
		{Listen{Unix: path}, "cannot listen on " + path + ": it " + by},
		{Listen{Unix: file}, "cannot listen on " + file + ": there is something else of that name"},
		{Listen{TCP: "192.0.2.1:1"}, "cannot listen on 192.0.2.1:1: cannot assign requested address"},
	} {
		s := specOf(t, "a", "sleep", "1000")
		s.Listen = []Listen{c.listen}
		s.Restart.Budget.Restarts, s.Restart.Backoff.Max = 0, time.Hour
		g := newRig(t, Options{Specs: []Spec{s}})
		got := g.up("a")
		want := StateExhausted
		if strings.Contains(c.want, by) {
			want = StateBackoff
		}
		if got[0].State != want || !strings.Contains(got[0].Why, c.want) {
			t.Errorf("%+v, want %s: %q", got, want, c.want)
		}
	}
}

// A socket that a killed agent has left is replaced, and sockets that are no
// longer configured are closed with the next start.
func TestSocketsFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	s := specOf(t, "a", "sleep", "1000")
	s.Listen = []Listen{{Unix: path}, {TCP: "127.0.0.1:0"}}
	g := newRig(t, Options{Specs: []Spec{s}})
	if got := outcomes(g.up("a")); got != "a done" {
		t.Fatal(got)
	}
	before := g.status("a").Listen
	s.Listen = s.Listen[1:]
	if _, err := g.Configure([]Spec{s}, nil, nil, 0); err != nil {
		t.Fatal(err)
	}
	g.up("a")
	if got := g.status("a").Listen; !slices.Equal(got, before[1:]) {
		t.Errorf("%v, then %v", before, got)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is still there")
	}
}
