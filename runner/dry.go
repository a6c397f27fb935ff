package runner

import (
	"os"
	"slices"
	"sync"
	"time"
)

// dryStarter starts nothing: its processes are there until they are ended, and
// do nothing. All else of the runner is as ever, so that what it would do and
// when shows in what services become.
type dryStarter struct{}

func (dryStarter) start(_ command, _ mark, stdout, stderr *os.File) (process, error) {
	stdout.Close()
	stderr.Close()
	return &dryProcess{begun: time.Now(), gone: make(chan struct{})}, nil
}

// dry returns s without the signs that its process would give.
func (s Spec) dry() Spec {
	s.Ready, s.Live, s.Heartbeat, s.Units, s.Strategy = Ready{}, Live{}, 0, nil, Immediate
	s.Hooks = nil
	s.DependsOn = slices.Clone(s.DependsOn)
	for i := range s.DependsOn {
		s.DependsOn[i].Condition = ConditionReady
	}
	return s
}

type dryProcess struct {
	begun time.Time
	once  sync.Once
	gone  chan struct{} // closed when it was told to end
}

func (p *dryProcess) pid() int                    { return 0 }
func (p *dryProcess) since() time.Time            { return p.begun }
func (p *dryProcess) exited() <-chan struct{}     { return p.gone }
func (p *dryProcess) exit() Exit                  { return Exit{Code: -1, Signal: "SIGTERM"} }
func (p *dryProcess) signal(string) error         { return nil }
func (p *dryProcess) leave()                      {}
func (p *dryProcess) owner(string, int) ownership { return ownership{unknown: true} }
func (p *dryProcess) has(int) (ours, known bool)  { return false, false }
func (p *dryProcess) busy() (busy, known bool)    { return false, true }
func (p *dryProcess) sockets() map[string]bool    { return nil }

func (p *dryProcess) end(Stop, <-chan struct{}) []int {
	p.once.Do(func() { close(p.gone) })
	return nil
}
