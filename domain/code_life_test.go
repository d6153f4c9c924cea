package domain

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// coded are the codes of a batch, each with its stream, and two accounts that claim them.
type coded struct {
	r       *rapid.T
	books   []*book
	streams map[CodeRef][]Posted
	claims  []Posted // all CodeRedeemed there ever were
	asked   byte
}

// Whoever claims, voids and frees the codes of a batch, in whatever order the steps of a claim are taken,
// repeated or left out: no code gives two coupons, a void one gives none, one that is free has given
// none; and a claim that is brought to its end has given a coupon or freed its code.
func TestCodeLives(t *testing.T) {
	spring, answered := campaigned(t, drafted(), fiveOff, generate(func(g *GenerateCodes) {
		g.Definition = "five@1"
	}), by{ApproveCampaign{"spring"}, "carl"}, ActivateCampaign{"spring"})
	if answered != "CampaignActivated" {
		t.Fatal(answered)
	}
	rapid.Check(t, func(r *rapid.T) {
		w := &coded{r: r, streams: map[CodeRef][]Posted{}}
		for _, ref := range []string{"C-1", "C-2"} {
			b := bookOf(fatal{t, r}, ref)
			b.offers, b.now = map[string]*Campaign{"spring": spring}, noon.Add(9*day)
			w.books = append(w.books, b)
		}
		batch := spring.Batch(uuid.UUID{1})
		var codes []CodeRef
		for serial := range batch.Serials {
			codes = append(codes, CodeRef{batch.ID, serial})
		}
		for range rapid.IntRange(5, 60).Draw(r, "steps") {
			w.step(rapid.SampledFrom(codes).Draw(r, "code"), rapid.SampledFrom(w.books).Draw(r, "account"))
			w.once()
		}
		for _, claim := range w.claims {
			w.grant(claim)
			w.end(claim)
			w.once()
		}
		for code, past := range w.streams {
			if c := CodeOf(past); c.Claim != noID && len(w.given(code)) != 1 {
				r.Fatalf("%v is claimed, and its claim has ended without a coupon", code)
			}
		}
	})
}

func (w *coded) step(code CodeRef, b *book) {
	switch rapid.SampledFrom([]string{"take", "take", "grant", "grant", "end", "end", "void", "freeze",
		"unfreeze"}).Draw(w.r, "kind") {
	case "take":
		w.take(code, b)
	case "grant":
		if len(w.claims) > 0 {
			w.grant(rapid.SampledFrom(w.claims).Draw(w.r, "claim"))
		}
	case "end":
		if len(w.claims) > 0 {
			w.end(rapid.SampledFrom(w.claims).Draw(w.r, "claim"))
		}
	case "void":
		was := CodeOf(w.streams[code])
		err := w.ask(VoidCode{code, "spring", "lost"}, code)
		if got, want := refusedBy(err), when(!was.Voided && was.Claim != noID, ErrCodeNotUsable); got !=
			string(want) {
			w.r.Fatalf("void %+v: got %v, want %q", was, err, want)
		}
	case "freeze":
		_, _ = b.do(FreezeAccount{Modes: []FreezeMode{FreezeAll}, Reason: "x"})
	case "unfreeze":
		_, _ = b.do(UnfreezeAccount{Reason: "x"})
	}
}

// ask posts on a code's stream.
func (w *coded) ask(r Registration, code CodeRef) error {
	w.asked++
	at := noon.Add(9*day + time.Duration(w.asked)*time.Second)
	posted, err := Register(w.streams[code], r, Moment{Recorded: at, Decided: at,
		Seed: Seed{byte(code.Serial), w.asked}})
	for _, p := range posted {
		w.streams[code] = append(w.streams[code], p)
		if _, claim := p.Event.(CodeRedeemed); claim {
			w.claims = append(w.claims, p)
		}
	}
	return err
}

// take claims a code for an account: it may have it unless another has, or nobody may.
func (w *coded) take(code CodeRef, b *book) {
	was := CodeOf(w.streams[code])
	err := w.ask(RedeemCode{CodeRef: code, Campaign: "spring", Definition: "five@1",
		AccountID: b.account.ID(), Last4: "LAST"}, code)
	own := was.Claim != noID && was.Account == b.account.ID()
	want := when(!own && (was.Claim != noID || was.Voided), ErrCodeNotUsable)
	if got := refusedBy(err); got != string(want) || errors.As(err, new(*Done)) != own {
		w.r.Fatalf("%+v taken for %s: got %v, want %q, done before: %t", was, b.account.ID(), err, want, own)
	}
}

func (w *coded) of(claim Posted) *book {
	if w.books[0].account.ID() == claim.Event.(CodeRedeemed).AccountID {
		return w.books[0]
	}
	return w.books[1]
}

// grant is the step in which the account gets its coupon, unless the claim has ended.
func (w *coded) grant(claim Posted) {
	b := w.of(claim)
	posted, err := b.do(fiveWith(func(g *GrantCoupon) {
		g.Cause, g.ClaimID = CouponByClaim, claim.Metadata.EventID
	}))
	if refusedBy(err) == string(ErrAccountFrozen.Code) {
		return
	}
	var done *Done
	if _, ended := b.names[TransferName(claim.Metadata.EventID)]; !ended || len(posted) == 0 &&
		!errors.As(err, &done) {
		w.r.Fatalf("got %s", answer(posted, err))
	}
}

// end is the step in which the account says that it takes none, unless it has one; then the code is
// freed.
func (w *coded) end(claim Posted) {
	b, id := w.of(claim), claim.Metadata.EventID
	_, err := b.do(RefuseClaim{id, *ErrAccountFrozen})
	if err != nil && !errors.As(err, new(*Done)) {
		w.r.Fatal(err)
	}
	if end, _ := b.moment().Found(TransferName(id))[0].Event.(ReferenceCancelled); end.Code != "" {
		code := claim.Event.(CodeRedeemed).CodeRef
		if err := w.ask(ReleaseCode{code, id, end.Code}, code); err != nil && !errors.As(err, new(*Done)) {
			w.r.Fatal(err)
		}
	}
}

// given are the claims by which a code has given coupons.
func (w *coded) given(code CodeRef) (claims []uuid.UUID) {
	of := map[uuid.UUID]CodeRef{}
	for _, c := range w.claims {
		of[c.Metadata.EventID] = c.Event.(CodeRedeemed).CodeRef
	}
	for _, b := range w.books {
		for _, p := range b.log {
			if e, ok := p.Event.(CouponGranted); ok && of[e.ClaimID] == code {
				claims = append(claims, e.ClaimID)
			}
		}
	}
	return claims
}

// once holds the coupons against the codes.
func (w *coded) once() {
	for code, past := range w.streams {
		c, given := CodeOf(past), w.given(code)
		if len(given) > 1 || len(given) == 1 && (c.Voided || c.Claim != given[0]) {
			w.r.Fatalf("%+v has given coupons by %v", c, given)
		}
	}
}
