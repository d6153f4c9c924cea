package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
)

// explain has a command and all below it say in one line what is wrong with their arguments, and how they are
// called. A command of verbs alone refuses what is none of them.
func explain(cmd *cobra.Command) {
	for _, verb := range cmd.Commands() {
		explain(verb)
	}
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args = isVerb
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		return
	}
	if fits := cmd.Args; fits != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if fits(cmd, args) == nil {
				return nil
			}
			return fmt.Errorf("want %s: %s --help says more", cmd.UseLine(), cmd.CommandPath())
		}
	}
}

// isVerb refuses arguments of a command of verbs, which it would have run if they were any.
func isVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	meant := ""
	cmd.SuggestionsMinimumDistance = 2 // of letters
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		meant = ", perhaps " + strings.Join(like, " or ")
	}
	return fmt.Errorf("%s has no verb %q%s: %s --help lists them", cmd.CommandPath(), args[0], meant,
		cmd.CommandPath())
}

// newHelp is `tillbook help`.
func newHelp() *cobra.Command {
	return &cobra.Command{Use: "help [VERB]", Short: "Say what a verb does, and how it is called",
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if of == nil || err != nil {
				of, rest = cmd.Root(), args
			}
			if err := isVerb(of, rest); err != nil {
				return err
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}

// next is what may be done about an error that does not say it.
func next(err error) string {
	switch {
	case isTaken(err):
		return ": wait until that has ended, or name another folder"
	case errors.Is(err, eventstore.ErrUnavailable):
		return ": is the EventStoreDB of --eventstore there?"
	}
	return ""
}
