package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// takes makes a verb refuse fewer than least or more than most arguments, in
// the words of its usage line; most < 0 means any number.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		_, wanted, _ := strings.Cut(cmd.Use, " ")
		if wanted == "" {
			wanted = "no arguments"
		}
		given := "none"
		if len(args) > 0 {
			given = fmt.Sprintf("%q", args)
			given = given[1 : len(given)-1]
		}
		return usage(fmt.Errorf("%s takes %s; given: %s", cmd.CommandPath(), wanted, given))
	}
}

// noVerb refuses a word that is no verb and names those that look like it.
func noVerb(root *cobra.Command, word string) error {
	text := fmt.Sprintf("no verb %q", word)
	if near := root.SuggestionsFor(word); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage(errors.New(text))
}
