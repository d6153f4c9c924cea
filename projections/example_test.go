package projections_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/projections"
)

// spend is a read model: what was spent, by store and hour.
type spend struct{}

func (spend) Name() string { return "spend" }
func (spend) Version() int { return 1 }

func (spend) Tables() string {
	return `
CREATE TABLE spend ( -- one row a store, hour and unit in which something was spent
	store  TEXT NOT NULL,
	hour   TEXT NOT NULL, -- such as 2026-03-01T09, UTC
	unit   TEXT NOT NULL,
	debits INTEGER NOT NULL,
	amount TEXT NOT NULL, -- at the unit's scale
	PRIMARY KEY (store, hour, unit)
) STRICT, WITHOUT ROWID;
`
}

func (spend) Indexes() string { return `CREATE INDEX spend_by_hour ON spend (hour);` }

type spendKey struct{ store, hour, unit string }

type spendRow struct {
	debits int64
	amount domain.Quantity
}

var spendTable = &projections.Table[spendKey, spendRow]{
	Name:    "spend",
	Columns: []string{"store", "hour", "unit", "debits", "amount"},
	Keys:    func(k spendKey) []any { return []any{k.store, k.hour, k.unit} },
	Values:  func(s *spendRow) []any { return []any{s.debits, s.amount.String()} },
	Scan: func(row func(...any) error, k *spendKey, s *spendRow) error {
		var amount string
		if err := row(&k.store, &k.hour, &k.unit, &s.debits, &amount); err != nil {
			return err
		}
		return s.amount.UnmarshalText([]byte(amount))
	},
}

// Apply reads the rows that the events touch, all at once, changes them, and writes each once.
func (spend) Apply(ctx context.Context, tx *projections.Tx, events []projections.Event) error {
	rows := spendTable.In(tx)
	for i := range events {
		if k, ok := spendKeyOf(&events[i]); ok {
			rows.Want(k)
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		k, ok := spendKeyOf(&events[i])
		if !ok {
			continue
		}
		if rows.Row(k) == nil {
			rows.Add(k, spendRow{amount: events[i].Body.Amount.Zero()})
		}
		s := rows.Change(k)
		s.debits++
		s.amount = s.amount.Add(events[i].Body.Amount)
	}
	return rows.Write(ctx)
}

func spendKeyOf(e *projections.Event) (k spendKey, ok bool) {
	return spendKey{e.Metadata.Store, e.Metadata.OccurredAt.UTC().Format("2006-01-02T15"), e.Body.Unit},
		e.Type == "DebitPosted"
}

// A read model of one's own, beside those that come with Tillbook.
func Example() {
	ctx := context.Background()
	folder, store := shop(ctx)
	defer os.RemoveAll(folder)
	defer store.Close()

	models, err := projections.Open(ctx, folder, store, projections.Options{
		Projections: append(projections.Builtin(), spend{}),
		Log:         slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer models.Close()
	if err := models.WaitHead(ctx); err != nil {
		log.Fatal(err)
	}
	position, err := models.Read(ctx, func(r projections.Reader) error {
		rows, err := r.QueryContext(ctx, `SELECT s.store, s.hour, s.debits, s.amount,
			(SELECT count(*) FROM accounts) FROM spend s WHERE unit = ? ORDER BY store, hour`, "CNY")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var at, hour, amount string
			var debits, accounts int
			if err := rows.Scan(&at, &hour, &debits, &amount, &accounts); err != nil {
				return err
			}
			fmt.Println(at, hour, debits, amount, "of", accounts, "account")
		}
		return rows.Err()
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("up to position", position)

	// Output:
	// S1 2026-03-01T09 2 15.00 of 1 account
	// S1 2026-03-01T10 1 7.50 of 1 account
	// S2 2026-03-01T10 1 7.50 of 1 account
	// up to position 6
}

// The log without tables: the caller keeps what it counts, and how far it is.
func ExampleFollow() {
	ctx := context.Background()
	folder, store := shop(ctx)
	defer os.RemoveAll(folder)
	defer store.Close()

	var position eventstore.Position // kept with the counts, and given to Follow the next time
	counts := map[string]int{}
	for batch, err := range projections.Follow(ctx, store, position) {
		if err != nil {
			log.Fatal(err)
		}
		for i := range batch.Events {
			counts[batch.Events[i].Type]++
		}
		position = batch.Position
		if batch.CaughtUp {
			break // a service would go on: new events come as they are posted
		}
	}
	fmt.Println(counts, "up to position", position)

	// Output:
	// map[AccountOpened:1 DebitPosted:4 TopUpPosted:1] up to position 6
}

// shop is a log in a new folder: an account is opened, filled, and debited every half an hour.
func shop(ctx context.Context) (folder string, store *embedded.Store) {
	folder, err := os.MkdirTemp("", "tillbook-example-")
	if err != nil {
		log.Fatal(err)
	}
	if store, err = embedded.Open(folder+"/log", embedded.Options{}); err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	book := ledger.Open(store, ledger.Options{Now: func() time.Time { return now }})
	defer book.Close()

	account := domain.AccountID("anna")
	post := func(key, at string, c domain.Command) {
		_, err := book.Do(ctx, ledger.Request{Account: account, Command: c, Key: key,
			Caller:  ledger.Caller{Actor: domain.SystemActor, Role: domain.RoleAdmin},
			Context: domain.Context{Store: at}})
		if err != nil {
			log.Fatal(err)
		}
	}
	post("open", "", domain.OpenAccount{CustomerRef: "anna"})
	post("fill", "S1", domain.TopUp{Amount: yuan("100.00"), TopUpTerms: domain.DefaultTerms()})
	for i, at := range []string{"S1", "S1", "S2", "S1"} {
		post(fmt.Sprintf("coffee-%d", i), at, domain.Debit{Amount: yuan("7.50")})
		now = now.Add(30 * time.Minute)
	}
	return folder, store
}

func yuan(amount string) domain.Money {
	cny, _ := domain.ISOUnit("CNY") // a currency
	return domain.MustMoney(amount, cny)
}
