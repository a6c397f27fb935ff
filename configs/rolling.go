package configs

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"bounce/runner"
)

// rolling checks that two generations of a service can be there at once, and
// that the new one can show that it serves.
func (k *checker) rolling(path string, s Service) {
	if at := path + ".overlap"; k.given(at) && s.Overlap == "auto" && !k.failed(at) {
		switch {
		case s.Strategy == runner.Rolling:
			k.warn(at, fmt.Sprintf("%s is about immediate restarts, and the strategy is rolling", at), "remove it")
		case len(s.Listen) == 0:
			k.warn(at, fmt.Sprintf("%s does nothing: two processes can be there at once where bounce lends them their sockets", at), "add listen, or remove it")
		}
	}
	if s.Strategy != runner.Rolling {
		for _, key := range []string{"settle", "drain", "reuse_port"} {
			if k.given(path+"."+key) && !k.failed(path+".strategy") {
				k.warn(path+"."+key, fmt.Sprintf("%s.%s is about rolling restarts, and the strategy is immediate", path, key), "add strategy: rolling, or remove it")
			}
		}
		return
	}
	at := path + ".strategy"
	if !slices.Contains(slices.Collect(maps.Values(s.Ready.signs())), true) && !k.failed(path+".ready") {
		k.fail(at, fmt.Sprintf("%s: a rolling restart needs to know when a new process serves, and %s.ready does not say", at, path), "add ready: with http, log, notify, file, pipe or command")
		return
	}
	if s.Ready.Unix != "" {
		k.fail(at, fmt.Sprintf("%s: two processes cannot both listen on %s", at, s.Ready.Unix), "have bounce lend it (listen:), and show readiness by log, notify, file or pipe")
		return
	}
	port := localPort(s.Ready.Probe)
	switch {
	case port == "" || slices.ContainsFunc(s.Listen, func(l Listen) bool { return strings.HasSuffix(l.TCP, ":"+port) }):
	case !s.ReusePort:
		k.fail(at, fmt.Sprintf("%s: the new process and the old one cannot both listen on port %s", at, port),
			fmt.Sprintf(`add listen: "127.0.0.1:%s" and serve on the socket that bounce lends, as uvicorn --fd 3 does; or reuse_port: true if it listens with SO_REUSEPORT`, port))
	case s.Ready.HTTP != "" && s.Ready.Echo == "":
		k.fail(at, fmt.Sprintf("%s: with reuse_port either process may answer %s", at, s.Ready.HTTP), "add ready.echo, the name of a header with the value of BOUNCE_GENERATION; or listen: in place of reuse_port")
	}
}

// localPort is the port of this machine that a probe asks; "" for none.
func localPort(p Probe) string {
	address := p.TCP
	if u, err := url.Parse(p.HTTP); p.HTTP != "" && err == nil {
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		address = net.JoinHostPort(u.Hostname(), port)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(host)
	if host == "" || host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		return port
	}
	return ""
}
