package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bounce/decider"
	"bounce/internal/classifier"
	"bounce/internal/control"
	"bounce/watcher"
)

// oracle is what a running agent asks the classifier. It is owned by the
// loop, which waits for none: services that a change reaches restart at once,
// and what the answer calls for is a decision of its own. One question is asked
// at a time; what comes up meanwhile is the next.
type oracle struct {
	asker     *asker // nil where there is no classifier
	now, next *topic
}

// topic is what one question is about, asked or yet to be.
type topic struct {
	// changes have in Old what the files held before all that is asked about.
	changes map[string]watcher.Change
	// done is closed when what came of it has been set going.
	done chan struct{}
}

// sorted returns the changes by path.
func (t *topic) sorted() []watcher.Change {
	return slices.SortedFunc(maps.Values(t.changes), func(a, b watcher.Change) int { return strings.Compare(a.Path, b.Path) })
}

// pending returns what is asked about files, or will be.
func (o *oracle) pending(yield func(watcher.Change) bool) {
	for _, one := range []*topic{o.next, o.now} { // now has what is older
		if one == nil {
			continue
		}
		for _, c := range one.changes {
			if !yield(c) {
				return
			}
		}
	}
}

// last returns what is closed when all that was to be asked so far has been
// answered; nil when there is nothing.
func (o *oracle) last() <-chan struct{} {
	switch {
	case o.next != nil:
		return o.next.done
	case o.now != nil:
		return o.now.done
	}
	return nil
}

// wonder has the classifier asked what a plan wants to know of its batch. A file
// that holds again what it did before it was asked about is no question.
func (a *Agent) wonder(ctx context.Context, b watcher.Batch, plan decider.Plan) {
	o := &a.oracle
	if o.asker == nil {
		return
	}
	for _, c := range b.Changes {
		if _, found := slices.BinarySearch(plan.Ask, c.Path); !found {
			continue
		}
		if o.now != nil {
			if asked, ok := o.now.changes[c.Path]; ok && asked.Old == c.New {
				o.drop(c.Path)
				continue
			}
		}
		o.add(c)
	}
	a.inquire(ctx)
}

// add makes a change part of the next question.
func (o *oracle) add(c watcher.Change) {
	if o.next == nil {
		o.next = &topic{make(map[string]watcher.Change), make(chan struct{})}
	}
	if was, ok := o.next.changes[c.Path]; ok {
		c.Old = was.Old
	}
	if o.next.changes[c.Path] = c; c.Old == c.New {
		o.drop(c.Path)
	}
}

// drop takes a file out of the next question.
func (o *oracle) drop(path string) {
	if o.next == nil {
		return
	}
	if delete(o.next.changes, path); len(o.next.changes) == 0 {
		close(o.next.done)
		o.next = nil
	}
}

// inquire asks the next question, unless one is being asked.
func (a *Agent) inquire(ctx context.Context) {
	o := &a.oracle
	if o.now != nil || o.next == nil {
		return
	}
	o.now, o.next = o.next, nil
	asker := o.asker
	if asker == nil { // a reload has done away with it
		a.answered(ctx, o.now.sorted(), classifier.Answer{}, errors.New("it is no longer configured"))
		return
	}
	changes := o.now.sorted()
	a.wg.Go(func() {
		var paths, state []string
		for _, c := range changes {
			paths = append(paths, c.Path)
			state = append(state, fmt.Sprintf("%s %s %s", c.Path, hex.EncodeToString(c.Old[:]), hex.EncodeToString(c.New[:])))
		}
		answer, err := asker.ask(ctx, paths, state)
		_ = a.do(ctx, func(loop context.Context) { a.answered(loop, changes, answer, err) })
	})
}

// answered decides on what the classifier said, or on the fallback when it said
// nothing, and asks the next question.
func (a *Agent) answered(ctx context.Context, changes []watcher.Change, answer classifier.Answer, err error) {
	switch {
	case err != nil:
		a.emit(control.Event{Kind: "warning", Text: "the classifier gives no answer, so the fallback counts: " + err.Error()})
	case answer.Reason != "":
		a.emit(control.Event{Kind: "note", Text: "classifier: " + answer.Reason})
	}
	answer.Actions = slices.DeleteFunc(answer.Actions, func(name string) bool {
		_, ok := a.setup().rules.Actions[name]
		return !ok // a reload has removed it
	})
	b := watcher.Batch{Cause: "classifier"}
	v := a.view()
	in := a.input(ctx, b, v, v)
	in.Answers = []decider.Answer{{Changes: changes, Actions: answer.Actions, Failed: err != nil}}
	plan := decider.Decide(in)
	a.publish(b, plan)
	a.apply(v, plan)
	close(a.oracle.now.done)
	a.oracle.now = nil
	a.inquire(ctx)
}
