package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
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
)

// prober is one watch for readiness.
type prober struct {
	spec  Ready
	owner func(host string, port int) ownership
	// last says why the probe has not passed yet.
	last error
}

// probes reports whether there is something to probe.
func (r Ready) probes() bool { return r.TCP != "" || r.HTTP != "" }

// wait returns nil when the probe has passed, or ctx's error with the reason
// why it has not.
func (p *prober) wait(ctx context.Context) error {
	ticker := time.NewTicker(max(p.spec.Interval, minInterval))
	defer ticker.Stop()
	for {
		err := p.try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			p.last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), p.last)
		case <-ticker.C:
		}
	}
}

// try probes once.
func (p *prober) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	// A transport may still dial when the request is over.
	var peers atomic.Pointer[[2]net.Addr] // local and remote
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			peers.Store(&[2]net.Addr{conn.LocalAddr(), conn.RemoteAddr()})
		}
		return conn, err
	}
	var err error
	if p.spec.HTTP != "" {
		err = get(ctx, p.spec.HTTP, dial)
	} else {
		var conn net.Conn
		if conn, err = dial(ctx, "tcp", p.spec.TCP); err == nil {
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
	if who := p.owner(to.IP.String(), to.Port); !who.unknown && !who.ours {
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

// get asks for a status below 400. It uses no proxy, follows no redirect and
// keeps no connection.
func get(ctx context.Context, target string, dial func(context.Context, string, string) (net.Conn, error)) error {
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
	resp.Body.Close()
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%s answers %s", target, resp.Status)
	}
	return nil
}

// endpoint returns the host and port that a probe asks; false if it has none.
func (r Ready) endpoint() (host string, port int, ok bool) {
	addr := r.TCP
	if r.HTTP != "" {
		u, err := url.Parse(r.HTTP)
		if err != nil {
			return "", 0, false
		}
		addr = u.Host
		if u.Port() == "" {
			addr = net.JoinHostPort(u.Hostname(), map[bool]string{true: "443", false: "80"}[u.Scheme == "https"])
		}
	}
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, false
	}
	port, err = strconv.Atoi(p)
	return host, port, err == nil
}
