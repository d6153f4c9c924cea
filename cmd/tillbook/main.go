// Command tillbook is an event-sourced ledger for prepaid balances and vouchers: the service, and the
// verbs around its data. Each verb is one file.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is what /version and --version answer; releases set it when they link.
var version = "dev"

func main() {
	tuneCollector()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is the whole program: 0 when the verb did what was asked.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "tillbook: %v%s\n", err, next(err))
		return 1
	}
	return 0
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "tillbook",
		Short:         "An event-sourced ledger for prepaid balances and vouchers",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newServe(), newDemo(), newKeys(), newProjections(), newCheck(), newImport(),
		newCopy(), newExport(), newEventStore(), newBench(), newSQL(),
		newReplay(),
		newConfigHelp())
	root.SetHelpCommand(newHelp())
	explain(root)
	return root
}
