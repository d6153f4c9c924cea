package domain

import "testing"

// at is a scope of one store.
func at(store string) LotScope { return LotScope{Scope: Scope{Stores: []string{store}}} }

// on is a scope of goods: of these categories, or of a product.
func on(product string, categories ...string) LotScope {
	s := LotScope{Categories: categories}
	if product != "" {
		s.Products = []string{product}
	}
	return s
}

// limitedTo puts a top-up's scope.
func limitedTo(s LotScope) func(*TopUp) { return func(t *TopUp) { t.Scope = s } }

// presents gives an amount that is limited to goods.
func presents(amount string, s LotScope) step {
	return did(GrantCredit{Amount: cny(amount), Cause: CausePromo, Reason: "spring", Scope: s})
}

// What is limited to goods is nothing to whoever does not say what is bought.
func TestUnnamedGoods(t *testing.T) {
	held := []step{opened, did(topUp("10", "", limitedTo(on("", "drinks")))), did(topUp("20", ""))}
	all := SendTransfer{To: AccountID("C-2"), Amount: cny("0"), Kind: TransferGift, All: true}
	run(t, []row{
		{"debit", held, asks(debit("20")), "DebitPosted 20.00, principal@2 -20.00/-20.00"},
		{"more than that", held, asks(debit("20.01")),
			"insufficient_funds short 0.01 CNY\nOperationDeclined insufficient_funds"},
		{"what there is", held, asks(Debit{Amount: cny("25"), AcceptPartial: true}),
			"DebitPosted 20.00, principal@2 -20.00/-20.00, due 5.00"},
		{"offline", held, asks(OfflineDebit{Amount: cny("25")}), `
DebitPosted 20.00, principal@2 -20.00/-20.00, due 5.00
ReceivableOpened 5.00`},
		{"hold", held, asks(hold("20.01")),
			"insufficient_funds short 0.01 CNY\nOperationDeclined insufficient_funds"},
		{"transfer of an amount", held, asks(send("20.01")),
			"insufficient_funds short 0.01 CNY\nOperationDeclined insufficient_funds"},
		{"transfer of all", held, asks(all),
			"TransferSent 30.00, principal@1 -10.00/-10.00, principal@2 -20.00/-20.00 gift"},
		{"merge", held, asks(into2), `
AccountsMerged
TransferSent 30.00, principal@1 -10.00/-10.00, principal@2 -20.00/-20.00 merge`},
		{"a grant", []step{opened, presents("5", on("tea"))}, asks(debit("1")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"an empty product", []step{opened}, asks(GrantCredit{Amount: cny("5"), Cause: CausePromo,
			Reason: "spring", Scope: LotScope{Products: []string{""}}}), "malformed scope"},
		{"a category with blanks", []step{opened}, asks(topUp("5", "", limitedTo(on("", "a b")))),
			"malformed scope"},
	})
}

// The goods of a lot go where it goes, and stay what they are when it lasts longer.
func TestGoodsTravel(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, did(topUp("10", "3", expiring(day, day), limitedTo(on("tea", "drinks")))),
		did(SendTransfer{To: AccountID("C-2"), Amount: cny("0"), Kind: TransferGift, All: true})} {
		s(b)
	}
	sent := b.log[len(b.log)-1].Event.(TransferSent)
	did(ReceiveTransfer{sent})(b)
	did(ExtendLot{LotID: b.account.lots[2].ID, ExpiresAt: noon.Add(9 * day), Reason: "kind"})(b)
	for _, l := range b.account.Lots()[2:] {
		if got := l.Scope; got.Products[0] != "tea" || got.Categories[0] != "drinks" {
			t.Errorf("a %s lot is limited to %v, want tea and drinks", l.Class, got)
		}
	}
}
