package main

import (
	"fmt"
	"slices"
	"strings"
)

// The kinds of row.
const (
	rowOpen    = "open"
	rowTopUp   = "top_up"
	rowDebit   = "debit"
	rowRefund  = "refund"
	rowOpening = "opening_balance"
)

// rowKinds are all of them, in the order in which they are printed.
var rowKinds = []string{rowOpen, rowOpening, rowTopUp, rowDebit, rowRefund}

// column is a column of an import file: its place in importColumns and in record.
type column int

// The columns.
const (
	colAccount column = iota
	colKind
	colOccurredAt
	colAmount
	colUnit
	colReference
	colStore
	colTerminal
	colLeg
	colOperator
	colShift
	colBusinessDate
	colBonus
	colBonusExpiresAt
	colExpiresAt
	colPaymentMethod
	colPaymentReference
	colClass
	colCost
	colCostUnit
	colDebitReference
	colDebitStore
	colDebitTerminal
	colDebitLeg
	colReason
	columnCount
)

// importColumns documents the columns, and says which kinds of row may fill each: none named, all.
var importColumns = [columnCount]struct {
	name, about string
	kinds       []string
}{
	colAccount:    {"account", "customer_ref of the account; required", nil},
	colKind:       {"kind", strings.Join(rowKinds, ", ") + "; required", nil},
	colOccurredAt: {"occurred_at", "when it happened; required", nil},
	colAmount:     {"amount", "such as 12.50; required unless the kind is open", moving},
	colUnit:       {"unit", "currency or registered unit; required beside amount", moving},

	colReference: {"reference", "the till's own number of the operation (pos_txn_id)", nil},
	colStore:     {"store", "where it happened", nil},
	colTerminal:  {"terminal", "the till", nil},
	colLeg:       {"leg", "part of the reference where one ticket has several; default 1", nil},
	colOperator:  {"operator", "who served", nil},
	colShift:     {"shift", "the till's shift", nil},
	colBusinessDate: {"business_date",
		"YYYY-MM-DD; default the date itself, or the store's day of occurred_at", nil},

	colBonus:            {"bonus", "given beside the amount, in its unit", []string{rowTopUp}},
	colBonusExpiresAt:   {"bonus_expires_at", "first instant without the bonus", []string{rowTopUp}},
	colExpiresAt:        {"expires_at", "first instant without the value", giving},
	colPaymentMethod:    {"payment_method", "cash, card, …", []string{rowTopUp}},
	colPaymentReference: {"payment_reference", "used once an account and method", []string{rowTopUp}},
	colClass: {"class",
		"principal (default), gift, bonus, compensation, cashback or promo", []string{rowOpening}},
	colCost: {"cost", "what was paid for it; default the amount, 0 for a class that is given " +
		"free (bonus and what follows it)", giving},
	colCostUnit: {"cost_unit", "currency of cost where unit is none", giving},

	colDebitReference: {"debit_reference", "reference of the debit; required", refunding},
	colDebitStore:     {"debit_store", "store of the debit; default store", refunding},
	colDebitTerminal:  {"debit_terminal", "terminal of the debit; default terminal", refunding},
	colDebitLeg:       {"debit_leg", "leg of the debit; default 1", refunding},
	colReason:         {"reason", "why", refunding},
}

var (
	moving    = []string{rowOpening, rowTopUp, rowDebit, rowRefund}
	giving    = []string{rowOpening, rowTopUp}
	refunding = []string{rowRefund}
)

// columnNamed is the column of that name.
func columnNamed(name string) (column, bool) {
	for c := range columnCount {
		if importColumns[c].name == name {
			return c, true
		}
	}
	return 0, false
}

// name is how the column is called in a file.
func (c column) name() string { return importColumns[c].name }

// serves reports whether rows of that kind may fill the column.
func (c column) serves(kind string) bool {
	kinds := importColumns[c].kinds
	return len(kinds) == 0 || slices.Contains(kinds, kind)
}

// columnNames are the names of all columns, for error messages.
func columnNames() string {
	names := make([]string, columnCount)
	for c := range columnCount {
		names[c] = c.name()
	}
	return strings.Join(names, ", ")
}

// columnTable is the documentation of the columns, one a line.
func columnTable() string {
	var table strings.Builder
	for _, c := range importColumns {
		fmt.Fprintf(&table, "  %-18s %s", c.name, c.about)
		if len(c.kinds) > 0 && len(c.kinds) < len(moving) {
			fmt.Fprintf(&table, " (%s)", strings.Join(c.kinds, ", "))
		}
		table.WriteString("\n")
	}
	return table.String()
}
