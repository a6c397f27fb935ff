package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newCompletion(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Print a script that completes bounce's words in a shell",
		Long:      "Print a script for your shell. For bash: source <(bounce completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
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

// serviceNames completes the names of services from the configuration.
func (g *globals) serviceNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg, err := g.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for name := range cfg.Services {
		names = append(names, name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
