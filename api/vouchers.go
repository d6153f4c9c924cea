package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// A gift voucher is an account of its own. Whoever has the code looks it up, spends it as any account,
// or redeems it into a member's; support replaces the code, finance takes the sale back.
func (s *Server) voucherRoutes() []*route {
	post := func(path, id string, serve handler) *route {
		return &route{method: "POST", path: "/v1/gift-vouchers" + path, id: id, roles: tills, query: dry,
			serve: serve}
	}
	return []*route{
		post("", "sellVoucher", sellVoucher),
		post("/redeem", "redeemVoucher", redeemVoucher),
	}
}

type voucherBody struct {
	Amount    *amount       `json:"amount"`
	Payments  []paymentBody `json:"payments"`
	ExpiresAt string        `json:"expires_at"`
	Code      string        `json:"code"` // that is printed on a card; none: one is drawn
	post
}

// sellVoucher opens a bearer account and answers its code. Of what is drawn a repeat, which is its
// caller's alone, draws the same code again: it stands nowhere.
func sellVoucher(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	key, dryRun, err := c.once()
	if err != nil {
		return err
	}
	r := &reading{s: c.s, who: c.who, trial: dryRun}
	var b voucherBody
	if !r.decode(body, &b) {
		return r.err()
	}
	r.about(b.post)
	sale := domain.SellVoucher{VoucherTerms: domain.VoucherTerms{
		Amount: r.money("amount", b.Amount), Payments: r.payments(b.Payments)}}
	if r.term("expires_at", b.ExpiresAt != "") {
		sale.ExpiresAt = r.time("expires_at", b.ExpiresAt)
	}
	codes := r.voucherCodes(b.Code, key)
	if err := r.err(); err != nil {
		return err
	}
	ctx := context.Background()
	code, account, err := c.s.voucherAccount(ctx, codes)
	if err != nil {
		return err
	}
	if sale.HashedValue, err = c.s.hashedCode(code); err != nil {
		return err
	}
	if sale.Elsewhere, err = c.s.elsewhere(ctx, account, presented{domain.CredentialCode, code,
		sale.HashedValue}); err != nil {
		return err
	}
	a, err := c.s.Ledger.Do(ctx, ledger.Request{Account: account, Command: sale, Key: key,
		Context: r.context, Caller: c.who.Caller, CorrelationID: c.correlation(), DryRun: dryRun})
	if errors.Is(err, domain.ErrCredentialUsed) && !c.who.mayMiss() {
		return errRateLimited // what is sold tells as much as what is found
	}
	if err != nil || dryRun {
		return c.answer(a, err, dryRun)
	}
	return c.soldVoucher(a, code)
}

// soldVoucher answers a sale with the code that it sold.
func (c *call) soldVoucher(a ledger.Answer, code string) error {
	c.noted(a)
	c.Set(fiber.HeaderLocation, accountPlace(a))
	c.Set("Cache-Control", "no-store")
	o := c.out()
	o.begin('{')
	o.voucher(a, a.First().Event.(domain.AccountOpened)) // the first event of its stream
	if drawn, ok := domain.ReadCode(code); ok {
		code = domain.PrintCode(drawn)
	}
	o.plain("code", code)
	o.end('}')
	c.send(fiber.StatusCreated, applicationJSON, o)
	return nil
}

// voucher writes what was sold, but for its code.
func (o *out) voucher(a ledger.Answer, e domain.AccountOpened) {
	o.id("id", e.AccountID)
	o.plain("kind", e.Kind)
	o.plain("status", string(domain.Open))
	for _, p := range a.Events {
		switch e := p.Event.(type) {
		case domain.TopUpPosted:
			o.id("top_up_id", e.TopUpID)
			o.money("amount", e.Amount)
			o.money("paid", e.Paid)
			o.payments(e.Payments)
			o.opened(a, e)
		case domain.CredentialBound:
			o.id("credential_id", e.CredentialID)
			o.text("last4", e.Last4)
		}
	}
	o.tail(a)
}

// voucherCodes are the codes that a sale may be of: the one that was given, or those that each master key
// draws for the caller's key, the first one's first.
func (r *reading) voucherCodes(given, key string) []string {
	if given != "" {
		code, ok := domain.NormalCode(given)
		if !ok {
			r.malformed("code", "want 8 to 64 digits and letters")
		}
		return []string{code}
	}
	secrets, err := r.s.Keyring.Secrets("gift-vouchers")
	if err != nil {
		r.failure = err
	}
	var codes []string
	for _, secret := range secrets {
		codes = append(codes, domain.NewCodes(secret).Of([]byte(r.who.Actor+"\n"+key)))
	}
	return codes
}

