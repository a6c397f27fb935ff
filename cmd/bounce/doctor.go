package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bounce/internal/agent"
	"bounce/internal/control"
	"bounce/internal/machine"
)

func newDoctor(g *globals) *cobra.Command {
	var asJSON bool
	cmd := verb(&cobra.Command{
		Use:     "doctor",
		GroupID: "agent",
		Short:   "Say what is wrong with the agent and with what it relies on, and show both",
		Long: `Show what helps when something is odd, and say what is wrong of it: the agent,
how changes are noticed, limits of this machine and what is used of them, the
interpreters of services, what each service starts from and what can change it,
the socket and the directories of the agent with their rights, the clock of the
file system, what becomes of bytecode, and the last warnings.

Without an agent it looks at all that can be seen without one. It changes
nothing.

Exit code 0 when nothing is wrong, warnings included; 1 when something is; 4
without an agent, whatever was found.`,
		Args: takes(0, 0),
	}, func(ctx context.Context, _ []string) error {
		e, err := g.examine(ctx)
		if err != nil && !errors.Is(err, control.ErrNoAgent) {
			return err
		}
		e.Findings = diagnose(e)
		if asJSON {
			if err := writeJSON(g.out, e); err != nil {
				return err
			}
		} else {
			writeExamination(g.out, e)
		}
		if err != nil {
			return err
		}
		for _, f := range e.Findings {
			if f.Level == wrong {
				return &exitError{code: exitFailed}
			}
		}
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: findings, and what they are taken from")
	return cmd
}

// examination is all that doctor looks at. Of what could not be looked at, a
// finding says why.
type examination struct {
	// Program is the version of this program.
	Program string `json:"program"`
	Project string `json:"project"`
	// Findings are what is wrong or odd, worst first.
	Findings []finding `json:"findings"`
	// Agent is nil where none answers.
	Agent   *control.Agent `json:"agent"`
	UptimeS float64        `json:"uptime_s"`
	control.Facts
	// Status is where the services are, while an agent runs.
	Status []control.Service `json:"status"`
	Limits []machine.Limit   `json:"limits"`
	Places []machine.Place   `json:"places"`
	Clock  machine.Clock     `json:"clock"`
	// Warnings are the last ones that the agent gave.
	Warnings []control.Event `json:"warnings"`

	unknown []string // what could not be looked at, and why
}

// lastWarnings is how many are shown.
const lastWarnings = 10

// examine looks at everything. Without an agent that is what can be seen without
// one, and the error says so.
func (g *globals) examine(ctx context.Context) (*examination, error) {
	c, err := g.client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	e := &examination{Program: version, Project: g.project, Status: []control.Service{}, Warnings: []control.Event{}}
	st, absent := c.Status(ctx)
	if absent != nil && !errors.Is(absent, control.ErrNoAgent) {
		return nil, absent
	}
	pid := 0
	if absent == nil {
		pid = st.Agent.PID
		e.Agent, e.Status = &st.Agent, st.Services
		err := c.Events(ctx, 0, false, e.heed)
		e.note("the last warnings", err)
		e.Facts, err = c.Facts(ctx)
		e.note("what the agent knows of services", err)
		if e.Started != nil {
			e.UptimeS = time.Since(*e.Started).Seconds()
		}
	} else {
		e.note("the project", g.readFacts(ctx, e))
	}
	e.Limits, err = machine.Limits(pid)
	e.note("limits", err)
	e.note("places", e.lookAround())
	e.Clock = machine.ClockOf(g.project)
	return e, absent
}

// readFacts learns of the project without an agent.
func (g *globals) readFacts(ctx context.Context, e *examination) error {
	cfg, err := g.loadOrEmpty()
	if err != nil {
		return err
	}
	p, err := agent.Open(ctx, cfg)
	if err != nil {
		return err
	}
	e.Facts = p.Facts(ctx)
	return nil
}

// note notes why something could not be looked at.
func (e *examination) note(what string, err error) {
	if err != nil {
		e.unknown = append(e.unknown, what+": "+strings.TrimPrefix(err.Error(), "bounce: "))
	}
}

// heed keeps the last warnings among events.
func (e *examination) heed(event control.Event) error {
	switch event.Kind {
	case "warning", "unkept", "dropped":
		e.Warnings = append(e.Warnings, event)
		e.Warnings = e.Warnings[max(0, len(e.Warnings)-lastWarnings):]
	}
	return nil
}

// lookAround looks at the files and directories of the agent.
func (e *examination) lookAround() error {
	socket, err := control.SocketPath(e.Project)
	if err != nil {
		return err
	}
	state, err := control.StateDir(e.Project)
	if err != nil {
		return err
	}
	e.Places = []machine.Place{
		machine.LookAt("socket directory", filepath.Dir(socket), machine.Private),
		machine.LookAt("socket", socket, machine.Socket),
		machine.LookAt("kept services", strings.TrimSuffix(socket, ".sock")+".kept", machine.Private),
		machine.LookAt("state directory", state, machine.Private),
		machine.LookAt("log of --daemonize", filepath.Join(state, "agent.log"), machine.File),
	}
	return nil
}
