package domain

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// KindMember is one customer's account; see KindBearer.
const KindMember = "member"

var (
	customerRef  = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
	mobileNumber = regexp.MustCompile(`^1[0-9]{10}$`)
)

// CheckCustomerRef refuses a reference that is malformed or is a mobile number, which is personal.
func CheckCustomerRef(ref string) error {
	switch {
	case !customerRef.MatchString(ref):
		return ErrMalformed.Field("customer_ref", "want 1 to 64 of [A-Za-z0-9._:-]")
	case mobileNumber.MatchString(ref):
		return ErrMalformed.Field("customer_ref", "a mobile number is personal data, not a reference")
	}
	return nil
}

// OpenAccount opens a member's account. Its id is AccountID(CustomerRef).
type OpenAccount struct {
	CustomerRef string `json:"customer_ref"`
}

// AccountOpened records a new account: the first event of its stream, and only there. A bearer's says
// what was asked when it was sold, and whom its code finds.
type AccountOpened struct {
	AccountID   uuid.UUID     `json:"account_id"`
	Kind        string        `json:"kind"`
	CustomerRef string        `json:"customer_ref"` // none of a bearer's
	Voucher     *VoucherTerms `json:"voucher,omitempty"`
	KeyedHash   string        `json:"keyed_hash,omitempty"`
	Last4       string        `json:"last4,omitempty"`
}

func (AccountOpened) event() {}

func (e AccountOpened) operation() Operation {
	if e.Kind == KindBearer {
		return OpSellVoucher
	}
	return OpOpen
}

// Operation is open.
func (OpenAccount) Operation() Operation { return OpOpen }

// Decide refuses a malformed customer_ref, and one that has an account.
func (o OpenAccount) Decide(d *Draft) error {
	if err := CheckCustomerRef(o.CustomerRef); err != nil {
		return err
	}
	if d.revision >= 0 {
		return ErrAccountExists.Because("account " + d.id.String())
	}
	return d.post(AccountOpened{AccountID: d.id, Kind: KindMember, CustomerRef: o.CustomerRef})
}

func (e AccountOpened) command(Posted) Command {
	if e.Kind == KindBearer {
		return e.sale()
	}
	return OpenAccount{e.CustomerRef}
}

func (e AccountOpened) check() error {
	if e.Kind == KindBearer && e.Voucher == nil {
		return errors.New("a bearer account of which nothing was sold")
	}
	return nil
}

func (e AccountOpened) apply(a *Account, recorded time.Time) error {
	if e.AccountID != a.id {
		return fmt.Errorf("account %s is opened in account %s", e.AccountID, a.id)
	}
	a.kind, a.customerRef, a.openedAt = e.Kind, e.CustomerRef, recorded
	return nil
}
