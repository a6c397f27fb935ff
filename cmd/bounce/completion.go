package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

func newCompletion(g *globals) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	cmd := &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a script that completes bounce's words in a shell",
		Long:  `Print a script that completes verbs, flags and the names of services.`,
		Example: `  source <(bounce completion bash)
  bounce completion fish >~/.config/fish/completions/bounce.fish`,
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := takes(1, 1)(cmd, args); err != nil {
				return err
			}
			return oneOf("shell", args[0], shells)
		},
	}
	return verb(cmd, func(_ context.Context, args []string) error {
		root := cmd.Root()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(g.out, true)
		case "zsh":
			return root.GenZshCompletion(g.out)
		case "fish":
			return root.GenFishCompletion(g.out, true)
		}
		return usage(fmt.Errorf("no completion for %q", args[0])) // kept out by Args
	})
}

// serviceNames completes the names of services from the configuration, less
// those that are there already.
func (g *globals) serviceNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg, err := g.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := slices.Sorted(maps.Keys(cfg.Services))
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

// pathThenService completes a file, then a service.
func (g *globals) pathThenService(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return nil, cobra.ShellCompDirectiveDefault
	case 1:
		return g.serviceNames(cmd, nil, word)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// complete makes a flag complete the values it can have.
func complete(cmd *cobra.Command, flag string, values []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("bug: " + err.Error())
	}
}
