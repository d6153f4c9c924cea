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

A later run goes on behind the position of the one before and adds files; none is ever written again.
With --by-day files end with the day, and are in TABLE/day=YYYY-MM-DD/, else in TABLE/; their names are
part-POSITION.

Events are one row each, in the order of the log, by the UTC day of recorded_at. Columns are what all
events have in common, and the whole as JSON in data and metadata. --until POSITION|INSTANT ends with
a position, or before the first event that was recorded at the instant or later.

Read models are exported up to one position and instant, all tables of a run. There are two sorts:

  facts     audit, history, interactions, points, settlement: a row is made by one event, and never
            changes. Each is in the files once, by its business day, or where it has none by the UTC
            day of recorded_at. What came late is a file more in the folder of its day
  the rest  rows change. The first file of a table has all of its rows; each later run adds one with
            those that changed, came or went, by the UTC day up to which it is, and none where nothing
            did. Two columns are added: as_of, the position that a row is of, and gone, true where the
            table has the row no longer, and only its key is there. Of the rows of one key, the one
            with the greatest as_of stands. When changes outgrow the table, or fill 48 files, a file has
            all rows again

The key of each table is in the manifest. So the lots as they stand, in DuckDB, are

  SELECT * FROM read_parquet('DIR/lots/**/*.parquet') QUALIFY NOT gone AND as_of = max(as_of)
      OVER (PARTITION BY account_id, id)

--from POSITION, in a new folder alone, begins events and facts behind a position. A table that changes
is read as a whole by each run, and so are its files since the last whole one.

Left out is what tells of a person, or is a secret: customer_ref, operator, note, last4, idempotency
keys, what is sealed or hashed, and the data of API keys and webhooks, of which only the columns are
shown. So is what people wrote in words, where a person may be named: about, description, how, and
a reason that is not one of ours. Their columns are not there. --raw, for whoever owns the folder
alone, writes everything as it is stored.

manifest.json says what is there: the log by its first event, columns, keys, and each file's day, rows,
bytes, SHA-256 and positions, that of the run among them; and what each table of the read models held
at the last: rows, and the sum of their SHA-256. A file has its name when it is whole, and counts when
the manifest names it. A run that was stopped or killed is run again, and ends as if it had never been.
"tillbook export verify DIR" reads everything again, puts each table together and compares; with
--tables also with the read models that the log makes up to the same position.
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
	batch       int  // partRows, but for tests
	from        eventstore.Position
	until       string
	tables      []projections.Described
	events      bool
	fromChanged bool
}

// newExport is `tillbook export`.
func newExport() *cobra.Command {
	var at place
	w := exportWish{batch: partRows}
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
	f.BoolVar(&w.byDay, "by-day", false, "files end with the day")
	f.Uint64Var((*uint64)(&w.from), "from", 0, "position behind which events and facts begin, in a new folder")
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
	if !w.events && w.until != "" {
		return errors.New("--until is of events")
	}
	return nil
}

func (w *exportWish) has(name string) bool {
	return slices.ContainsFunc(w.tables, func(t projections.Described) bool { return t.Name == name })
}

// exportRows is the verb with --out.
func exportRows(cmd *cobra.Command, at place, w exportWish) (err error) {
	ctx := cmd.Context()
	if location(w.out).same(location(at.data)) {
		return fmt.Errorf("--out %s is the data folder: want one of its own", w.out)
	}
	x, err := openExport(w)
	if err != nil {
		return fmt.Errorf("%s: %w", w.out, err)
	}
	defer func() { err = errors.Join(err, x.close()) }()
	x.bar = newScanBar(cmd.ErrOrStderr(), "export")
	if w.events {
		err = x.exportEvents(ctx, at)
	}
	if err == nil && len(w.tables) > 0 {
		err = x.exportTables(ctx, at)
	}
	x.bar.end(err)
	if ctx.Err() != nil {
		return fmt.Errorf("stopped; run it again to go on: %w", context.Cause(ctx))
	}
	if err == nil {
		x.tell(cmd.OutOrStdout())
	}
	return err
}
