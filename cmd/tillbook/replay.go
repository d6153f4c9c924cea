package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tillbook/tillbook/projections/js"
)

const replayHelp = `Runs a projection in EventStoreDB's JavaScript (fromAll, foreachStream, when,
transformBy …) over all of history, and prints its answer. Nothing is written to the log, and a
service that runs is not touched: what is read is a copy of its log as it is at that moment.

  tillbook replay spend.js
  tillbook replay spend.js --from 2026-01-01T00:00:00Z --category account --output csv
  tillbook replay spend.js --category code --stream campaign-autumn
  tillbook replay spend.js --as-of 2026-06-30T23:59:59Z --output sqlite --out june.sqlite
  tillbook replay spend.js --file log.ndjson.gz --output ndjson --out spend.ndjson
  tillbook replay spend.js --against spend-old.js
  tillbook replay spend.js --against spend.ndjson
  tillbook replay gallery:spend-by-store-day --chart spend.svg --x day --y spent --by store
  tillbook replay --gallery
  tillbook replay gallery:rfm --print > mine.js

The log is the data folder's; with --eventstore an EventStoreDB's; with --file that of a file which
"tillbook export events" wrote.

The answer is a JSON document for every partition of the script: its state, or what transformBy and
filterBy make of it. What is null or held back is left out. A script without partitions has one,
whose name is empty; a shared state stands there, too, beside those of partitions. As a table, CSV,
SQLite (table "result") or Parquet a partition is a row and every top-level key of the documents a
column; what is nested is JSON text, and a document that is no object stands in the column "value".
A sole document that holds nothing but objects, such as a shared state, is a table itself: its
members are the rows. A table cuts long values; the others do not. As JSON it is one object by
partition, as NDJSON a line {"partition":…,"result":…} for each.

--from and --until take positions of the log (of a file, the numbers of its lines) or instants,
which mean when an event was recorded; what stands there itself counts. --as-of takes either, too: the
answer as it stood then. It is --until by another name, for all of history before it.

--stream and --category leave, of what the script reads, the events of every stream that one of them
names, and of its metastream: each that is added leaves more, not less. None leaves all.

--against compares with another script's answer over the same events, or with a saved JSON or NDJSON
answer. It prints what was added, removed and changed, by partition and key, "was" being OTHER's and
"is" FILE's, and ends with 1 where anything was; the answer itself is then only written to --out.

--chart draws lines or bars of the answer as SVG: a row is a partition, --x and --y are keys of the
documents, values that share a place are summed, and --by parts them into lines or colours. Of more
than 10 of these or 40 bars the rest is drawn as "others".

emit, linkTo and linkStreamTo write nothing here; --emitted lists what they would have written, with
--results also the Result and ResultRemoved events of outputState and outputTo. What
the script logs goes to standard error, its first 1,000 lines. Scripts see events and nothing else,
and are stopped when a handler takes longer than 250 ms or too much memory. Partitioned ones use all
cores, and answer the same as on one: keep everything in the state, and nothing in variables.
`

// newReplay is `tillbook replay`.
func newReplay() *cobra.Command {
	var r replay
	cmd := &cobra.Command{
		Use: "replay FILE.js|gallery:NAME", Short: "Answer a new question from all of history, by a script",
		Long: replayHelp, Args: r.arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if done, err := r.show(cmd.OutOrStdout(), args); done {
				return err
			}
			if err := r.from.at.fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			return r.run(cmd, args[0])
		},
	}
	r.flags(cmd.Flags())
	return cmd
}

// replay is what the verb was asked.
type replay struct {
	from      replayFrom
	partition string
	one       bool // partition was asked for; the empty name is one
	cores     int
	output    string
	out       string
	against   string
	emitted   string
	results   bool // are listed there, too
	chart     replayChart
	gallery   bool
	print     bool
}

