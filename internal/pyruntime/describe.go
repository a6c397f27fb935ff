package pyruntime

import (
	"context"
	_ "embed"
	"fmt"
)

//go:embed describe.py
var describeScript string

// Build is which Python an interpreter is.
type Build struct {
	// Implementation is cpython or pypy, for instance.
	Implementation, Version string
	// Environment is the directory of its virtual environment, "" for none.
	Environment string
}

// Describe asks the Python which one it is. Time and errors are as for
// [Python.SearchPath].
func (p Python) Describe(ctx context.Context) (Build, error) {
	fields, err := p.ask(ctx, "which Python it is", describeScript)
	if err != nil {
		return Build{}, err
	}
	if len(fields) != 4 {
		return Build{}, fmt.Errorf("%s says %d things of itself, not 4", p.Path, len(fields))
	}
	b := Build{Implementation: fields[0], Version: fields[1]}
	if fields[2] != fields[3] {
		b.Environment = fields[2]
	}
	return b, nil
}
