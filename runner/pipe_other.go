//go:build !unix

package runner

import "os"

func makePipe(string) (*os.File, error) { return nil, ErrNotSupported }
