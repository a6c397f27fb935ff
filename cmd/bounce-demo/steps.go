package main

import (
	"context"
	"fmt"
	"time"
)

// step is an edit and what must come of it.
type step struct {
	title string
	// do makes the edit and returns when its last byte was written.
	do func(context.Context, *project) (time.Time, error)
	// changed is the file that must be given as the reason; "" for any.
	changed string
	// restarts and holds are the services that must restart, and wait; every
	// other one must be left alone.
	restarts, holds []string
	// runs is what the API must say that it runs, afterwards.
	runs map[string]string
}

const (
	api       = "api"
	worker    = "worker"
	scheduler = "scheduler"
)

// steps are the edits in their order. Which service loads which file is in the
// README of the shop.
var steps = []step{
	{
		title:    "Edit a leaf library, two imports below the services: src/shop/money.py",
		do:       edit("src/shop/money.py", oldRevision, newRevision),
		changed:  "src/shop/money.py",
		restarts: []string{api, worker},
		runs:     map[string]string{"shop.money": newRevision},
	},
	{
		title:    "Edit a file that only the scheduler has: src/shop/scheduler/timetable.py",
		do:       edit("src/shop/scheduler/timetable.py", oldRevision, newRevision),
		changed:  "src/shop/scheduler/timetable.py",
		restarts: []string{scheduler},
	},
	{
		title:   "Save half a function: src/shop/pricing.py",
		do:      edit("src/shop/pricing.py", "def discount(count):", "def discount(count: int"),
		changed: "src/shop/pricing.py",
		holds:   []string{api, worker},
		runs:    map[string]string{"shop.pricing": oldRevision},
	},
	{
		title:    "Write the other half: src/shop/pricing.py",
		do:       edit("src/shop/pricing.py", "def discount(count: int", "def discount(count: int):"),
		changed:  "src/shop/pricing.py",
		restarts: []string{api, worker},
	},
	{
		title: "Edit the README",
		do:    edit("README.md", "A small mail-order shop", "A very small mail-order shop"),
	},
	{
		title: fmt.Sprintf("git checkout %s, which rewrites %d files", branch, zones),
		do: func(ctx context.Context, p *project) (time.Time, error) {
			err := p.git(ctx, "checkout", "--quiet", branch)
			return time.Now(), err
		},
		restarts: []string{api, worker},
		runs: map[string]string{
			"shop.tariffs.zone_001":                      newRevision,
			fmt.Sprintf("shop.tariffs.zone_%03d", zones): newRevision,
			"shop.money": newRevision,
		},
	},
}

// edit replaces a text in a file.
func edit(path, old, new string) func(context.Context, *project) (time.Time, error) {
	return func(_ context.Context, p *project) (time.Time, error) { return p.edit(path, old, new) }
}
