package domain

import (
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// KindMember is one customer's account; a bearer instrument's comes with gift vouchers.
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

// AccountOpened records a new account: the first event of its stream, and only there.
type AccountOpened struct {
	AccountID   uuid.UUID `json:"account_id"`
	Kind        string    `json:"kind"`
	CustomerRef string    `json:"customer_ref"`
}

func (AccountOpened) event() {}

func (AccountOpened) operation() Operation { return OpOpen }

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
	return d.post(AccountOpened{d.id, KindMember, o.CustomerRef})
}

func (e AccountOpened) command(Posted) Command { return OpenAccount{e.CustomerRef} }

func (e AccountOpened) apply(a *Account, recorded time.Time) error {
	if e.AccountID != a.id {
		return fmt.Errorf("account %s is opened in account %s", e.AccountID, a.id)
	}
	a.kind, a.customerRef, a.openedAt = e.Kind, e.CustomerRef, recorded
	return nil
}
