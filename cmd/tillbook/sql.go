package main

import (
	"github.com/spf13/cobra"
)

// newSQL is `tillbook sql`.
func newSQL() *cobra.Command {
	var schema bool
	var output string
	cmd := &cobra.Command{
		Use: "sql --schema [TABLE…]", Short: "Say what the read models' tables mean",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return tellSchema(cmd.OutOrStdout(), args, output == "json")
		},
	}
	f := cmd.Flags()
	f.BoolVar(&schema, "schema", false, "say what the tables and columns mean, all or those named")
	bind(f, oneOf(&output, "table", "table", "json"), "output", "form of the answer")
	return cmd
}
