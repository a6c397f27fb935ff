package pyruntime

import (
	"context"
	_ "embed"
	"fmt"
)

//go:embed finds.py
var findsScript string

// Finds asks the Python which modules, named in dots, a process that a command
// starts with it would find, leaving aside what the command itself puts in
// front of sys.path. What lies below a package with an __init__ counts as
// found, since only running that would tell. Time and errors are as for
// [Python.SearchPath].
func (p Python) Finds(ctx context.Context, modules []string) (map[string]bool, error) {
	fields, err := p.ask(ctx, "which modules it finds", findsScript, modules...)
	if err != nil {
		return nil, err
	}
	if len(fields) != len(modules) {
		return nil, fmt.Errorf("%s says of %d modules, not of %d, whether it finds them", p.Path, len(fields), len(modules))
	}
	found := make(map[string]bool, len(modules))
	for i, module := range modules {
		found[module] = fields[i] == "1"
	}
	return found, nil
}
