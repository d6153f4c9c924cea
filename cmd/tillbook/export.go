package main

import (
	"github.com/spf13/cobra"
)

// exportHelp draws the format; export_line.go reads and writes it.
const exportHelp = `Writes the whole log to a file, or to standard output, one event a line in the
order of the log. Works beside a running service. "tillbook copy --from FILE --to PLACE" brings it
back.

A line is a JSON object of these fields:

  stream, revision      where the event stands; revisions count from 0 without gaps
  id, type              the event's UUID and stored name
  created               when a store recorded it, RFC 3339; no proof covers it
  binary                true where the data are not said to be JSON; else absent
  hash                  SHA-256 over the lengths and bytes of stream, revision, id, type, data and
                        metadata: the prev_hash in the metadata of the stream's next event
  data, metadata        JSON, exactly the stored bytes: a tool that prints it anew breaks the hash
  data_base64,          the same as base64, where the bytes are not JSON in one line of UTF-8
  metadata_base64

The last line is {"end":{"format":1,"events":N,"digest":"…"}}. The digest is a SHA-256 over the 32
bytes of each event's hash and a byte that is 1 where its data are binary, else 0. A file without a
last line was cut short. A line has at most 4 MiB.

The file appears under its name when it is whole, and is never written over.
`

// newExport is `tillbook export`.
func newExport() *cobra.Command {
	cmd := &cobra.Command{Use: "export", Short: "Write what the ledger knows to files"}
	cmd.AddCommand(newExportEvents())
	return cmd
}

func newExportEvents() *cobra.Command {
	var at place
	cmd := &cobra.Command{
		Use: "events [FILE.ndjson]", Short: "Write the log as NDJSON", Long: exportHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := at.fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			from, to := location(at.data), location("-")
			if at.eventstore != "" {
				from = location(at.eventstore)
			}
			if len(args) > 0 {
				to = location(args[0])
			}
			return copyLog(cmd, from, to)
		},
	}
	at.flags(cmd.Flags())
	return cmd
}
