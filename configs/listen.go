package configs

import (
	"fmt"
	"io/fs"
	"net"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"bounce/runner"
)

// Listening are the sockets of a service; one alone may be written without
// brackets.
type Listening []Listen

func (l *Listening) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	if n.kind == list || n.null() {
		d.list(n, reflect.ValueOf((*[]Listen)(l)).Elem(), path, tag)
		return
	}
	*l = make(Listening, 1)
	d.value(n, reflect.ValueOf(&(*l)[0]).Elem(), element(path, 0), tag)
}

func (l *Listen) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	if n.kind != scalar || n.null() {
		d.structure(n, reflect.ValueOf(l).Elem(), path)
		return
	}
	if socket, ok := strings.CutPrefix(n.text, "unix:"); ok {
		l.Unix = socket
	} else {
		l.TCP = n.text
	}
}

var octal = regexp.MustCompile("^0?[0-7]{3}$")

// listening checks the sockets of a service.
func (k *checker) listening(path string, s Service) {
	for i, l := range s.Listen {
		at := element(path+".listen", i)
		if k.failed(at) {
			continue
		}
		switch {
		case l.TCP != "" && l.Unix != "":
			k.fail(at, at+" has both tcp and unix", "write two")
		case l.TCP == "" && l.Unix == "":
			k.fail(at, at+" is empty", `write an address, as in "127.0.0.1:8000" or "unix:run/api.sock"`)
		case l.TCP != "":
			k.address(at, l.TCP)
			if l.Mode != "" {
				k.fail(at, at+".mode is for unix sockets", "remove it")
			}
		default:
			k.directory(at, l.Unix)
			k.fits(at, l.Unix)
			if l.Mode != "" && !octal.MatchString(l.Mode) {
				k.fail(at, fmt.Sprintf("%s.mode cannot be %s", at, quoted(l.Mode)), `write it in octal, as in "0660"`)
			}
		}
		if strings.Contains(l.Name, ":") {
			k.fail(at, fmt.Sprintf("%s.name cannot be %s", at, quoted(l.Name)), "names have no colon")
		}
		k.taken(at, s, i)
		// The kernel accepts for a socket that is listened on, whoever holds it.
		if k.proves(l, s.Ready.Probe) {
			k.fail(path+".ready", fmt.Sprintf("%s.ready: that %s accepts proves nothing: bounce itself listens on it", path, l.TCP+l.Unix), "use http, log or notify")
		}
		if k.proves(l, s.Live.Probe) {
			k.fail(path+".live", fmt.Sprintf("%s.live: that %s accepts proves nothing: bounce itself listens on it", path, l.TCP+l.Unix), "use http or a command")
		}
	}
}

// proves reports whether a probe connects to a socket that is lent.
func (k *checker) proves(l Listen, p Probe) bool {
	if l.Unix != "" {
		return p.Unix != "" && k.abs(l.Unix) == k.abs(p.Unix)
	}
	_, port, err := net.SplitHostPort(l.TCP)
	_, asked, err2 := net.SplitHostPort(p.TCP)
	return err == nil && err2 == nil && port == asked && port != "0"
}

// address checks a host and port to listen on.
func (k *checker) address(path, address string) {
	host, port, err := net.SplitHostPort(address)
	number, bad := strconv.Atoi(port)
	hint := `write host:port, as in "127.0.0.1:8000", or unix: and a path`
	if n, plain := strconv.Atoi(address); plain == nil && 0 < n && n < 1<<16 {
		hint = fmt.Sprintf("write 127.0.0.1:%d", n)
	}
	if err != nil || bad != nil || number < 0 || number > 65535 || strings.ContainsAny(host, " /") {
		k.fail(path, fmt.Sprintf("%s cannot be %s", path, quoted(address)), hint)
	}
}

// maxSocketPath is how long the path of a unix socket may be: the kernel's room
// for one, less its end and the sign behind the name of the one that is to follow.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 2

// fits refuses a path that no unix socket can have.
func (k *checker) fits(at, socket string) {
	if long := k.abs(socket); len(long) > maxSocketPath {
		k.fail(at, fmt.Sprintf("%s: %s has %d bytes, and a unix socket that is listened on may have %d", at, printable(long), len(long), maxSocketPath),
			"use a shorter path, as in unix:/run/api.sock")
	}
}

// sockets returns what a service listens on as the runner takes it.
func (c *Config) sockets(s Service) []runner.Listen {
	var out []runner.Listen
	for _, l := range s.Listen {
		mode, _ := strconv.ParseUint(l.Mode, 8, 32) // "" is 0, and others were checked
		out = append(out, runner.Listen{TCP: l.TCP, Unix: c.path(l.Unix), Mode: fs.FileMode(mode), Name: l.Name})
	}
	return out
}
