package agent

import (
	"errors"
	"fmt"

	"bounce/internal/control"
	"bounce/runner"
)

// Attach implements [control.Backend].
func (a *Agent) Attach(service string) (control.Terminal, error) {
	if err := a.known([]string{service}); err != nil {
		return nil, err
	}
	guest, err := a.run.Attach(service)
	switch {
	case errors.Is(err, runner.ErrNoTerminal):
		return nil, &control.Refusal{Text: fmt.Sprintf("%v; add the line  tty: true  to %s", err, service)}
	case err != nil:
		return nil, &control.Refusal{Text: err.Error()}
	}
	return guest, nil
}
