package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// demoCustomer is the customer whose account the demo's commands use.
const demoCustomer = "C-1001"

// shop posts the demo's operations, each under a key of its own.
type shop struct {
	ctx    context.Context
	ledger *ledger.Ledger
	n      int
	err    error // the first failure; nothing is posted after it
}

func newShop(ctx context.Context, l *ledger.Ledger) *shop { return &shop{ctx: ctx, ledger: l} }

func yuan(amount string) domain.Money {
	cny, _ := domain.ISOUnit("CNY")
	return domain.MustMoney(amount, cny)
}

// load is the shop: two customers top up with a bonus, spend, hold, get refunds, and one is declined.
func (s *shop) load() error {
	s.register(domain.SetStore{Store: domain.Store{ID: "S1", Name: "Harbour Street",
		Zone: "Asia/Shanghai", DayCut: "04:00", Entity: "Harbour Trading", Status: "open"}})
	terms := domain.DefaultTerms()
	terms.Bonus = yuan("30.00")

	s.post(demoCustomer, domain.OpenAccount{CustomerRef: demoCustomer})
	s.post(demoCustomer, domain.TopUp{Amount: yuan("100.00"), TopUpTerms: terms,
		Payments: []domain.Payment{{Method: "cash", Reference: "R-1"}}})
	s.post(demoCustomer, domain.Debit{Amount: yuan("7.77")})
	coffee := s.post(demoCustomer, domain.Debit{Amount: yuan("26.00")})
	s.post(demoCustomer, domain.Refund{DebitID: coffee, Amount: yuan("6.00"), Reason: "cold"})

	s.post("C-1002", domain.OpenAccount{CustomerRef: "C-1002"})
	terms.Bonus = yuan("10.00")
	terms.BonusExpiresAt = time.Now().UTC().AddDate(0, 3, 0).Truncate(24 * time.Hour)
	s.post("C-1002", domain.TopUp{Amount: yuan("50.00"), TopUpTerms: terms,
		Payments: []domain.Payment{{Method: "card", Reference: "R-2"}}})
	hold := s.post("C-1002", domain.PlaceHold{Amount: yuan("40.00"), TTLSeconds: 604800})
	s.post("C-1002", domain.CaptureHold{HoldID: hold, Amount: yuan("15.00")})
	s.post("C-1002", domain.Debit{Amount: yuan("500.00")})
	return s.err
}

// loaded reports whether load came to its end before: its last operation is the declined debit.
func loaded(ctx context.Context, l *ledger.Ledger) (bool, error) {
	last := domain.Reference{Store: "S1", Terminal: "T1", PosTxnID: "000010", Leg: "1"}
	found, err := l.Operations(ctx, domain.AccountID("C-1002"), last)
	if errors.Is(err, domain.ErrNotFound) {
		return false, nil
	}
	return len(found) > 0, err
}

// post posts one operation and answers its id. A decline is an answer like any other.
func (s *shop) post(customer string, c domain.Command) uuid.UUID {
	s.n++
	if s.err != nil {
		return uuid.Nil
	}
	answer, err := s.ledger.Do(s.ctx, ledger.Request{
		Account: domain.AccountID(customer), Command: c, Key: fmt.Sprintf("demo-%d", s.n),
		Context: domain.Context{Store: "S1", Terminal: "T1", PosTxnID: fmt.Sprintf("%06d", s.n),
			Operator: "demo"},
		Caller: caller,
	})
	if errors.Is(err, domain.ErrInsufficientFunds) {
		err = nil
	}
	if s.err = err; err != nil || len(answer.Events) == 0 {
		return uuid.Nil
	}
	return answer.First().Metadata.OperationID
}

func (s *shop) register(r domain.Registration) {
	if s.err == nil {
		_, s.err = s.ledger.Register(s.ctx, ledger.Registering{Registration: r, Caller: caller,
			Key: "demo-shop"})
	}
}
