package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newHelp() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [VERB]",
		Short: "Explain bounce, or one of its verbs",
		Long:  "Explain bounce, or one of its verbs.",
		Args:  takes(0, 1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range cmd.Root().Commands() {
				if len(args) == 0 && c.IsAvailableCommand() {
					names = append(names, c.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	return verb(cmd, func(_ context.Context, args []string) error {
		root := cmd.Root()
		if len(args) == 0 {
			return root.Help()
		}
		for _, c := range root.Commands() {
			if c.Name() == args[0] {
				c.InitDefaultHelpFlag()
				return c.Help()
			}
		}
		return noVerb(root, args[0])
	})
}
