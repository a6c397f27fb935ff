package runner

import "sync"

// mailbox is a queue without a limit and with one reader. Putting never
// blocks, so two owners may write to each other; what is put is small and
// bounded by what happens, not by what services print.
type mailbox[T any] struct {
	// bell has one token while there may be something to take.
	bell chan struct{}

	mu    sync.Mutex
	items []T
}

func newMailbox[T any]() *mailbox[T] {
	return &mailbox[T]{bell: make(chan struct{}, 1)}
}

func (m *mailbox[T]) put(v T) {
	m.mu.Lock()
	m.items = append(m.items, v)
	m.mu.Unlock()
	ring(m.bell)
}

// take returns everything put so far, in order.
func (m *mailbox[T]) take() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	items := m.items
	m.items = nil
	return items
}

// ring wakes the reader of a bell of capacity one, unless it is awake.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
