package runner

import (
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

// servers are commands that serve on descriptor 3.
var servers = []struct {
	name string
	argv []string
}{
	{"plain", []string{"python3", "plain.py"}},
	{"uvicorn", []string{"uvicorn", "app:asgi", "--fd", "3", "--no-access-log"}},
	{"gunicorn", []string{"gunicorn", "app:wsgi", "--workers", "2", "--threads", "2"}},
	{"hypercorn", []string{"hypercorn", "app:asgi", "--bind", "fd://3"}},
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

// load asks a URL 200 times a second or more, each time on a new connection,
// until the test calls the function that it returns: that reports how many
// requests there were, and which failed.
func load(t *testing.T, url string) (stop func() (took []time.Duration, failed []error)) {
	ctx, cancel := context.WithCancel(t.Context())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	var mu sync.Mutex
	var took []time.Duration
	var failed []error
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
				begin := time.Now()
				resp, err := client.Get(url)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(begin))
				if err != nil {
					failed = append(failed, err)
				}
			})
		}
	})
	return func() ([]time.Duration, []error) {
		cancel()
		work.Wait()
		slices.Sort(took)
		return took, failed
	}
}

// TestNoConnectionIsRefused restarts servers under load.
func TestNoConnectionIsRefused(t *testing.T) {
	for _, c := range servers {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, Options{Specs: []Spec{serverSpec(t, c.argv)}})
			if got := outcomes(g.up("web")); got != "web done" {
				t.Fatal(got)
			}
			begin := time.Now()
			stop := load(t, "http://"+g.status("web").Listen[0])
			for range soak.Times(3, 50) {
				g.up("web")
			}
			took, failed := stop()
			t.Logf("%d requests, %.0f a second, p50 %s, p99 %s, longest %s", len(took), float64(len(took))/time.Since(begin).Seconds(),
				took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
			if len(failed) > 0 {
				t.Errorf("%d requests failed, the first: %v", len(failed), failed[0])
			}
		})
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
	if _, err := g.Configure([]Spec{s}, nil); err != nil {
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
