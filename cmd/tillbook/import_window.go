package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
)

// flush sends the window until each of its rows is settled.
//
// What is sent again keeps its key, so nothing is posted twice. When a row must go again, the rows
// of its account that were refused after it go again too: it may have been what they lacked.
func (l *lane) flush(ctx context.Context) error {
	rows := l.window
	l.window = l.window[:0:0]
	p := newPatience()
	for len(rows) > 0 {
		left, err := l.attempt(ctx, rows)
		if err != nil {
			return err
		}
		if err := p.wait(ctx, len(left) < len(rows), l.trouble); err != nil {
			return err
		}
		rows = left
	}
	return nil
}

// attempt sends rows once, and answers those that are not settled.
func (l *lane) attempt(ctx context.Context, rows []*importRow) ([]*importRow, error) {
	l.trouble = nil
	later, err := l.prepare(ctx, rows)
	if err != nil || later || l.trouble != nil {
		return unsettled(rows), err
	}
	rows = unsettled(rows)
	answers, err := l.exchange(ctx, rows, false)
	if err != nil {
		return nil, err
	}
	l.settle(rows, answers)
	return unsettled(rows), nil
}

func unsettled(rows []*importRow) []*importRow {
	return slices.DeleteFunc(slices.Clone(rows), func(row *importRow) bool { return row.settled })
}

// prepare finds what refunds return, and asks without effect for the rows whose last key was
// answered with a decline of an earlier run: what is still declined then leaves no trace. It says
// whether any of those must be asked again.
func (l *lane) prepare(ctx context.Context, rows []*importRow) (again bool, err error) {
	var asking []*importRow
	for _, row := range rows {
		if row.kind == rowRefund && row.item.DebitID == "" && l.trouble == nil {
			if err := l.find(ctx, row); err != nil {
				return false, err
			}
		}
		if row.asking && !row.settled {
			asking = append(asking, row)
		}
	}
	if len(asking) == 0 || l.trouble != nil {
		return false, nil
	}
	answers, err := l.exchange(ctx, asking, true)
	if err != nil {
		return false, err
	}
	for i, row := range asking {
		switch a := answers[i]; {
		case a.isTransient():
			again = true
			l.blame(a)
		case a.isPosted() && a.Replayed:
			l.posted(row, a)
		case a.isPosted():
			row.asking = false
		case a.Replayed:
			row.tries++
			again = true
		default:
			l.refused(row, a)
		}
	}
	return again, nil
}

// settle takes the answers of rows that were sent.
func (l *lane) settle(rows []*importRow, answers []bulkAnswer) {
	unanswered, again := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	for i, row := range rows {
		switch a := answers[i]; {
		case a.isTransient():
			unanswered[row.account], again[row.account] = true, true
			l.blame(a)
		case a.isPosted() || row.kind == rowOpen && a.Body.Code == "account_exists":
			l.posted(row, a)
		case a.Replayed && !unanswered[row.account]:
			row.tries++
			row.asking, again[row.account] = true, true
		case !again[row.account] && !a.Replayed:
			l.refused(row, a)
		}
	}
}

func (l *lane) blame(a bulkAnswer) {
	if l.trouble == nil {
		l.trouble = fmt.Errorf("%s: %s", a.Body.Code, a.Body.Detail)
	}
}

// posted settles a row that is in the ledger. One whose answer was lost and that was sent again
// counts as there already.
func (l *lane) posted(row *importRow, a bulkAnswer) {
	row.settled = true
	if row.opens {
		l.results.opened(!a.Replayed && a.isPosted())
		return
	}
	if a.Replayed || !a.isPosted() {
		l.results.count(row, repeated)
		return
	}
	l.results.count(row, posted)
}

func (l *lane) refused(row *importRow, a bulkAnswer) {
	row.settled = true
	if row.kind == rowOpen {
		l.open[slotOf(row.account)] = uuid.Nil
	}
	bad := &badRow{row.line, a.Body.Code, a.Body.Detail}
	if row.opens {
		bad.detail = "the account cannot be opened: " + bad.detail
		l.results.report(bad)
		return
	}
	l.results.reject(row, bad)
}

// find asks for the debit that a refund returns.
func (l *lane) find(ctx context.Context, row *importRow) error {
	path := "/v1/accounts/" + row.account.String() + "/operations?" + url.Values{
		"store": {row.debit.Store}, "terminal": {row.debit.Terminal},
		"pos_txn_id": {row.debit.PosTxnID}, "leg": {row.debit.Leg},
	}.Encode()
	var found struct {
		Data []struct {
			ID     string `json:"operation_id"`
			Kind   string `json:"kind"`
			Status string `json:"status"`
		} `json:"data"`
	}
	a, err := l.request(ctx, http.MethodGet, path, nil, &found)
	switch {
	case err != nil:
		return err
	case a.isTransient():
		l.blame(a)
		return nil
	case !a.isPosted() && a.Status != http.StatusNotFound:
		l.refused(row, a)
		return nil
	}
	for _, op := range found.Data {
		if (op.Kind == "debit" || op.Kind == "capture") && op.Status != "declined" {
			row.item.DebitID = op.ID
			return nil
		}
	}
	a.Body.Code, a.Body.Detail = "not_found", "debit_reference: the account has no such debit"
	l.refused(row, a)
	return nil
}

// patience bounds how long a service that does not answer is asked again: some two minutes.
type patience struct {
	pauses *backoff.ExponentialBackOff
	tries  int
}

func newPatience() *patience {
	p := &patience{pauses: backoff.NewExponentialBackOff()}
	p.pauses.MaxInterval = 20 * time.Second
	return p
}

var errNoAnswer = errors.New("the service does not answer; run the same command again to go on")

// wait pauses after trouble, longer each time that nothing was gained. Without trouble it does not.
func (p *patience) wait(ctx context.Context, gained bool, trouble error) error {
	if trouble == nil {
		return nil
	}
	if gained {
		p.pauses.Reset()
		p.tries = 0
	}
	if p.tries++; p.tries > 14 {
		return fmt.Errorf("%w: %w", errNoAnswer, trouble)
	}
	pause := time.NewTimer(p.pauses.NextBackOff())
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-pause.C:
		return nil
	}
}
