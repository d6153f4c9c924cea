package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

const sqlHelp = `Asks the read models in the SQL of the database that holds them: SQLite's, or PostgreSQL's
where --readmodels names one. The question is the argument, or comes from --file or standard input. It
is one SELECT, WITH, VALUES or EXPLAIN; nothing can be changed. Works beside a running service. Where the
read models lack events that the log had when it was asked, it says so on standard error; of a log in
an EventStoreDB with --eventstore alone.

With --as-of the read models are built first, from the log up to that point, in SQLite whatever holds
those of today. They are kept for the next question of the same point, the last eight of them.

Amounts that are texts are exact decimals: sum them as numbers of smallest steps,
sum(CAST(replace(total, '.', '') AS INTEGER)), or on PostgreSQL as total::numeric.
In CSV, NULL is an empty field and an empty text is "". In JSON numbers are those of SQL, amounts texts.`

const sqlExamples = `  tillbook sql --schema accounts balances
  tillbook sql "SELECT status, count(*) AS accounts FROM accounts GROUP BY status"
  tillbook sql --output csv "SELECT store, business_date, count(*) AS sales FROM operations
      WHERE kind = 'debit' AND status = 'posted' GROUP BY store, business_date" > sales.csv
  tillbook sql --output json --file question.sql --timeout 5m
  tillbook sql --as-of 2026-03-01T00:00:00+08:00 "SELECT unit,
      sum(CAST(replace(total, '.', '') AS INTEGER)) AS total FROM balances GROUP BY unit"`

// asking is what `tillbook sql` is told.
type asking struct {
	at                          place
	schema, clear               bool
	file, output, asOf, scratch string
	limit                       int
	timeout                     time.Duration
}

// newSQL is `tillbook sql`.
func newSQL() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use: "sql [QUESTION]", Short: "Ask the read models in SQL, or what their tables mean",
		Long: sqlHelp, Example: sqlExamples,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.at.fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			switch {
			case a.schema:
				return tellSchema(cmd.OutOrStdout(), args, a.output)
			case a.clear:
				return a.clearScratch(cmd.Context())
			}
			return a.ask(cmd, args)
		},
	}
	a.flags(cmd.Flags())
	return cmd
}

func (a *asking) flags(f *pflag.FlagSet) {
	a.at.flags(f)
	f.BoolVar(&a.schema, "schema", false, "say what the tables and their columns mean: all, or those named")
	f.StringVar(&a.asOf, "as-of", "", "ask the read models as they were at a position of the log, or with all "+
		"that was\n    recorded by an instant; limit: a position, or 2026-03-01T00:00:00Z")
	f.StringVar(&a.scratch, "scratch", "", "folder of read models as they were; else in the data folder")
	f.BoolVar(&a.clear, "scratch-clear", false, "remove all of them")
	f.StringVar(&a.file, "file", "", "file of the question")
	bind(f, oneOf(&a.output, formTable, formTable, formCSV, formJSON, formNDJSON), "output", "form of the answer")
	bind(f, between(&a.limit, 0, 0, 1<<31-1), "limit",
		"most rows of the answer; 0 is 1000 of a table and all of any other form")
	bind(f, lasting(&a.timeout, 30*time.Second, 100*time.Millisecond, time.Hour), "timeout",
		"longest that an answer may take")
}

// tableRows are the rows of a table that nobody set a limit to: it is read by people, and kept in memory.
const tableRows = 1000

func (a *asking) ask(cmd *cobra.Command, args []string) error {
	question, err := a.question(cmd.InOrStdin(), args)
	if err != nil {
		return err
	}
	models, err := a.models(cmd, question)
	if err != nil {
		return err
	}
	defer models.Close()
	if a.asOf != "" {
		_, err := a.answer(cmd, models, question)
		return err
	}
	end, unknown := a.logEnd(cmd.Context())
	at, err := a.answer(cmd, models, question)
	if err != nil {
		return err
	}
	if unknown == nil {
		unknown = a.warnOfLag(cmd.Context(), cmd.ErrOrStderr(), at, end)
	}
	if unknown != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning: whether the answer lacks events of the log is not known:", unknown)
	}
	return nil
}

// models opens the read models that are asked. What is no question does not wait until they are built.
func (a *asking) models(cmd *cobra.Command, question string) (*projections.Models, error) {
	if a.asOf != "" {
		if err := projections.CheckQuestion(cmd.Context(), question); err != nil {
			return nil, err
		}
		return a.past(cmd)
	}
	models, err := projections.Open(cmd.Context(), a.at.models(), nil, projections.Options{ReadOnly: true})
	if errors.Is(err, projections.ErrNone) {
		err = fmt.Errorf("%w: start the service once", err)
	}
	return models, err
}

// answer prints what the models answer, and answers the position that it is as of.
func (a *asking) answer(cmd *cobra.Command, models *projections.Models, question string) (
	eventstore.Position, error,
) {
	out := cmd.OutOrStdout()
	to := limited{sheet: newSheet(out, a.output), most: a.limit}
	table := a.output == formTable
	if table && to.most == 0 {
		to.most = tableRows
	}
	at, err := models.Ask(cmd.Context(), question, a.timeout, &to)
	more := errors.Is(err, errShown)
	if err != nil && !more {
		if errors.Is(err, projections.ErrTimeLimit) {
			err = fmt.Errorf("%w, %s: --timeout gives it more", err, a.timeout)
		}
		if _, wrong := errors.AsType[*projections.Fault](err); wrong {
			err = fmt.Errorf("%w\ntillbook sql --schema lists tables and columns", err)
		}
		return at, err
	}
	if err := to.end(); err != nil || !table {
		return at, err
	}
	rows := fmt.Sprintf("%d rows", to.rows)
	if more {
		rows = fmt.Sprintf("the first %d rows, --limit shows more", to.rows)
	}
	_, err = fmt.Fprintf(out, "(%s; up to position %d)\n", rows, at)
	return at, err
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// questionBytes bounds a question.
const questionBytes = 1 << 20

// question is the argument, or else what the file or standard input holds.
func (a *asking) question(in io.Reader, args []string) (string, error) {
	switch {
	case len(args) > 1 || len(args) == 1 && a.file != "":
		return "", errors.New("want one question, in quotes")
	case len(args) == 1 && args[0] != "-":
		return args[0], nil
	case a.file != "":
		file, err := os.Open(a.file)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	case isTerminal(in):
		return "", errors.New("want a question, in quotes, or --schema")
	}
	text, err := io.ReadAll(io.LimitReader(in, questionBytes+1))
	if err == nil && len(text) > questionBytes {
		err = fmt.Errorf("the question has more than %d bytes", questionBytes)
	}
	return string(text), err
}
