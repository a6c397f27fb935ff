// Package writers tells which process wrote a file last. The kernel says so to
// the privileged alone, and only on Linux.
package writers

import "errors"

// ErrUnknown is wrapped by Open where nobody tells who writes.
var ErrUnknown = errors.New("the system does not tell who writes a file")
