package watcher

import "github.com/rjeczalik/notify"

// notifyEvents has InCloseWrite for writes through mmap, which give nothing else.
var notifyEvents = []notify.Event{
	notify.InModify, notify.InCloseWrite, notify.InAttrib,
	notify.InCreate, notify.InMovedTo,
	notify.InDelete, notify.InDeleteSelf, notify.InMovedFrom, notify.InMoveSelf,
}

func notifyOp(e notify.Event) op {
	switch e {
	case notify.InCreate, notify.InMovedTo:
		return came
	case notify.InDelete, notify.InDeleteSelf, notify.InMovedFrom, notify.InMoveSelf:
		return left
	default:
		return touched
	}
}