// voucherAccount is the account that one of the codes opened under one of the master keys, or, with the
// first of them, is about to open.
func (s *Server) voucherAccount(ctx context.Context, codes []string) (string, uuid.UUID, error) {
	var first uuid.UUID
	for _, code := range codes {
		v, err := s.hashedCode(code)
		if err != nil {
			return "", first, err
		}
		for _, hash := range slices.Concat([]string{v.KeyedHash}, v.Others) {
			id := domain.BearerID(hash)
			if first == uuid.Nil {
				first = id
			}
			if _, err := s.Ledger.Account(ctx, id); err == nil {
				return code, id, nil
			} else if !errors.Is(err, domain.ErrNotFound) {
				return "", first, err
			}
		}
	}
	return codes[0], first, nil
}

// hashedCode is what the ledger knows a code in its normal form by.
func (s *Server) hashedCode(code string) (domain.HashedValue, error) {
	hashes, err := s.Keyring.Hashes(hashPurpose(domain.CredentialCode), code)
	if err != nil {
		return domain.HashedValue{}, err
	}
	return domain.HashedValue{KeyedHash: hashes[0], Others: hashes[1:], Last4: code[len(code)-4:]}, nil
}

type redeemBody struct {
	Code            string  `json:"code"`
	Into            string  `json:"into"`
	IntoCustomerRef string  `json:"into_customer_ref"`
	Amount          *amount `json:"amount"` // none: all that is left
	post
}

// redeemVoucher sends what a voucher is worth, or a part of it, to a member's account.
func redeemVoucher(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	key, dryRun, err := c.once()
	if err != nil {
		return err
	}
	r := &reading{s: c.s, who: c.who, trial: dryRun}
	var b redeemBody
	if !r.decode(body, &b) {
		return r.err()
	}
	r.about(b.post)
	send := domain.SendTransfer{Kind: domain.TransferRedeem, All: b.Amount == nil,
		Amount: r.someMoney("amount", b.Amount), To: r.otherAccount("into", b.Into, b.IntoCustomerRef)}
	if b.Code == "" {
		r.malformed("code", "is required")
	}
	if err := r.err(); err != nil {
		return err
	}
	v, err := c.s.voucherOf(c, b.Code)
	if err != nil {
		return err
	}
	if unit := v.Units()[0]; send.All {
		send.Amount = unit.Zero()
	}
	a, err := c.s.Ledger.Do(context.Background(), ledger.Request{Account: v.ID(), Command: send, Key: key,
		Context: r.context, Caller: c.who.Caller, CorrelationID: c.correlation(), DryRun: dryRun})
	return c.answer(a, err, dryRun)
}

// missTakes is how long a code that is refused takes to be, whatever is wrong with it.
const missTakes = 50 * time.Millisecond

// errKnownCode marks what is wrong with a code that everybody knows: it is no guess.
var errKnownCode = errors.New("a promo code")

// guarded asks for what a code finds, under the brake on guessing: whatever is wrong with a code, the answer
// is code_not_usable, and comes after the same time. What is found costs nothing, so that many customers'
// codes can be taken at once by one key.
func guarded[T any](c *call, find func() (T, error)) (T, error) {
	var none T
	misses := c.who.misses
	if misses != nil && misses.full(time.Now()) {
		return none, errRateLimited
	}
	began := time.Now()
	found, err := find()
	if !errors.Is(err, domain.ErrCodeNotUsable) {
		return found, err
	}
	if misses != nil && !errors.Is(err, errKnownCode) {
		misses.missed(time.Now())
	}
	time.Sleep(time.Until(began.Add(missTakes)))
	return none, domain.ErrCodeNotUsable
}

// voucherOf is the voucher that a code finds: at once by its own stream, or, where it took another code's
// place, by the read model.
func (s *Server) voucherOf(c *call, text string) (ledger.View, error) {
	return guarded(c, func() (ledger.View, error) {
		ctx := context.Background()
		code, ok := domain.NormalCode(text)
		if !ok {
			return ledger.View{}, domain.ErrCodeNotUsable
		}
		v, err := s.hashedCode(code)
		if err != nil {
			return ledger.View{}, err
		}
		hashes := slices.Concat([]string{v.KeyedHash}, v.Others)
		for _, hash := range hashes {
			account, err := s.Ledger.Account(ctx, domain.BearerID(hash))
			if err == nil && account.Shows(domain.CredentialCode, hashes...) {
				return account, nil
			}
			if err != nil && !errors.Is(err, domain.ErrNotFound) {
				return account, err
			}
		}
		if err := c.modelledToHead(); err != nil {
			return ledger.View{}, err
		}
		accounts, err := s.bound(ctx, presented{domain.CredentialCode, code, v})
		if err != nil {
			return ledger.View{}, err
		}
		if len(accounts) != 1 {
			return ledger.View{}, domain.ErrCodeNotUsable
		}
		account, err := s.Ledger.Account(ctx, accounts[0])
		if err == nil && account.Kind() != domain.KindBearer {
			err = domain.ErrCodeNotUsable
		}
		return account, err
	})
}
