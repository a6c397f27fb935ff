package configs

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// What two services cannot both have: an address, a file that shows that one
// of them serves, a file that their lines go to.

// overlap reports whether two sockets cannot both be listened on, however they
// are written: an address without a host, or with that of all interfaces,
// takes the port of each of them.
func (k *checker) overlap(a, b Listen) bool {
	if a.Unix != "" || b.Unix != "" {
		return a.Unix != "" && b.Unix != "" && k.abs(a.Unix) == k.abs(b.Unix)
	}
	host, port, ok := endpoint(a.TCP)
	other, same, ok2 := endpoint(b.TCP)
	return ok && ok2 && port == same && port != 0 && hostsOverlap(host, other)
}

// endpoint takes an address of TCP apart; what is no address was found before.
func endpoint(address string) (host string, port int, ok bool) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, false
	}
	port, err = strconv.Atoi(text)
	return strings.ToLower(host), port, err == nil
}

// hostsOverlap reports whether a host is among the other. A name may stand for
// any address, so it is only itself; but localhost is 127.0.0.1, since that is
// what is listened on.
func hostsOverlap(a, b string) bool {
	if a == b || a == "" || b == "" {
		return true
	}
	x, err := hostAddress(a)
	y, err2 := hostAddress(b)
	return err == nil && err2 == nil &&
		(x == y || x.Is4() == y.Is4() && (x.IsUnspecified() || y.IsUnspecified()))
}

// hostAddress reads a host that is an address.
func hostAddress(host string) (netip.Addr, error) {
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	return ip.Unmap(), err
}

// taken refuses a socket that a service of a name before this one's has, or
// this one itself in an earlier line.
func (k *checker) taken(at string, s Service, i int) {
	l := s.Listen[i]
	for _, name := range k.services {
		for j, o := range k.Services[name].Listen {
			before := name < s.Name || name == s.Name && j < i
			if before && k.overlap(l, o) {
				k.fail(at, fmt.Sprintf("%s: %s listens on %s too", at, element(child("services", name)+".listen", j), o.TCP+o.Unix), "an address is one service's")
			}
		}
	}
}

// sign refuses a file or pipe of ready that another service has: it is removed
// before each start, and shows that either of them serves.
func (k *checker) sign(path string, s Service) {
	mine := map[string]string{"file": s.Ready.File, "pipe": s.Ready.Pipe}
	for _, key := range []string{"file", "pipe"} {
		if mine[key] == "" {
			continue
		}
		for _, name := range k.services {
			o := k.Services[name].Ready
			for _, theirs := range []string{o.File, o.Pipe} {
				if name < s.Name && theirs != "" && k.abs(theirs) == k.abs(mine[key]) {
					at := path + ".ready." + key
					k.fail(at, fmt.Sprintf("%s is what shows that %s serves, too", at, name), "give each service one of its own")
				}
			}
		}
	}
}

// written refuses to have the lines of a service written to what is read.
func (k *checker) written(at, file string) {
	file = k.abs(file)
	fail := func(what string) {
		k.fail(at, fmt.Sprintf("%s is %s, which its lines would be written to", at, what), "name a file for them alone, as in logs/api.log")
	}
	if file == k.File {
		fail("the configuration")
		return
	}
	if slices.Contains([]string{".py", ".pyi", ".pyw", ".pyx"}, filepath.Ext(file)) {
		fail("a file of Python")
		return
	}
	isFile := func(name string) bool { return name != "" && k.abs(name) == file }
	for _, name := range k.services {
		if slices.ContainsFunc(k.Services[name].EnvFile, isFile) {
			fail("the env file of " + name)
			return
		}
	}
	for _, name := range k.actions {
		if slices.ContainsFunc(k.Actions[name].EnvFile, isFile) {
			fail("the env file of " + printable(name))
			return
		}
	}
}
