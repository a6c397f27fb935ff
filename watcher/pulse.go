package watcher

import "time"

// pulsePeriod is how often the pulse wakes the process, for as long as it takes
// to read a counter. A pause of twice as long is noticed for sure.
const pulsePeriod = 5 * time.Second

// A pulse tells of pauses of this process. The zero value never does.
type pulse struct {
	gaps <-chan struct{}
	end  func()
}

func (p pulse) stop() {
	if p.end != nil {
		p.end()
	}
}
