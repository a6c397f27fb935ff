package runner

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// busy reports whether one of its processes has a TCP connection to a port that
// one of them listens on. What it has opened itself, to a database say, does not
// count.
func (p *proc) busy() (busy, known bool) {
	inodes := p.sockets()
	var own []socket
	for _, name := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid()), "net", name))
		if err != nil {
			continue // there may be no IPv6, and what has ended is not busy
		}
		for _, s := range parseSockets(string(data)) {
			if inodes[s.inode] {
				own = append(own, s)
			}
		}
	}
	return serves(own), true
}

func (p *proc) sockets() map[string]bool {
	inodes := make(map[string]bool)
	for _, s := range p.live(make(map[identity]bool)) {
		holdsFile(s.pid, func(link string, _ fs.FileMode) bool {
			if inode, ok := strings.CutPrefix(link, "socket:["); ok {
				inodes[strings.TrimSuffix(inode, "]")] = true
			}
			return false // go on
		})
	}
	return inodes
}

// serves reports whether one of the sockets is a connection to the port of one
// that listens.
func serves(own []socket) bool {
	listens := make(map[uint16]bool)
	for _, s := range own {
		if s.listens {
			listens[s.addr.Port()] = true
		}
	}
	for _, s := range own {
		if !s.listens && listens[s.addr.Port()] {
			return true
		}
	}
	return false
}
