package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// importRow is a row that can be asked of the ledger.
type importRow struct {
	line    int
	kind    string
	account uuid.UUID
	unit    string       // of its amounts; "" where there is none that could be one
	amount  domain.Money // without a unit when the kind is open or it cannot be read
	bonus   domain.Money // without a unit when there is none
	digest  digest       // of its content, or of its reference
	named   bool         // it has a reference

	item    bulkItem
	debit   domain.Reference // of a refund: what was taken
	opens   bool             // not of the file: it opens the account for the rows that follow
	key     string           // its first key
	tries   int              // keys before the current one that were answered with a decline
	asking  bool             // the current key is to be tried without effect first
	settled bool
}

// bulkItem is an item of POST /v1/bulk.
type bulkItem struct {
	Key            string        `json:"key"`
	Operation      string        `json:"operation"`
	AccountID      string        `json:"account_id,omitempty"`
	CustomerRef    string        `json:"customer_ref,omitempty"`
	DebitID        string        `json:"debit_id,omitempty"`
	Amount         *bulkMoney    `json:"amount,omitempty"`
	Bonus          *bulkMoney    `json:"bonus,omitempty"`
	Cost           *bulkMoney    `json:"cost,omitempty"`
	Class          string        `json:"class,omitempty"`
	ExpiresAt      *time.Time    `json:"expires_at,omitempty"`
	BonusExpiresAt *time.Time    `json:"bonus_expires_at,omitempty"`
	Payments       []bulkPayment `json:"payments,omitempty"`
	Reason         string        `json:"reason,omitempty"`

	Store        string    `json:"store,omitempty"`
	Terminal     string    `json:"terminal,omitempty"`
	PosTxnID     string    `json:"pos_txn_id,omitempty"`
	Leg          string    `json:"leg,omitempty"`
	Shift        string    `json:"shift,omitempty"`
	Operator     string    `json:"operator,omitempty"`
	Channel      string    `json:"channel"`
	OccurredAt   time.Time `json:"occurred_at"`
	BusinessDate string    `json:"business_date,omitempty"`
}

// bulkMoney is an amount as the file has it: the service reads it strictly.
type bulkMoney struct {
	Amount string `json:"amount"`
	Unit   string `json:"unit"`
}

type bulkPayment struct {
	Method    string     `json:"method"`
	Reference string     `json:"reference,omitempty"`
	Amount    *bulkMoney `json:"amount,omitempty"`
}

// rowParser turns records into rows.
type rowParser struct {
	zone *time.Location // of dates and of times without an offset
	now  time.Time      // nothing can have happened after it
}

// parse reads a record's values and refuses, as *badRow, what the service would refuse whatever the
// account holds. The row says as much as could be read even then, for the totals.
func (p rowParser) parse(r record) (*importRow, error) {
	b := &rowBuilder{rowParser: p, record: r, row: &importRow{line: r.line, kind: r.values[colKind]}}
	if !slices.Contains(rowKinds, b.row.kind) {
		kind := b.row.kind
		b.row.kind = ""
		return b.row, malformed(r.line, "kind: got %q, want one of %s", kind,
			strings.Join(rowKinds, ", "))
	}
	b.row.item = bulkItem{Operation: b.row.kind, Channel: domain.ChannelImport}
	for c, value := range r.values {
		if value != "" && !column(c).serves(b.row.kind) {
			b.refuse("%s: a row of kind %s has none", column(c).name(), b.row.kind)
		}
	}
	if b.row.kind != rowOpen {
		b.row.amount = b.money(colAmount, r.values[colUnit])
		b.row.item.Amount = b.asItIs(colAmount, r.values[colUnit])
		if b.err == nil && !b.row.amount.IsPositive() {
			b.err = &badRow{r.line, "amount_not_positive", "amount: want more than zero"}
		}
	}
	b.surroundings()
	b.particulars()
	b.row.digest, b.row.named = digestOf(r)
	if b.err != nil {
		return b.row, b.err
	}
	return b.row, nil
}

// rowBuilder is one record being read. Its first error stays.
type rowBuilder struct {
	rowParser
	record
	row *importRow
	err *badRow
}

func (b *rowBuilder) refuse(format string, args ...any) {
	if b.err == nil {
		b.err = malformed(b.line, format, args...)
	}
}

