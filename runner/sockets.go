package runner

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// holdSockets opens the sockets that the next generation is lent, keeps those
// that are open, and closes those that are no longer wanted, or that nobody finds
// any more.
func (s *service) holdSockets() error {
	s.vacateSockets()
	kept := s.sockets
	s.sockets = nil
	var failed error
	for _, l := range s.spec.Listen {
		i := slices.IndexFunc(kept, func(h *held) bool { return h.spec == l })
		if i >= 0 {
			h := kept[i]
			kept = slices.Delete(kept, i, i+1)
			if !h.lost() {
				s.sockets = append(s.sockets, h)
				continue
			}
			h.release()
		}
		h, err := hold(l)
		if err != nil {
			failed = err
			continue
		}
		if s.spec.Strategy == Rolling && l.TCP != "" {
			h.found()
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

// lends reports whether the sockets that are held are those of the spec.
func (s *service) lends() bool {
	return slices.EqualFunc(s.sockets, s.spec.Listen, func(h *held, l Listen) bool { return h.spec == l })
}

// openBeside opens the sockets of a successor. Nothing comes to them but what is
// steered there, until lead.
func (s *service) openBeside() error {
	for _, h := range s.sockets {
		if err := h.beside(); err != nil {
			return err
		}
	}
	return nil
}

// openAhead opens the sockets of a successor that everything new comes to, while
// the generation before it is ended.
func (s *service) openAhead() error {
	for _, h := range s.sockets {
		if h.succeed(); h.next == nil {
			return fmt.Errorf("cannot listen on %s for two generations at once", h.address)
		}
	}
	return nil
}

// ahead are the sockets of a successor.
func (s *service) ahead() []*os.File {
	var files []*os.File
	for _, h := range s.sockets {
		if h.next != nil {
			files = append(files, h.next)
		}
	}
	return files
}

// lead has new connections come to the successor, or to the generation that
// serves.
func (s *service) lead(successor bool) {
	for _, h := range s.sockets {
		h.lead(successor)
	}
}

// abandon closes the sockets of a successor that is no more.
func (s *service) abandon() {
	for _, h := range s.sockets {
		h.abandon()
	}
}

// steering returns what has a connection to port go to the successor; nil when
// the agent does not hold it.
func (s *service) steering(port int) func(network, address string, raw syscall.RawConn) error {
	for _, h := range s.sockets {
		if h.at(port) {
			return h.steer
		}
	}
	return nil
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

// leaveSockets lets go of all of them, and leaves them to a shim.
func (s *service) leaveSockets() {
	for _, h := range s.sockets {
		h.leave()
	}
	s.sockets = nil
}

// lent are the sockets as a command gets them, from descriptor 3 on.
func (s *service) lent(successor bool) (files []*os.File, names []string) {
	for _, h := range s.sockets {
		name, file := h.spec.Name, h.file
		if name == "" {
			name = s.name
		}
		if successor {
			file = h.next
		}
		files, names = append(files, file), append(names, name)
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

// holding are the sockets that are held, as specs once had them.
func (s *service) holding() []Listen {
	var all []Listen
	for _, h := range s.sockets {
		all = append(all, h.spec)
	}
	return all
}

// holds reports whether the agent itself listens on a port for the service.
func (s *service) holds(port int) bool {
	return slices.ContainsFunc(s.sockets, func(h *held) bool { return h.at(port) })
}

// at reports whether the socket is one of a TCP port.
func (h *held) at(port int) bool {
	return h.spec.TCP != "" && strings.HasSuffix(h.address, ":"+strconv.Itoa(port))
}
