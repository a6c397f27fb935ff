//go:build !linux

package runner

import "bounce/internal/cgroup"

// A shim needs Linux: elsewhere nobody can be the parent of what a service
// leaves behind.

type ward struct{ heard func(text string) }

func (*ward) listen(func(l Line, old bool)) {}
func (*ward) note([]byte)                   {}
func (*ward) memorize([]byte)               {}
func (*ward) leave()                        {}

// shimEnd is our end of a shim.
type shimEnd struct{}

const canKeep = false

func keepDir(string) error { return nil }

func (*held) regroup(bool) {}

func (*adoption) shimPID() int { return 0 }

func (*adoption) dispose() {}

func (unixStarter) startWard(string, command, mark, []byte, []byte) (process, *pipes, error) {
	return nil, nil, ErrNotSupported
}

func findWards(string, string, *cgroup.Tree) (map[string]*adoption, error) { return nil, nil }

func heardElsewhere(address string) *ear { return &ear{address: address} }