func (r *replay) flags(f *pflag.FlagSet) {
	r.from.flags(f)
	f.StringVar(&r.partition, "partition", "", "answer for this partition alone")
	bind(f, between(&r.cores, 0, 0, 1024), "cores", "how many to use; 0 for all")
	bind(f, oneOf(&r.output, "table", "table", "json", formNDJSON, formCSV, "sqlite", formParquet),
		"output", "form of the answer; sqlite and parquet need --out")
	f.StringVar(&r.out, "out", "", "new file to write the answer to, in place of standard output")
	f.StringVar(&r.against, "against", "", "another script, or a saved answer *.json or *.ndjson:\n"+
		"print the differences")
	f.StringVar(&r.emitted, "emitted", "", "file to list what the script would emit in, as NDJSON")
	f.BoolVar(&r.results, "results", false, "count and list the results that outputState and outputTo\n"+
		"would write as emitted, too: one for every event that changes one")
	r.chart.flags(f)
	f.BoolVar(&r.gallery, "gallery", false, "list the scripts that come with it; with NAME, that one")
	f.BoolVar(&r.print, "print", false, "print the script, to start another from")
}

// check refuses what could only fail when the work is done.
func (r *replay) check() error {
	if (r.output == "sqlite" || r.output == formParquet) && r.out == "" {
		return fmt.Errorf("--output %s: want --out FILE", r.output)
	}
	if err := r.chart.check(); err != nil {
		return err
	}
	files := map[string]string{"--out": r.out, "--emitted": r.emitted, "--chart": r.chart.file}
	for flag, name := range files {
		if err := mustBeNew(name); err != nil {
			return fmt.Errorf("%s %s: %w", flag, name, err)
		}
	}
	return r.from.check()
}

// run is the whole verb.
func (r *replay) run(cmd *cobra.Command, file string) (err error) {
	r.one = cmd.Flags().Changed("partition")
	if err := r.check(); err != nil {
		return err
	}
	script, err := compileFile(file)
	if err != nil {
		return err
	}
	other, err := r.other()
	if err != nil {
		return err
	}
	log, err := r.from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	result, err := r.answer(cmd, log, script, r.emitted)
	if err != nil {
		return err
	}
	if err := r.chart.draw(script.Source, result); err != nil {
		return err
	}
	if r.against == "" {
		return r.write(cmd.OutOrStdout(), result)
	}
	if other.script != nil {
		if other.result, err = r.answer(cmd, log, other.script, ""); err != nil {
			return err
		}
	}
	if r.out != "" {
		if err := r.write(nil, result); err != nil {
			return err
		}
	}
	return tellChanges(cmd.OutOrStdout(), r.narrowed(other.result), result)
}

// answer runs one script over the log.
func (r *replay) answer(cmd *cobra.Command, log *replayLog, script *js.Script, emitted string) (
	*replayResult, error) {
	bar := newScanBar(cmd.ErrOrStderr(), "replay")
	run := &replayRun{script: script, cores: r.cores, results: r.results,
		notes: cmd.ErrOrStderr()}
	if emitted != "" {
		var err error
		if run.emitted, err = createLines(emitted); err != nil {
			return nil, err
		}
		defer run.emitted.abandon()
	}
	result, err := run.fold(log.events(cmd.Context(), &script.Definition, bar.to))
	bar.end(err)
	run.tell(err)
	if err == nil && run.emitted != nil {
		err = run.emitted.finish()
	}
	if err != nil {
		return nil, err
	}
	return r.narrowed(result), nil
}

// narrowed leaves the partition that was asked for.
func (r *replay) narrowed(result *replayResult) *replayResult {
	if r.one {
		return result.only(r.partition)
	}
	return result
}

// compileFile reads a script of a file, or of the gallery.
func compileFile(name string) (*js.Script, error) {
	source, err := scriptSource(name)
	if err != nil {
		return nil, err
	}
	return js.Compile(name, source, js.Limits{})
}

// scriptName is what a script is called: its file's name without folder and ending.
func scriptName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".js") }

// readAtMost reads a file that is not larger than limit bytes.
func readAtMost(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return text, err
}
