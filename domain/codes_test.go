package domain

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

// generate is a batch of three codes in spring, which edits may change.
func generate(edits ...func(*GenerateCodes)) GenerateCodes {
	g := GenerateCodes{"spring", CodeBatch{ID: uuid.UUID{1}, Definition: "ten@1", Count: 3, KeyID: "k"}}
	for _, edit := range edits {
		edit(&g)
	}
	return g
}

func TestGenerateCodes(t *testing.T) {
	ready := []Registration{drafted(), tenOff()}
	on := func(more ...Registration) []Registration { return append(ready[:2:2], more...) }
	export := ExportCodes{"spring", uuid.UUID{1}}
	batches := make([]Registration, mostBatches+1)
	for i := range batches {
		batches[i] = generate(func(g *GenerateCodes) { g.ID = uuid.UUID{byte(i), 1} })
	}
	for _, c := range []struct {
		name string
		all  []Registration
		want string
	}{
		{"generated", on(generate()), "CodesGenerated"},
		{"a second batch", on(generate(), generate(func(g *GenerateCodes) { g.ID = uuid.UUID{2} })),
			"CodesGenerated"},
		{"none, before campaign", []Registration{generate(func(g *GenerateCodes) { g.Count = 0 })},
			"malformed count"},
		{"too many", on(generate(func(g *GenerateCodes) { g.Count = MostCodes + 1 })), "malformed count"},
		{"as many batches as a campaign has", on(batches[1:]...), "CodesGenerated"},
		{"one more", on(batches...), "limit_exceeded"},
		{"no campaign", []Registration{generate()}, "not_found"},
		{"an ended one", on(EndCampaign{"spring", "x"}, generate()), "campaign_status"},
		{"no such version", on(generate(func(g *GenerateCodes) { g.Definition = "ten@2" })),
			"malformed definition"},
		{"exported", on(generate(), export), "CodesExported"},
		{"exported twice", on(generate(), export, export), "codes_exported"},
		{"nothing to export", on(export), "not_found"},
		{"another's", on(generate(), ExportCodes{"spring", uuid.UUID{2}}), "not_found"},
		{"no campaign to export of", []Registration{export}, "not_found"},
	} {
		if _, got := streamed(t, c.all...); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	spring, _ := campaigned(t, on(generate(), export)...)
	b := spring.Batch(uuid.UUID{1})
	if b == nil || b.GeneratedAt != noon.Add(2*day) || b.ExportedAt != noon.Add(3*day) || b.Count != 3 {
		t.Errorf("got %+v", b)
	}
}

func TestSerials(t *testing.T) {
	b := CodeBatch{Count: 4, Skipped: []uint32{0, 3}}
	if got := slices.Collect(b.Serials); !slices.Equal(got, []uint32{1, 2, 4, 5}) {
		t.Errorf("got %v", got)
	}
}

// TestUsedCode: a code is one account's, until that account does not take its coupon.
func TestUsedCode(t *testing.T) {
	code := CodeRef{uuid.UUID{1}, 7}
	anna := RedeemCode{CodeRef: code, Campaign: "spring", Definition: "ten@1", AccountID: uuid.UUID{8}}
	bert := anna
	bert.AccountID = uuid.UUID{9}
	void := VoidCode{code, "spring", "lost"}
	first := ReleaseCode{code, newID(0, Seed{}, 0), "account_frozen"}
	for _, c := range []struct {
		name string
		all  []Registration
		want string
	}{
		{"used", []Registration{anna}, "CodeRedeemed"},
		{"used by another", []Registration{anna, bert}, "code_not_usable"},
		{"released, and used by another", []Registration{anna, first, bert}, "CodeRedeemed"},
		{"never used, and released", []Registration{first}, "not_found"},
		{"void", []Registration{void}, "CodeVoided"},
		{"a reason in clear", []Registration{anna, VoidCode{code, "spring", "Anna lost it"}},
			"malformed reason"},
		{"void, and used", []Registration{void, anna}, "code_not_usable"},
		{"used, and void", []Registration{anna, void}, "code_not_usable"},
		{"released, and void", []Registration{anna, first, void}, "CodeVoided"},
	} {
		if _, got := streamed(t, c.all...); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		all  []Registration
		last Registration
	}{
		"used again": {[]Registration{anna}, anna}, "voided again": {[]Registration{void}, void},
		"released again":                {[]Registration{anna, first}, first},
		"released when another used it": {[]Registration{anna, first, bert}, first},
	} {
		past, _ := streamed(t, c.all...)
		_, err := Register(past, c.last, Moment{Recorded: noon.Add(9 * day)})
		if got := answer(nil, err); got[:7] != "done by" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestClaims(t *testing.T) {
	promo := offering(func(_ *Campaign, d *Definition) { d.PromoCode = &PromoCode{Hash: "h", PerAccount: 2} })
	claim := fiveWith(func(g *GrantCoupon) { g.Cause = CouponByClaim })
	single := fiveWith(func(g *GrantCoupon) { g.Cause, g.ClaimID = CouponByClaim, uuid.UUID{7} })
	refuse := RefuseClaim{uuid.UUID{7}, *ErrCouponLimit}
	granted := "CouponGranted five@2 until " + stamp(time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC))
	run(t, []row{
		{"by a promo code", []step{opened, promo}, asks(claim), granted},
		{"twice", []step{opened, promo, did(claim)}, asks(claim), granted},
		{"too often", []step{opened, promo, did(claim), did(claim)}, asks(claim), "coupon_limit"},
		{"a grant is no claim", []step{opened, promo, did(five), did(five)}, asks(claim), granted},
		{"nor is a single-use code", []step{opened, promo, did(single), did(claim)}, asks(claim), granted},
		{"nor stops one", []step{opened, promo, did(claim), did(claim)}, asks(single), granted},
		{"by a single-use code", []step{opened, promo}, asks(single), granted},
		{"again", []step{opened, promo, did(single)}, asks(single), "done by CouponGranted"},
		{"refused", []step{opened, promo}, asks(refuse), "ReferenceCancelled nothing"},
		{"refused, again", []step{opened, promo, did(refuse)}, asks(refuse), "done by ReferenceCancelled"},
		{"refused before", []step{opened, promo, did(refuse)}, asks(single), "done by ReferenceCancelled"},
		{"refused too late", []step{opened, promo, did(single)}, asks(refuse), "done by CouponGranted"},
		{"refused while frozen", []step{opened, frozen(FreezeAll)}, asks(refuse), "ReferenceCancelled nothing"},
		{"refused by nobody", nil, asks(refuse), "not_found"},
	})
}

// Below what an account may claim, a claim does not read the claims before it.
func TestClaimReadsNoClaims(t *testing.T) {
	b := newBook(t)
	claim := fiveWith(func(g *GrantCoupon) { g.Cause = CouponByClaim })
	promo := offering(func(_ *Campaign, d *Definition) { d.PromoCode = &PromoCode{Hash: "h", PerAccount: 9} })
	for _, s := range []step{opened, promo, did(claim), did(claim)} {
		s(b)
	}
	m := b.moment()
	m.Found = func(n Name) []Posted {
		if n.Kind == "promo" {
			t.Errorf("%v is read", n)
		}
		return b.names[n]
	}
	if _, _, err := Decide(b.account, claim, m); err != nil {
		t.Error(err)
	}
}
