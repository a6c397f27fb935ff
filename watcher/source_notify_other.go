//go:build !linux

package watcher

import "github.com/rjeczalik/notify"

var notifyEvents = []notify.Event{notify.All}

func notifyOp(e notify.Event) op {
	switch e {
	case notify.Create:
		return came
	case notify.Remove:
		return left
	case notify.Rename: // either side
		return came
	default:
		return touched
	}
}
