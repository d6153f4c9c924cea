package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"github.com/tillbook/tillbook/domain"
)

// books are the accounts that a bench opened on one server, and what it took from them. All
// connections of a load use them at once.
type books struct {
	run    string // begins every key, reference and customer of this bench and server
	bearer string // the value of the header Authorization
	paths  []string
	filled []domain.Money // each account's balance before the first debit
	taken  []atomic.Int64 // requests that were answered with success, by account
	serial atomic.Int64   // of keys
	price  int64          // that a success takes, in cents
}

// The bench's money: each debit takes a cent; an account holds more of them than a bench can take.
var (
	benchUnit, _ = domain.ISOUnit("CNY")
	benchFill    = cents(1_000_000_000_00)
)

func cents(n int64) domain.Money {
	return domain.MustMoney(fmt.Sprintf("%d.%02d", n/100, n%100), benchUnit)
}

func newBooks(run, key string, accounts int) *books {
	b := &books{run: run, bearer: "Bearer " + key, paths: make([]string, accounts),
		filled: make([]domain.Money, accounts), taken: make([]atomic.Int64, accounts), price: 1}
	for i := range b.paths {
		b.paths[i] = "/v1/accounts/" + domain.AccountID(b.customer(i)).String()
	}
	return b
}

func (b *books) customer(i int) string { return fmt.Sprintf("bench-%s-%d", b.run, i) }

// post fills a connection's request with a command under a key of that number.
func (b *books) post(c *connection, path string, serial int64, body []byte) {
	c.request.Header.SetMethod(fasthttp.MethodPost)
	c.request.Header.SetHost("tillbook")
	c.request.Header.SetContentType("application/json")
	c.request.Header.Set(fasthttp.HeaderAuthorization, b.bearer)
	c.request.Header.SetBytesV("Idempotency-Key", b.appendKey(nil, serial))
	c.request.SetRequestURI(path)
	c.request.SetBody(body)
}

// appendKey appends the key of that number, which is also the till's number of the sale.
func (b *books) appendKey(to []byte, serial int64) []byte {
	return strconv.AppendInt(append(append(to, b.run...), '-'), serial, 10)
}

// open opens the accounts, one a request.
func (b *books) open() workload {
	return workload{status: fasthttp.StatusCreated, ask: func(c *connection, n int64) {
		body := fmt.Appendf(nil, `{"customer_ref":%q}`, b.customer(int(n)))
		b.post(c, "/v1/accounts", b.serial.Add(1), body)
	}}
}

// fill tops the accounts up, one a request.
func (b *books) fill() workload {
	body := fmt.Appendf(nil, `{"amount":{"amount":"%s","unit":"%s"},`+
		`"payments":[{"method":"cash"}],"store":"S1","terminal":"T1"}`,
		benchFill.Quantity, benchFill.Unit())
	return workload{status: fasthttp.StatusCreated, ask: func(c *connection, n int64) {
		b.post(c, b.paths[n]+"/top-ups", b.serial.Add(1), body)
	}}
}

// debit takes a cent from the account that the distribution chooses, as a till would: with its
// store, its terminal and its own number of the sale.
func (b *books) debit(of choice) workload {
	return workload{status: fasthttp.StatusCreated, choice: of,
		ask: func(c *connection, _ int64) {
			c.account = c.pick()
			serial := b.serial.Add(1)
			b.post(c, b.paths[c.account]+"/debits", serial, b.debitBody(serial))
		},
		took: func(c *connection, _ int64) error { b.taken[c.account].Add(1); return nil },
	}
}

func (b *books) debitBody(serial int64) []byte {
	body := append(make([]byte, 0, 160), `{"amount":{"amount":"0.01","unit":"CNY"},`...)
	body = append(body, `"store":"S1","terminal":"T1","pos_txn_id":"`...)
	return append(b.appendKey(body, serial), `"}`...)
}

// read asks for the balance of the account that the distribution chooses.
func (b *books) read(of choice) workload {
	return workload{status: fasthttp.StatusOK, choice: of, ask: func(c *connection, _ int64) {
		c.account = c.pick()
		b.get(c, b.paths[c.account]+"/balances")
	}}
}

func (b *books) get(c *connection, path string) {
	c.request.Header.SetMethod(fasthttp.MethodGet)
	c.request.Header.SetHost("tillbook")
	c.request.Header.Set(fasthttp.HeaderAuthorization, b.bearer)
	c.request.SetRequestURI(path)
}

// count reads every account's total into a slice of them.
func (b *books) count(into []domain.Money) workload {
	return workload{status: fasthttp.StatusOK,
		ask: func(c *connection, n int64) { b.get(c, b.paths[n]+"/balances") },
		took: func(c *connection, n int64) (err error) {
			into[n], err = balanceOf(c.response.Body())
			return err
		},
	}
}

// balanceOf is the total in the bench's money of an answer with balances.
func balanceOf(answer []byte) (domain.Money, error) {
	var a struct{ Balances []domain.Balance }
	if err := json.Unmarshal(answer, &a); err != nil {
		return domain.Money{}, err
	}
	for _, balance := range a.Balances {
		if balance.Unit == benchUnit.Code {
			return cents(0).With(balance.Total), nil
		}
	}
	return domain.Money{}, fmt.Errorf("got balances %.300s, want one in CNY", answer)
}

// prove holds the accounts as the service tells them now against what it has answered: each must
// have lost the price of each success, none more and none less.
func (b *books) prove(ctx context.Context, count func(context.Context, []domain.Money) error) (
	moved domain.Money, err error,
) {
	left := make([]domain.Money, len(b.paths))
	if err := count(ctx, left); err != nil {
		return moved, fmt.Errorf("read the balances: %w", err)
	}
	moved = cents(0)
	var wrong []error
	for i := range left {
		gone, want := b.filled[i].Sub(left[i]), cents(b.price*b.taken[i].Load())
		moved = moved.Add(gone)
		if !gone.Equal(want) && len(wrong) < 10 {
			wrong = append(wrong, fmt.Errorf("%s: got %s moved, want %s", b.paths[i], gone, want))
		}
	}
	if len(wrong) > 0 {
		return moved, fmt.Errorf("the books do not add up: %w", errors.Join(wrong...))
	}
	return moved, nil
}

// successes are all requests that were answered with success.
func (b *books) successes() (sum int64) {
	for i := range b.taken {
		sum += b.taken[i].Load()
	}
	return sum
}
