package main

import (
	"fmt"
	"math/rand/v2"
)

// choice decides which account a connection's next request is about: a number from 0, below the
// count of accounts. What it returns belongs to one goroutine.
type choice func(r *rand.Rand) func() int

// The distributions of accounts. zipfSkew is the exponent: of 10,000 accounts the first takes about
// one request in seven.
const (
	uniform  = "uniform"
	zipf     = "zipf"
	hot      = "hot"
	zipfSkew = 1.1
)

var distributions = []string{uniform, zipf, hot}

// choose is the distribution of that name over so many accounts.
func choose(distribution string, accounts int) (choice, error) {
	switch distribution {
	case uniform:
		return func(r *rand.Rand) func() int {
			return func() int { return r.IntN(accounts) }
		}, nil
	case zipf:
		return func(r *rand.Rand) func() int {
			z := rand.NewZipf(r, zipfSkew, 1, uint64(accounts-1))
			return func() int { return int(z.Uint64()) }
		}, nil
	case hot:
		return func(*rand.Rand) func() int {
			return func() int { return 0 }
		}, nil
	}
	return nil, fmt.Errorf("distribution %q: want one of %v", distribution, distributions)
}
