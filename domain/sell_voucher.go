package domain

import (
	"time"

	"github.com/google/uuid"
)

// KindBearer is the account of whoever holds its code: a gift voucher that was sold.
const KindBearer = "bearer"

// OpSellVoucher is the operation of SellVoucher.
const OpSellVoucher Operation = "sell_voucher"

// SellVoucher opens a bearer account with one gift lot, which its code finds. The account's id is
// BearerID of the code's hash, so that the stream itself keeps the code unique.
type SellVoucher struct {
	VoucherTerms
	HashedValue
}

// VoucherTerms are what a gift voucher is sold for.
type VoucherTerms struct {
	Amount    Money     `json:"amount"`
	Payments  []Payment `json:"payments,omitempty"`  // as a top-up's
	ExpiresAt time.Time `json:"expires_at,omitzero"` // none: as the program has it for class gift
}

// bearers is the name space of bearer accounts' ids.
var bearers = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/bearers"))

// BearerID is the id of the account that was opened for a code of that keyed hash.
func BearerID(keyedHash string) uuid.UUID { return uuid.NewSHA1(bearers, []byte(keyedHash)) }

// Operation is sell_voucher.
func (SellVoucher) Operation() Operation { return OpSellVoucher }

// Decide checks amount, payments, expiry and hash, that the code is new, then the program's limits on
// top-ups. It opens the account, the lot and the credential in one append.
func (s SellVoucher) Decide(d *Draft) error {
	sold := TopUp{Amount: s.Amount, Payments: s.Payments,
		TopUpTerms: TopUpTerms{ExpiresAt: s.ExpiresAt, NoBonus: true, Priority: defaultPriority}}
	paid, err := sold.check(d.Decided)
	if err != nil {
		return err
	}
	if err := s.HashedValue.check(); err != nil {
		return err
	}
	if d.revision >= 0 || s.Elsewhere {
		return ErrCredentialUsed
	}
	s.ExpiresAt = s.ExpiresAt.UTC()
	err = d.post(AccountOpened{AccountID: d.id, Kind: KindBearer, Voucher: &s.VoucherTerms,
		KeyedHash: s.KeyedHash, Last4: s.Last4})
	if err != nil {
		return err
	}
	if err := d.fund(s.Amount, func() TopUpPosted { return sold.voucher(d, paid) }); err != nil {
		return err
	}
	return d.post(CredentialBound{d.nextID(), CredentialCode, s.KeyedHash, s.Last4})
}

// voucher is a top-up whose lot is a sold voucher's: liability until it is used or expires.
func (t TopUp) voucher(d *Draft, paid Money) TopUpPosted {
	if t.ExpiresAt.IsZero() && d.Context.Channel != ChannelImport {
		t.ExpiresAt = d.program().expiry(Gift, d.Decided)
	}
	t.Draw, t.Terms = d.program().Terms.Draw, d.program().Name()
	id := d.nextID()
	e := TopUpPosted{TopUpID: id, Paid: paid, Payments: t.Payments, Draw: t.Draw,
		Lots: []LotOpened{t.lot(d, id, 1, Gift, t.Amount, paid, t.ExpiresAt)}}
	e.Value = d.value(t.Amount, fill(e.Lots))
	return e
}

func (s SellVoucher) canonical() any {
	s.ExpiresAt = s.ExpiresAt.UTC()
	return s
}

func (s SellVoucher) rephrase(answered Event) Command {
	if e, ok := answered.(AccountOpened); ok {
		s.HashedValue = s.as(e.KeyedHash)
	}
	return s
}

// sale is the command that opened a bearer account.
func (e AccountOpened) sale() SellVoucher {
	return SellVoucher{*e.Voucher, HashedValue{KeyedHash: e.KeyedHash, Last4: e.Last4}}
}