// surroundings reads who, when and where.
func (b *rowBuilder) surroundings() {
	item, v := &b.row.item, b.values
	if err := domain.CheckCustomerRef(v[colAccount]); err != nil {
		b.refuse("account: want 1 to 64 of [A-Za-z0-9._:-], and no mobile number")
	}
	b.row.account = domain.AccountID(v[colAccount])
	item.CustomerRef = v[colAccount]
	occurred, isDate := b.instant(colOccurredAt)
	switch {
	case v[colOccurredAt] == "":
		b.refuse("occurred_at: want when it happened")
	case occurred.After(b.now):
		b.refuse("occurred_at: %s is to come", v[colOccurredAt])
	}
	item.OccurredAt, item.BusinessDate = occurred, v[colBusinessDate]
	if isDate && item.BusinessDate == "" {
		item.BusinessDate = v[colOccurredAt]
	}
	item.Store, item.Terminal, item.Operator = v[colStore], v[colTerminal], v[colOperator]
	item.PosTxnID, item.Leg, item.Shift = v[colReference], v[colLeg], v[colShift]
	if item.Leg != "" && item.PosTxnID == "" {
		b.refuse("leg: want a reference beside it")
	}
}

// particulars reads what only some kinds have.
func (b *rowBuilder) particulars() {
	item, v, unit := &b.row.item, b.values, b.values[colUnit]
	item.ExpiresAt, item.BonusExpiresAt = b.later(colExpiresAt), b.later(colBonusExpiresAt)
	switch b.row.kind {
	case rowTopUp:
		if v[colBonus] != "" {
			b.row.bonus = b.money(colBonus, unit)
			item.Bonus = b.asItIs(colBonus, unit)
		}
		b.payment()
	case rowOpening:
		item.Operation, item.Class = "grant", v[colClass]
		if item.Class == "" {
			item.Class = string(domain.Principal)
		}
		item.Cost = b.cost()
	case rowRefund:
		item.Reason = v[colReason]
		b.refunded()
	}
}

// payment is the one tender that a row can name.
func (b *rowBuilder) payment() {
	method, paid := b.values[colPaymentMethod], b.values[colCost] != ""
	if method == "" && (paid || b.values[colPaymentReference] != "") {
		b.refuse("payment_method: want one beside what was paid")
	}
	if method == "" {
		return
	}
	payment := bulkPayment{Method: method, Reference: b.values[colPaymentReference]}
	if paid {
		payment.Amount = b.asItIs(colCost, b.costUnit())
	}
	b.row.item.Payments = []bulkPayment{payment}
}

// cost is what was received for an opening balance. What is paid for costs its amount, unless the
// row says otherwise; what is given free costs nothing.
func (b *rowBuilder) cost() *bulkMoney {
	class := domain.Class(b.row.item.Class)
	_, currency := domain.ISOUnit(b.costUnit())
	switch {
	case b.values[colCost] != "":
		return b.asItIs(colCost, b.costUnit())
	case !currency:
		b.refuse("cost: want what was paid, and cost_unit, for a unit that is no currency")
		return nil
	case class == domain.Principal || class == domain.Gift:
		return b.asItIs(colAmount, b.values[colUnit])
	}
	return &bulkMoney{"0", b.costUnit()}
}

func (b *rowBuilder) costUnit() string {
	if unit := b.values[colCostUnit]; unit != "" {
		return unit
	}
	return b.values[colUnit]
}

// refunded names the debit.
func (b *rowBuilder) refunded() {
	or := func(c, standard column) string {
		if b.values[c] != "" {
			return b.values[c]
		}
		return b.values[standard]
	}
	b.row.debit = domain.Context{
		Store: or(colDebitStore, colStore), Terminal: or(colDebitTerminal, colTerminal),
		PosTxnID: b.values[colDebitReference], Leg: b.values[colDebitLeg],
	}.Reference()
	if b.row.debit.IsZero() {
		b.refuse("debit_reference: want the reference of the debit that this returns")
	}
}

// registeredScale is taken for units that only the service knows, to add up totals: their largest.
const registeredScale = 3

// money reads an amount, to check it and to add it up.
func (b *rowBuilder) money(c column, code string) domain.Money {
	unit, currency := domain.ISOUnit(code)
	if !currency {
		unit = domain.Unit{Code: code, Scale: registeredScale}
	}
	if !currency && !domain.IsUnitCode(code) {
		if b.err == nil {
			b.err = &badRow{b.line, "unknown_unit", "unit: got \"" + code + "\""}
		}
		return domain.Money{}
	}
	b.row.unit = code
	m, err := domain.ParseMoney(b.values[c], unit)
	if refusal := (*domain.Refusal)(nil); errors.As(err, &refusal) {
		detail := refusal.Detail
		if len(refusal.Fields) > 0 {
			detail = refusal.Fields[0].Detail // the column says which field
		}
		if b.err == nil {
			b.err = &badRow{b.line, string(refusal.Code), c.name() + ": " + detail}
		}
		return domain.Money{}
	}
	return m
}

func (b *rowBuilder) asItIs(c column, unit string) *bulkMoney {
	return &bulkMoney{b.values[c], unit}
}
