// Import brings operations in from another system, with their own times. A file is CSV with a
// header line, or NDJSON with one object a line, of these columns in any order:
//
//	account            customer_ref; required
//	kind               open, opening_balance, top_up, debit, refund; required
//	occurred_at        when it happened; required
//	amount, unit       required unless the kind is open
//	reference          the till's number (pos_txn_id); with store, terminal, leg
//	store, terminal, leg, operator, shift, business_date
//	bonus, bonus_expires_at, payment_method, payment_reference    of top_up
//	expires_at, cost, cost_unit                                   of top_up and opening_balance
//	class                                                         of opening_balance
//	debit_reference, debit_store, debit_terminal, debit_leg       of refund; with reason
//
// importColumns says more of each and is what --help prints. A record is one line of less than
// 64 KiB.
//
// The file is read twice: first to know its rows, its hash and which rows may be alike, then to
// post. Memory does not grow with it but for the table of alike rows, which ordinals bounds.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// importKeyVariable names the environment variable with the API key for --url.
const importKeyVariable = "TILLBOOK_KEY"

// importOptions are the flags of `tillbook import`.
type importOptions struct {
	place
	url, format, zone, errors string
	dryRun                    bool
}

// newImport is `tillbook import`.
func newImport() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring operations in from another system, with their own times",
		Long:  importHelp + "\nColumns:\n" + columnTable(),
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.place.fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	o.place.flags(f)
	f.StringVar(&o.url, "url", "", "address of a service elsewhere, with an admin key in "+
		importKeyVariable)
	f.StringVar(&o.format, "format", "", "csv or ndjson (default: as the file's name ends)")
	f.StringVar(&o.zone, "zone", "UTC", "IANA zone of dates and of times without an offset")
	f.StringVar(&o.errors, "errors", "",
		"file for rejected rows, .csv or NDJSON (default: standard error)")
	f.BoolVar(&o.dryRun, "dry-run", false, "read and check the file, post nothing")
	return cmd
}

const importHelp = `Reads operations from CSV with a header line or from NDJSON with one object a
line, and posts them, those of one account in the order of the file. An account is opened when its
first row needs it. The begin and the end of an import, with its control totals, are recorded; with
--url the service's own log of the operations is all there is.

A row with a reference is that operation, once. A row without one is known by its content and its
place among the rows of the same content: rows that stand twice count twice. So a file can be
imported again, after a stop anywhere or with corrections: only what is new in it is posted. A
changed row without a reference is a new row; what it replaces stays in the ledger.

A row that cannot be posted is reported with its line, code and reason, and stops no other; the exit
code is then 1. A debit that was declined is tried again at the next import.

Times are RFC 3339. A time without an offset is one in --zone; a date is the beginning of that day
in --zone, and the business date. Holds are not imported: import what they came to, as debits.
`

// formats are the formats by the file names' ends.
var formats = map[string]string{".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}

// importer is one import of one file.
type importer struct {
	client  *client
	remote  bool // the client speaks to a service at a URL
	path    string
	format  string
	parser  rowParser
	survey  survey
	results *results
}

func (o importOptions) run(ctx context.Context, path string, out, standardError io.Writer) error {
	i, err := o.open(path)
	if err != nil {
		return err
	}
	if err := i.read(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	reports, err := newReporter(o.errors, path, standardError)
	if err != nil {
		return err
	}
	i.results = newResults(reports, newProgress(standardError, i.survey.rows))
	if o.dryRun {
		err = i.rows(func(row *importRow) bool { i.results.count(row, posted); return true })
	} else {
		err = o.post(ctx, i)
	}
	i.results.progress.end(err)
	err = errors.Join(err, reports.close())
	if i.results.progress.done == 0 && err != nil {
		return err
	}
	fmt.Fprintf(standardError, "%.0f rows/s\n", i.results.progress.rate())
	i.results.print(out, o.dryRun)
	if n := i.results.all[rejected]; n > 0 && err == nil {
		err = fmt.Errorf("%d of %d rows of %s were rejected", n, i.survey.rows, path)
	}
	return err
}

// open checks what was asked for, before anything else happens.
func (o importOptions) open(path string) (*importer, error) {
	i := &importer{path: path, format: o.format, remote: o.url != ""}
	if i.format == "" {
		i.format = formats[strings.ToLower(filepath.Ext(path))]
	}
	if i.format != "csv" && i.format != "ndjson" {
		return nil, fmt.Errorf("--format: want csv or ndjson for %s, got %q", path, o.format)
	}
	zone, err := time.LoadLocation(o.zone)
	if err != nil || o.zone == "" || o.zone == "Local" {
		return nil, fmt.Errorf("--zone: want an IANA zone such as Asia/Shanghai, got %q", o.zone)
	}
	i.parser = rowParser{zone: zone, now: time.Now()}
	if i.remote && os.Getenv(importKeyVariable) == "" {
		return nil, fmt.Errorf("--url: want an admin key in the environment, as %s", importKeyVariable)
	}
	if u, err := url.Parse(o.url); i.remote && (err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme)) {
		return nil, errors.New("--url: want the address of a service, http://host:port or https://…")
	}
	return i, nil
}

// connect finds the service that the rows go to.
func (o importOptions) connect(ctx context.Context) (*client, func(), error) {
	if o.url == "" {
		return connect(ctx, o.place)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: laneCount, Proxy: http.ProxyFromEnvironment}
	return &client{http: &http.Client{Transport: transport}, base: strings.TrimRight(o.url, "/"),
		key: os.Getenv(importKeyVariable)}, transport.CloseIdleConnections, nil
}

var errInterrupted = errors.New("interrupted; run the same command again to go on")

// post posts the file's rows and records the import.
func (o importOptions) post(ctx context.Context, i *importer) (err error) {
	if ctx.Err() != nil {
		return errInterrupted // nothing needs to be opened for that
	}
	var done func()
	if i.client, done, err = o.connect(ctx); err != nil {
		return err
	}
	defer done()
	if err := i.checkUnits(ctx); err != nil {
		return err
	}
	if err := i.started(ctx); err != nil {
		return fmt.Errorf("record the import: %w", err)
	}
	err = i.send(ctx, i.rows)
	if errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	if err != nil {
		return err
	}
	if err := i.completed(ctx); err != nil {
		return fmt.Errorf("record the import's end: %w", err)
	}
	return nil
}
