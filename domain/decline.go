package domain

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// OperationDeclined remembers a refusal, so that the same key is answered the same for ever. It
// moves nothing and takes no reference.
type OperationDeclined struct {
	Declined  Operation       `json:"operation"`
	Code      Code            `json:"code"`
	Detail    string          `json:"detail"`
	Unit      string          `json:"unit"`
	Requested Money           `json:"requested"`
	Available *Money          `json:"available,omitempty"`
	Shortfall *Money          `json:"shortfall,omitempty"`
	Request   json.RawMessage `json:"request"` // the command's own fields
}

func (OperationDeclined) event() {}

func (OperationDeclined) operation() Operation { return OpDeclined }

// ofState tells refusals for reasons of the account's state: answered 422, and remembered.
func (c Code) ofState() bool {
	return strings.HasPrefix(string(c), "coupon_") || slices.Contains([]Code{
		ErrAccountNotOpen.Code, ErrAccountFrozen.Code, ErrInsufficientFunds.Code,
		ErrCampaignNotActive.Code,
		ErrLimitExceeded.Code, ErrReceivableOpen.Code, ErrHoldsActive.Code, ErrWithdrawalOpen.Code,
	}, c)
}

func newDeclined(c remembered, r *Refusal) OperationDeclined {
	request, err := json.Marshal(c)
	if err != nil {
		panic(err) // a command is plain fields
	}
	requested := c.asked()
	if r.Requested != nil {
		requested = *r.Requested
	}
	return OperationDeclined{
		Declined: c.Operation(), Code: r.Code, Detail: r.Detail, Unit: requested.Unit(),
		Requested: requested, Available: r.Available, Shortfall: r.Shortfall, Request: request,
	}
}

func (e OperationDeclined) check() error {
	var request map[string]json.RawMessage
	if err := json.Unmarshal(e.Request, &request); err != nil || request == nil {
		return fmt.Errorf("the request is %.40q", e.Request)
	}
	if e.Requested.unit == "" {
		return errors.New("nothing was asked for")
	}
	return nil
}

// Refusal is the refusal that was remembered.
func (e OperationDeclined) Refusal() *Refusal {
	r := &Refusal{Code: e.Code, Detail: e.Detail, Available: e.Available, Shortfall: e.Shortfall}
	if e.Shortfall != nil {
		r.Requested = &e.Requested
	}
	return r
}
