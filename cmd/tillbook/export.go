package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// exportHelp says what there is; exportLogHelp draws the format of a log in one file, which
// export_line.go reads and writes.
const exportHelp = `Without --out, "tillbook export events [FILE.ndjson]" writes the whole log to a
file or to standard output, to be brought back. With --out, events and read models become files of rows
for analysts' tools.

` + exportLogHelp + `
FILES OF ROWS: --out DIR

Names are events, tables and views of the read models ("tillbook sql --schema" says what they hold),
or tables for all of them. --format is that of the whole folder:

  parquet   amounts DECIMAL(38, 4), instants TIMESTAMP(MICROS, UTC), dates DATE, numbers INT64,
            yes and no BOOLEAN, JSON as JSON, texts by dictionaries; compressed by Snappy
  csv       RFC 4180, UTF-8, with a header; NULL is an empty field, an empty text is "". Files are
            exact, and for programs; for people who open them in a spreadsheet, --spreadsheet puts '
            before each text that begins with = + - @ ' a tab or a return, so that none is taken for
            a formula: take one ' away from texts that begin with it, and they are exact again
  ndjson    an object a line; amounts, instants and dates are texts

Events are one row each, in the order of the log: events/part-POSITION, with --by-day
events/day=YYYY-MM-DD/part-POSITION, by the UTC day of recorded_at. A later run goes on behind the
last position and adds files; none is ever written again. --from POSITION begins behind a position,
in a new folder alone; --until POSITION|INSTANT ends with it, or before the first event that was
recorded at the instant or later. Columns are what all events have in common, and the whole as JSON
in data and metadata.

Read models are whole tables as they are: TABLE/position=POSITION/part-1. All tables of a run are
of one position, one instant; a later run adds another.

Left out is what tells of a person, or is a secret: customer_ref, operator, note, last4, idempotency
keys, what is sealed or hashed, and the data of API keys and webhooks, of which only the columns are
shown. So is what people wrote in words, where a person may be named: about, description, how, and
a reason that is not one of ours. Their columns are not there. --raw, for whoever owns the folder
alone, writes everything as it is stored.

manifest.json says what is there: the log by its first event, columns, and each file's rows, bytes,
SHA-256 and positions. A file has its name when it is whole, and counts when the manifest names it.
A run that was stopped or killed is run again, and ends as if it had never been. "tillbook export
verify DIR" reads everything again.
`

const exportLogHelp = `THE LOG IN ONE FILE

One event a line in the order of the log. Works beside a running service. "tillbook copy --from FILE
--to PLACE" brings it back.

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

// exportWish is what an export is asked for.
type exportWish struct {
	form        string
	out         string
	byDay, raw  bool
	guarded     bool // --spreadsheet
	from        eventstore.Position
	until       string
	tables      []projections.Described
	events      bool
	fromChanged bool
}

// newExport is `tillbook export`.
func newExport() *cobra.Command {
	var at place
	var w exportWish
	cmd := &cobra.Command{
		Use:   "export events [FILE.ndjson] | export --out DIR events|tables|TABLE…",
		Short: "Write the log to a file, or events and read models to files of rows", Long: exportHelp,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := at.fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			if w.out == "" {
				return exportLog(cmd, at, args)
			}
			w.fromChanged = cmd.Flags().Changed("from")
			if err := w.name(args); err != nil {
				return err
			}
			return exportRows(cmd, at, w)
		},
	}
	f := cmd.Flags()
	at.flags(f)
	bind(f, oneOf(&w.form, formParquet, formNDJSON, formCSV, formParquet), "format", "form of the files")
	f.StringVar(&w.out, "out", "", "folder of the files of rows")
	f.BoolVar(&w.byDay, "by-day", false, "a file of events ends with the day")
	f.Uint64Var((*uint64)(&w.from), "from", 0, "position behind which events begin, in a new folder")
	f.StringVar(&w.until, "until", "", "position or instant with which events end")
	f.BoolVar(&w.raw, "raw", false, "leave nothing out: for the owner of the folder alone")
	f.BoolVar(&w.guarded, "spreadsheet", false, "of csv: ' before texts that would be taken for formulas")
	cmd.AddCommand(newExportVerify())
	return cmd
}

// exportLog writes the log to one file.
func exportLog(cmd *cobra.Command, at place, args []string) error {
	if args[0] != eventsTable || len(args) > 2 {
		return errors.New("want events [FILE.ndjson], or --out DIR")
	}
	for _, name := range []string{"format", "by-day", "from", "until", "raw", "spreadsheet"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s is of files of rows: want --out DIR", name)
		}
	}
	from, to := location(at.data), location("-")
	if at.eventstore != "" {
		from = location(at.eventstore)
	}
	if len(args) > 1 {
		to = location(args[1])
	}
	return copyLog(cmd, from, to)
}

// eventsTable is the name under which events are exported.
const eventsTable = "events"

// name finds the tables that are asked for.
func (w *exportWish) name(names []string) error {
	all, err := projections.BuiltinTables()
	if err != nil {
		return err
	}
	for _, name := range names {
		n := len(w.tables)
		for _, t := range all {
			if t.Projection != "" && (name == t.Name || name == "tables") && !w.has(t.Name) {
				w.tables = append(w.tables, t)
			}
		}
		switch {
		case name == eventsTable:
			w.events = true
		case n == len(w.tables) && !w.has(name) && name != "tables":
			return fmt.Errorf("there is no table %.60q: tillbook sql --schema says which there are", name)
		}
	}
	if w.guarded && w.form != formCSV {
		return errors.New("--spreadsheet is of csv")
	}
	if !w.events && (w.fromChanged || w.until != "" || w.byDay) {
		return errors.New("--from, --until and --by-day are of events")
	}
	return nil
}

func (w *exportWish) has(name string) bool {
	return slices.ContainsFunc(w.tables, func(t projections.Described) bool { return t.Name == name })
}

// exportRows is the verb with --out.
func exportRows(cmd *cobra.Command, at place, w exportWish) (err error) {
	ctx := cmd.Context()
	x, err := openExport(w)
	if err != nil {
		return fmt.Errorf("%s: %w", w.out, err)
	}
	defer func() { err = errors.Join(err, x.close()) }()
	x.bar = newScanBar(cmd.ErrOrStderr(), "export")
	defer x.bar.end()
	if w.events {
		err = x.exportEvents(ctx, at)
	}
	if err == nil && len(w.tables) > 0 {
		err = x.exportTables(ctx, at)
	}
	x.bar.end()
	if ctx.Err() != nil {
		return fmt.Errorf("stopped; run it again to go on: %w", context.Cause(ctx))
	}
	if err == nil {
		x.tell(cmd.OutOrStdout())
	}
	return err
}
