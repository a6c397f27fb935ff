//go:build !linux

package writers

// Watch cannot be had here.
type Watch struct{}

// Open fails here.
func Open(func(pid int) string) (*Watch, error) { return nil, ErrUnknown }

// Add does nothing here.
func (*Watch) Add(string) error { return ErrUnknown }

// Last knows nothing here.
func (*Watch) Last(string) (who string, ok bool) { return "", false }

// Close does nothing here.
func (*Watch) Close() error { return nil }
