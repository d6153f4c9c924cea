package ledger_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// BenchmarkDebit is a debit without HTTP and without a disk, on many accounts and on one.
func BenchmarkDebit(b *testing.B) {
	for _, accounts := range []int{1000, 1} {
		b.Run(fmt.Sprint("accounts=", accounts), func(b *testing.B) {
			l := ledger.Open(storetest.NewMemory(), ledger.Options{})
			defer l.Close()
			ids := make([]uuid.UUID, accounts)
			for i := range ids {
				ref := fmt.Sprint("C-", i)
				ids[i] = domain.AccountID(ref)
				post(b, l, ids[i], "open", domain.OpenAccount{CustomerRef: ref})
				terms := domain.DefaultTerms()
				terms.Bonus = yuan("30000000.00")
				post(b, l, ids[i], "fill",
					domain.TopUp{Amount: yuan("100000000.00"), TopUpTerms: terms})
			}
			var n atomic.Int64
			b.SetParallelism(32)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					post(b, l, ids[i%int64(accounts)], fmt.Sprint("k", i), domain.Debit{Amount: yuan("7.77")})
				}
			})
		})
	}
}

func post(b *testing.B, l *ledger.Ledger, id uuid.UUID, key string, c domain.Command) {
	_, err := l.Do(context.Background(), ledger.Request{
		Account: id, Command: c, Key: key,
		Context: domain.Context{Store: "S1", Terminal: "T1", PosTxnID: key},
		Caller:  ledger.Caller{Actor: "bench", Role: domain.RolePOS},
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkManyLots is a debit on an account with 10,000 lots that can be drawn, snapshots included.
func BenchmarkManyLots(b *testing.B) {
	l := ledger.Open(storetest.NewMemory(), ledger.Options{})
	defer l.Close()
	id := domain.AccountID("C-1")
	post(b, l, id, "open", domain.OpenAccount{CustomerRef: "C-1"})
	terms := domain.DefaultTerms()
	terms.Bonus = yuan("30000.00")
	for i := range 5_000 {
		post(b, l, id, fmt.Sprint("fill", i), domain.TopUp{Amount: yuan("100000.00"), TopUpTerms: terms})
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		post(b, l, id, fmt.Sprint("k", n), domain.Debit{Amount: yuan("7.77")})
	}
}
