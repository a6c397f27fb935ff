package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
)

// globals are the flags that every verb has.
type globals struct {
	streams
	config    string // -c
	logFormat string
	logLevel  string

	project string // the project's directory, once a verb has looked for it
	bare    bool   // it is that of an agent which runs there without a file
	// seat names the service whose terminal is this one's at the moment, if up
	// sits at one: what it writes is there already.
	seat atomic.Pointer[string]
}

// newRoot lists the verbs in the order of help.
func newRoot(g *globals) *cobra.Command {
	s := g.streams
	root := &cobra.Command{
		Use:   "bounce",
		Short: "Restart only the Python services that a change really reached",
		Long: fmt.Sprintf(`bounce runs your Python services, watches the working tree, and restarts only
the services whose process can load what changed: it follows imports.

  bounce up                     run what bounce.yaml or a Procfile lists
  bounce up -- uvicorn app:app  run one command
  bounce why shop/money.py      which services a file reaches, and through which imports
  git diff --name-only A B | bounce decide    only decide, for scripts

Every verb finds the project by --config, or else by the nearest bounce.yaml,
bounce.yml, bounce.json or restart-rules.yaml from the working directory upwards.
A nearer directory that 'bounce up -- COMMAND' runs in comes before it.
Results go to stdout, words for people to stderr. Exit codes:

%s`, listExitCodes()),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noVerb(cmd, args[0])
			}
			return nil
		},
		SuggestionsMinimumDistance: 2,
		PersistentPreRunE:          func(*cobra.Command, []string) error { return g.checkLog() },
	}
	verb(root, func(context.Context, []string) error { return root.Help() })
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.CompletionOptions.DisableDefaultCmd = true

	flags := root.PersistentFlags()
	flags.StringVarP(&g.config, "config", "c", "", "configuration `file` (default: bounce.yaml, bounce.yml, bounce.json or restart-rules.yaml, from here upwards)")
	flags.StringVar(&g.logFormat, "log-format", "console", "how the log is written: console or json")
	flags.StringVar(&g.logLevel, "log-level", "info", "least important lines of the log: debug, info, warn or error")
	complete(root, "log-format", logFormats)
	complete(root, "log-level", logLevels)

	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run:"},
		&cobra.Group{ID: "ask", Title: "Ask about the project (no agent needed):"},
		&cobra.Group{ID: "agent", Title: "Talk to the running agent:"},
	)
	for _, cmd := range []*cobra.Command{
		newUp(g), newDown(g),
		newDecide(g), newWhy(g), newAffected(g), newGraph(g), newCheck(g),
		newStatus(g), newStart(g), newStop(g), newRestart(g), newReload(g), newHold(g), newResume(g), newSync(g), newLogs(g), newEvents(g), newAttach(g), newDoctor(g), newGuard(),
		newVersion(g), newCompletion(g),
	} {
		root.AddCommand(cmd)
	}
	root.SetHelpCommand(newHelp())
	return root
}

func listExitCodes() string {
	var b strings.Builder
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "  %3s  %s\n", e.code, e.means)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
