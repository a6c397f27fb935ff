package runner

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"bounce/decider"
)

// Addresses that move. When services are configured anew, one may be to listen
// where another one still does, and that one may be to listen where the first one
// does. Each gives up what it is no longer to have when nothing of its old
// generation is left, before it asks for its turn to start; whoever is to have it
// waits for that. So two may swap, and nobody finds taken what is about to be
// free.

// tenancy is a socket that is still held for a service and is no longer in its
// spec.
type tenancy struct {
	service string
	listen  Listen
}

// vacateSockets closes the sockets that are no longer in the spec. Nothing of the
// service runs.
func (s *service) vacateSockets() {
	s.sockets = slices.DeleteFunc(s.sockets, func(h *held) bool {
		gone := !slices.Contains(s.spec.Listen, h.spec)
		if gone {
			h.release()
		}
		return gone
	})
}

// lookForTenancies takes them from the views.
func (c *conductor) lookForTenancies() {
	c.tenancies = c.tenancies[:0]
	for _, name := range sortedKeys(c.views) {
		for _, l := range c.views[name].listens {
			if !slices.Contains(c.specs[name].Listen, l) {
				c.tenancies = append(c.tenancies, tenancy{name, l})
			}
		}
	}
}

// tenants are those of other services who still have what a service is to listen
// on.
func (c *conductor) tenants(name string) []tenancy {
	var all []tenancy
	for _, t := range c.tenancies {
		if t.service != name && slices.ContainsFunc(c.specs[name].Listen, t.listen.meets) {
			all = append(all, t)
		}
	}
	return all
}

// hasFor reports whether a service has what another one is to listen on.
func (c *conductor) hasFor(name, other string) bool {
	return slices.ContainsFunc(c.tenants(other), func(t tenancy) bool { return t.service == name })
}

// isAwaited reports whether a service that is down waits for what another one still
// has.
func (c *conductor) isAwaited(name string) bool {
	return slices.ContainsFunc(c.tenancies, func(t tenancy) bool { return t.service == name }) &&
		slices.ContainsFunc(sortedKeys(c.services), func(other string) bool {
			return c.view(other).status.State == StateWaiting && c.hasFor(name, other)
		})
}

// isBlocked reports whether a service is to listen on what another one has and is
// not about to give up.
func (c *conductor) isBlocked(name string) bool { return c.blocked(name, map[string]bool{}) }

// blocked is isBlocked for one that those in seen wait for: to wait for each other
// is no obstacle.
func (c *conductor) blocked(name string, seen map[string]bool) bool {
	if seen[name] {
		return false
	}
	seen[name] = true
	return slices.ContainsFunc(c.tenants(name), func(t tenancy) bool {
		switch state := c.view(t.service).status.State; {
		case state == StateUnclean:
			return true
		case !state.live():
			return false
		}
		return !slices.ContainsFunc(c.queue, func(s *step) bool {
			return s.kind == decider.RestartService && s.name == t.service && !s.ended &&
				(s.active || s.ends() || !c.actionBetween(name, s) && !c.blocked(t.service, seen))
		})
	})
}

// actionBetween reports whether a step waits for an action that waits for a
// service.
func (c *conductor) actionBetween(service string, s *step) bool {
	return slices.ContainsFunc(c.queue, func(first *step) bool {
		return first.raises(service) && slices.ContainsFunc(c.queue, func(a *step) bool {
			return a.kind == decider.RunAction && !a.ended && !s.operator && first.order < a.order && a.order <= s.order
		})
	})
}

// awaits says which address a service waits for, "" for none.
func (c *conductor) awaits(name string) string {
	if all := c.tenants(name); len(all) > 0 {
		return fmt.Sprintf("waits for %s, which still listens on %s", all[0].service, all[0].listen)
	}
	return ""
}

// String is the address.
func (l Listen) String() string { return l.TCP + l.Unix }

// meets reports whether two sockets cannot both be listened on.
func (l Listen) meets(other Listen) bool {
	if l.Unix != "" || other.Unix != "" {
		return l.Unix == other.Unix
	}
	host, port, _ := net.SplitHostPort(l.TCP)
	host2, port2, _ := net.SplitHostPort(other.TCP)
	return port == port2 && port != "0" && hostsMeet(host, host2)
}

// hostsMeet reports whether two hosts may stand for one address: no host is all of
// them, and what a name is only a resolver knows.
func hostsMeet(host, host2 string) bool {
	addr, err := netip.ParseAddr(host)
	addr2, err2 := netip.ParseAddr(host2)
	if err != nil || err2 != nil {
		return true
	}
	addr, addr2 = addr.Unmap(), addr2.Unmap()
	return addr == addr2 || addr.Is4() == addr2.Is4() && (addr.IsUnspecified() || addr2.IsUnspecified())
}
