package configs

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What is checked of ready and live.

// asks are the keys of a probe that ask something, by whether they are set.
func (p Probe) asks() map[string]bool {
	return map[string]bool{"tcp": p.TCP != "", "unix": p.Unix != "", "http": p.HTTP != "", "command": p.Command.Argv() != nil}
}

// none reports whether nothing is asked.
func (l Live) none() bool { return !slices.Contains(slices.Collect(maps.Values(l.asks())), true) }

// signs are the keys that show readiness, by whether they are set.
func (r Ready) signs() map[string]bool {
	set := r.asks()
	maps.Copy(set, map[string]bool{"file": r.File != "", "pipe": r.Pipe != "", "log": r.Log != "", "notify": r.Notify})
	return set
}

func (k *checker) ready(path string, r Ready) {
	k.single(path, r.signs())
	k.probe(path, r.Probe)
	for key, value := range map[string]string{"file": r.File, "pipe": r.Pipe} {
		k.directory(path+"."+key, value)
	}
	k.pattern(path+".log", r.Log)
}

func (k *checker) live(path string, l Live) {
	k.single(path, l.asks())
	k.probe(path, l.Probe)
	if k.given(path) && !k.failed(path) && l.none() && !slices.ContainsFunc(slices.Collect(maps.Keys(l.asks())), func(key string) bool { return k.given(path + "." + key) }) {
		k.fail(path, path+" asks nothing", `write one of tcp, unix, http and command, as in tcp: "127.0.0.1:8000"`)
	}
}

// single refuses the second of several keys that are set.
func (k *checker) single(path string, set map[string]bool) {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if set[key] {
			keys = append(keys, key)
		}
	}
	slices.SortStableFunc(keys, func(a, b string) int {
		x, y := k.at[path+"."+a].key, k.at[path+"."+b].key
		if x.line != y.line {
			return x.line - y.line
		}
		return x.column - y.column
	})
	for i, key := range keys {
		if i == 0 {
			continue
		}
		hint := "keep one"
		if set["tcp"] && set["http"] {
			hint = "keep one: http tells more"
		}
		k.failKey(path+"."+key, fmt.Sprintf("%s has both %s and %s", path, keys[0], key), hint)
	}
}

// headerName is what a header may be called.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (k *checker) probe(path string, p Probe) {
	for _, key := range []string{"status", "body", "header", "echo"} {
		if k.given(path+"."+key) && !k.given(path+".http") {
			k.failKey(path+"."+key, fmt.Sprintf("%s.%s is about the answer to http, which is not there", path, key), "add http, or remove it")
		}
	}
	k.directory(path+".unix", p.Unix)
	k.pattern(path+".body", p.Body)
	names := slices.Sorted(maps.Keys(p.Header))
	for _, name := range names {
		k.pattern(child(path+".header", name), p.Header[name])
	}
	if p.Echo != "" {
		names = append(names, p.Echo)
	}
	for _, name := range names {
		if !headerName.MatchString(name) {
			at := path + ".echo"
			if name != p.Echo {
				at = child(path+".header", name)
			}
			k.failKey(at, fmt.Sprintf("%s cannot be the name of a header", quoted(name)), "a name such as X-Generation")
		}
	}
	if k.given(path+".tcp") && !k.failed(path+".tcp") {
		host, port, err := net.SplitHostPort(p.TCP)
		number, bad := strconv.Atoi(port)
		hint := "write host:port, as in 127.0.0.1:8000"
		if n, plain := strconv.Atoi(p.TCP); plain == nil && 0 < n && n < 1<<16 {
			hint = fmt.Sprintf("write 127.0.0.1:%d", n)
		}
		if err != nil || bad != nil || number < 1 || number > 65535 || strings.ContainsAny(host, " /") {
			k.fail(path+".tcp", fmt.Sprintf("%s.tcp cannot be %s", path, quoted(p.TCP)), hint)
		}
	}
	if k.given(path+".http") && !k.failed(path+".http") {
		u, err := url.Parse(p.HTTP)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			k.fail(path+".http", fmt.Sprintf("%s.http cannot be %s", path, quoted(p.HTTP)), "write a whole URL, as in http://127.0.0.1:8000/healthz")
		} else if number, bad := strconv.Atoi(u.Port()); u.Port() != "" && (bad != nil || number < 1 || number > 65535) {
			k.fail(path+".http", fmt.Sprintf("%s.http cannot be %s: there is no port %s", path, quoted(p.HTTP), u.Port()), "ports are from 1 to 65535")
		}
	}
}

// pattern checks a regular expression.
func (k *checker) pattern(path, text string) {
	if _, err := regexp.Compile(text); err != nil && !k.failed(path) {
		why := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		k.fail(path, fmt.Sprintf("%s is no regular expression: %s", path, why), `write \\ in front of a character that stands for itself`)
	}
}
