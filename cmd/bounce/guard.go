package main

import (
	"context"

	"github.com/spf13/cobra"
)

// guardVerb is what attach runs beside itself, see keyboard.hire. It is for
// nobody to type.
const guardVerb = "guard-terminal"

func newGuard() *cobra.Command {
	return verb(&cobra.Command{Use: guardVerb, Hidden: true, Args: takes(0, 0)}, func(context.Context, []string) error {
		return guardTerminal()
	})
}
