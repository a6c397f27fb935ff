package configs

import "time"

// OnStats is a command that is told what a service uses.
type OnStats struct {
	// Run is the command, written as that of a service. While the service runs,
	// it is run in the directory of the project with one line of JSON on standard
	// input: service, generation, pid, state, and usage as bounce status --json
	// has it.
	Run Command `json:"run" example:"[python3, tools/record.py]"`
	// Interval is the time between two runs, and the most that one may take.
	Interval Duration `json:"interval" min:"1s" example:"30s"`
}

// StatsCommand returns the command that is told what a service uses, and how
// often; nil for none.
func (c *Config) StatsCommand(service string) (argv []string, every time.Duration) {
	o := c.Services[service].OnStats
	return o.Run.Argv(), time.Duration(o.Interval)
}
