package domain

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// SnapshotVersion is the version of MarshalSnapshot's form. A snapshot of another one is not read.
const SnapshotVersion = 4

// snapshot is an Account as it is written beside its stream.
type snapshot struct {
	ID           uuid.UUID      `json:"id"`
	Kind         string         `json:"kind"`
	CustomerRef  string         `json:"customer_ref"`
	OpenedAt     time.Time      `json:"opened_at"`
	LastRecorded time.Time      `json:"last_recorded"`
	Revision     int64          `json:"revision"`
	Freezes      []Freeze       `json:"freezes,omitempty"`
	Lots         []*Lot         `json:"lots,omitempty"`
	Holds        []*Hold        `json:"holds,omitempty"`
	Receivables  []Receivable   `json:"receivables,omitempty"`
	Pending      []PendingTopUp `json:"pending,omitempty"`
	Sent         uuid.UUID      `json:"sent,omitzero"`
	Ended        *ending        `json:"ended,omitempty"`
	Prices       []priced       `json:"prices,omitempty"`
	Adjustments  []Adjustment   `json:"adjustments,omitempty"`
	Mandates     []Mandate      `json:"mandates,omitempty"`
	Withdrawals  []*Withdrawal  `json:"withdrawals,omitempty"`
	Bonuses      bonuses        `json:"bonuses,omitzero"`
	Usage        []usage        `json:"usage,omitempty"`
	Credentials  []Credential   `json:"credentials,omitempty"`
	RemindAt     time.Time      `json:"remind_at,omitzero"`
	Dormancy     dormancy       `json:"dormancy,omitzero"`
	Earnings     []earnings     `json:"earnings,omitempty"`
	Coupons      []Coupon       `json:"coupons,omitempty"`
	Sales        int            `json:"sales,omitempty"`
	Tiering      tiering        `json:"tiering,omitzero"`
}

// MarshalSnapshot is the account's state as bytes.
func (a *Account) MarshalSnapshot() ([]byte, error) {
	return json.Marshal(snapshot{
		a.id, a.kind, a.customerRef, a.openedAt, a.lastRecorded, a.revision,
		a.freezes, a.lots, a.holds, a.receivables, a.pending, a.sent, a.ended,
		a.prices,
		a.adjustments,
		a.mandates,
		a.withdrawals,
		a.bonuses, a.usage,
		a.credentials,
		a.remindAt, a.dormancy,
		a.earnings,
		a.coupons,
		a.sales,
		a.tiering,
	})
}

// UnmarshalSnapshot reads what MarshalSnapshot wrote.
func UnmarshalSnapshot(b []byte) (*Account, error) {
	var s snapshot
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	return &Account{
		s.ID, s.Kind, s.CustomerRef, s.OpenedAt, s.LastRecorded, s.Revision,
		s.Freezes, s.Lots, s.Holds, s.Receivables, s.Pending, s.Sent, s.Ended,
		s.Prices,
		s.Adjustments,
		s.Mandates,
		s.Withdrawals,
		s.Bonuses, s.Usage,
		s.Credentials,
		s.RemindAt, s.Dormancy,
		s.Earnings,
		s.Coupons,
		s.Sales,
		s.Tiering,
		0, // its lots are its own
	}, nil
}

// Size estimates the account's memory, in bytes, for caches that bound it.
func (a *Account) Size() int {
	return 512 + 700*len(a.lots) + 900*len(a.holds) + 200*len(a.pending) +
		300*len(a.credentials) + 300*len(a.coupons) +
		64*len(a.tiering.Counts)
}
