package runner

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// holdSockets opens the sockets that the next generation is lent, keeps those
// that are open, and closes those that are no longer wanted.
func (s *service) holdSockets() error {
	var kept, gone []*held
	for _, h := range s.sockets {
		if slices.Contains(s.spec.Listen, h.spec) {
			kept = append(kept, h)
		} else {
			gone = append(gone, h)
		}
	}
	for _, h := range gone {
		h.release()
	}
	s.sockets = nil
	var failed error
	for _, l := range s.spec.Listen {
		i := slices.IndexFunc(kept, func(h *held) bool { return h.spec == l })
		if i >= 0 {
			s.sockets = append(s.sockets, kept[i])
			kept = slices.Delete(kept, i, i+1)
			continue
		}
		h, err := hold(l)
		if err != nil {
			failed = err
			continue
		}
		s.sockets = append(s.sockets, h)
	}
	return failed
}

// handOver leads new connections to the next generation, and returns the
// sockets whose queues the one that runs is to empty before it is ended.
func (s *service) handOver() []*os.File {
	if s.over || !s.asked || s.intent == Down {
		return nil
	}
	var old []*os.File
	for _, h := range s.sockets {
		if h.succeed(); h.next != nil {
			old = append(old, h.file)
		}
	}
	return old
}

// takeOver makes the sockets of the next generation the current ones.
func (s *service) takeOver() {
	for _, h := range s.sockets {
		h.supplant()
	}
}

// releaseSockets closes all of them: the service is to be down, and whoever
// connects had better know.
func (s *service) releaseSockets() {
	for _, h := range s.sockets {
		h.release()
	}
	s.sockets = nil
}

// lent are the sockets as a command gets them, from descriptor 3 on.
func (s *service) lent() (files []*os.File, names []string) {
	for _, h := range s.sockets {
		name := h.spec.Name
		if name == "" {
			name = s.name
		}
		files, names = append(files, h.file), append(names, name)
	}
	return files, names
}

// addresses are what the agent listens on for the service.
func (s *service) addresses() []string {
	var all []string
	for _, h := range s.sockets {
		all = append(all, h.address)
	}
	return all
}

// holds reports whether the agent itself listens on a port for the service.
func (s *service) holds(port int) bool {
	return slices.ContainsFunc(s.sockets, func(h *held) bool {
		return h.spec.TCP != "" && strings.HasSuffix(h.address, ":"+strconv.Itoa(port))
	})
}
