package agent

import (
	"context"
	"fmt"
	"time"

	"bounce/internal/control"
	"bounce/watcher"
)

// Whether a Python finds a module, only that Python can say, which has to be
// started for it. A service that is held for a module is decided on anew with
// every change: the loop goes by the last answer then, and has it asked again
// beside.

// findAgain is how long an answer counts before it is asked for again.
const findAgain = time.Second

// sought is a module that the Python of a service was asked for. A service whose
// Python or packages have changed is another one.
type sought struct {
	service *service
	module  string
}

// answer is what the Python said. It is owned by the loop.
type answer struct {
	found  bool
	at     time.Time
	asking bool // it is asked again
}

// finds reports whether the Python of a service finds a module, which somebody
// imports. It does as long as nobody says otherwise. It runs on the loop, and
// waits for the first answer alone, which holds as long as no package comes or
// goes; anywhere says that the module may come where nobody looks.
func (a *Agent) finds(ctx context.Context, s *service, module, somebody string, anywhere bool) bool {
	if s.python.Path == "" {
		return true
	}
	key := sought{s, module}
	known := a.answers[key]
	if known == nil {
		known = &answer{at: time.Now()}
		known.found = a.askFor(ctx, key, somebody)
	} else if anywhere && !known.asking && time.Since(known.at) >= findAgain {
		known.asking = true
		a.wg.Go(func() { a.findsNow(ctx, key, known, somebody) })
	}
	a.sought[key] = known
	return known.found
}

// findsNow asks again, and has it decided on if that is another answer.
func (a *Agent) findsNow(ctx context.Context, key sought, known *answer, somebody string) {
	found := a.askFor(ctx, key, somebody)
	_ = a.do(ctx, func(ctx context.Context) {
		was := known.found
		*known = answer{found: found, at: time.Now()}
		if found != was && a.answers[key] == known {
			a.turn(ctx, watcher.Batch{Cause: "module " + key.module})
		}
	})
}

// askFor asks a Python whether it finds a module.
func (a *Agent) askFor(ctx context.Context, key sought, somebody string) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, askTime, errBusy)
	defer cancel()
	found, err := key.service.python.Finds(ctx, []string{key.module})
	if err != nil {
		if ctx.Err() == nil || context.Cause(ctx) == errBusy {
			a.emit(control.Event{Kind: "warning", Service: key.service.name, Text: fmt.Sprintf("cannot tell whether %s finds %s: %v", somebody, key.module, err)})
		}
		return true
	}
	return found[key.module]
}

// forgetAnswers drops the answers that nobody has asked for since it was last
// called.
func (a *Agent) forgetAnswers() { a.answers, a.sought = a.sought, map[sought]*answer{} }
