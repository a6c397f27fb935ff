package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// A port that answers proves nothing: the old process may still listen, or a
// stranger. So a probe passes only when a process of the very generation holds
// the socket that listens, where the system can tell.

const (
	// tryTime is how long one probe may take; the next one may find the
	// service awake.
	tryTime = 2 * time.Second
	// minInterval keeps a zero Interval from using up a core.
	minInterval = 5 * time.Millisecond
	// maxBody is how much of an answer is read.
	maxBody = 64 << 10
)

// prober asks one generation.
type prober struct {
	ask        Probe
	generation int
	proc       process
	// command runs the command of a probe.
	command func(ctx context.Context, argv []string) error
	// steer prepares a connection that only this generation may accept; nil
	// where there is no other one.
	steer func(network, address string, raw syscall.RawConn) error
}

// asks reports whether there is something to ask.
func (p Probe) asks() bool {
	return p.TCP != "" || p.Unix != "" || p.HTTP != "" || len(p.Command) > 0
}

// probes reports whether there is something to wait for.
func (r Ready) probes() bool {
	return r.asks() || r.File != "" || r.Pipe != "" || r.Log != "" || r.Notify
}

// repeat calls try until it returns nil, or ctx is done: then the error is
// ctx's. said is told why each try failed.
func repeat(ctx context.Context, interval time.Duration, try func(context.Context) error, said func(error)) error {
	ticker := time.NewTicker(max(interval, minInterval))
	defer ticker.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			said(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// try asks once, for at most limit.
func (p *prober) try(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	switch {
	case len(p.ask.Command) > 0:
		return p.command(ctx, p.ask.Command)
	case p.ask.Unix != "":
		return p.connect(ctx)
	}
	// A transport may still dial when the request is over.
	var peers atomic.Pointer[[2]net.Addr] // local and remote
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{Control: p.steer}).DialContext(ctx, network, addr)
		if err == nil {
			peers.Store(&[2]net.Addr{conn.LocalAddr(), conn.RemoteAddr()})
		}
		return conn, err
	}
	var err error
	if p.ask.HTTP != "" {
		err = p.get(ctx, dial)
	} else {
		var conn net.Conn
		if conn, err = dial(ctx, "tcp", p.ask.TCP); err == nil {
			conn.Close()
		}
	}
	ends := peers.Load()
	if ends == nil {
		return err // nobody listens
	}
	from, ok := ends[0].(*net.TCPAddr)
	to, ok2 := ends[1].(*net.TCPAddr)
	if !ok || !ok2 || !from.IP.Equal(to.IP) && !to.IP.IsLoopback() {
		return err // another machine's; its processes are not ours to see
	}
	if who := p.proc.owner(to.IP.String(), to.Port); !who.unknown && !who.ours {
		return who.taken(to.Port)
	}
	return err
}

// taken says that a port belongs to somebody else.
func (o ownership) taken(port int) error {
	if o.pid == 0 {
		return fmt.Errorf("port %d is not held by the service", port)
	}
	return fmt.Errorf("port %d is taken by pid %d (%s)", port, o.pid, o.command)
}

// connect connects to a unix socket.
func (p *prober) connect(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", p.ask.Unix)
	if err != nil {
		return fmt.Errorf("cannot connect to %s: %w", p.ask.Unix, causeOf(err))
	}
	defer conn.Close()
	pid := listenerOf(conn)
	if pid == 0 {
		return nil // of another pid namespace, or the system does not say
	}
	// Who has called listen may have ended and left the socket to others.
	if ours, known := p.proc.has(pid); known && !ours && running(pid) {
		return fmt.Errorf("%s is held by pid %d (%s)", p.ask.Unix, pid, commandLine(pid))
	}
	return nil
}

// causeOf returns the innermost error, which does not name the operation and
// the address once more.
func causeOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// get asks for a page and judges the answer. It uses no proxy, follows no
// redirect and keeps no connection.
func (p *prober) get(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error)) error {
	target := p.ask.HTTP
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("cannot ask %s: %w", target, err)
	}
	req.Header.Set("User-Agent", "bounce")
	client := http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	var body []byte
	if p.ask.Body != "" {
		if body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody)); err != nil {
			return fmt.Errorf("no whole answer from %s: %w", target, err)
		}
	}
	return p.ask.judge(resp.StatusCode, resp.Header, body, p.generation)
}

// judge says what is wrong with an answer, nil for nothing.
func (p Probe) judge(status int, header http.Header, body []byte, generation int) error {
	good := status < 400
	if len(p.Status) > 0 {
		good = slices.Contains(p.Status, status)
	}
	if !good {
		return fmt.Errorf("%s answers %d %s", p.HTTP, status, http.StatusText(status))
	}
	if got := header.Get(p.Echo); p.Echo != "" && got != strconv.Itoa(generation) {
		return fmt.Errorf("%s answers with %s: %q, which is not generation %d", p.HTTP, p.Echo, got, generation)
	}
	for _, name := range sortedKeys(p.Header) {
		values := header.Values(name)
		if !slices.ContainsFunc(values, regexp.MustCompile(p.Header[name]).MatchString) {
			return fmt.Errorf("%s answers with %s: %q, which does not match %s", p.HTTP, name, values, p.Header[name])
		}
	}
	if p.Body != "" && !regexp.MustCompile(p.Body).Match(body) {
		return fmt.Errorf("%s answers with a body that does not match %s: %.80q", p.HTTP, p.Body, body)
	}
	return nil
}

// endpoint returns the host and port that a probe asks; false if it has none.
func (p Probe) endpoint() (host string, port int, ok bool) {
	addr := p.TCP
	if p.HTTP != "" {
		u, err := url.Parse(p.HTTP)
		if err != nil {
			return "", 0, false
		}
		addr = u.Host
		if u.Port() == "" {
			addr = net.JoinHostPort(u.Hostname(), map[bool]string{true: "443", false: "80"}[u.Scheme == "https"])
		}
	}
	host, number, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, false
	}
	port, err = strconv.Atoi(number)
	return host, port, err == nil
}

// check finds what cannot be asked.
func (p Probe) check() error {
	if p.TCP != "" || p.HTTP != "" {
		if _, _, ok := p.endpoint(); !ok {
			return fmt.Errorf("cannot probe %q; an address such as 127.0.0.1:8000", p.TCP+p.HTTP)
		}
	}
	for _, text := range append([]string{p.Body}, valuesOf(p.Header)...) {
		if _, err := regexp.Compile(text); err != nil {
			return fmt.Errorf("cannot match answers: %w", err)
		}
	}
	return nil
}

func valuesOf(m map[string]string) []string {
	var values []string
	for _, key := range sortedKeys(m) {
		values = append(values, m[key])
	}
	return values
}
