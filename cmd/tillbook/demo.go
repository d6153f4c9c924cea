package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// The demo's keys, by which its next start finds and revokes them.
const (
	demoAdmin = "demo admin"
	demoPOS   = "demo pos"
)

// newDemo is `tillbook demo`.
func newDemo() *cobra.Command {
	var c config
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve a small sample shop, with keys and commands to try",
		Long: "Serves like serve. An empty folder gets a small shop first; a folder with data is served\n" +
			"as it is. New keys are printed at each start, and those of the start before are revoked.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log-level") {
				c.logLevel = "warn"
			}
			if err := fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			s, err := openService(cmd.Context(), c, newLogger(c.logLevel))
			if err != nil {
				return err
			}
			if err := s.demo(cmd.Context(), cmd.OutOrStdout()); err != nil {
				s.close()
				return err
			}
			return s.run(cmd.Context())
		},
	}
	c.settings(cmd.Flags())
	return cmd
}

// demo loads the shop into an empty folder, renews the keys, and says what to try.
func (s *service) demo(ctx context.Context, out io.Writer) error {
	if err := s.ledger.Ready(ctx); err != nil {
		return err
	}
	if err := s.loadShop(ctx); err != nil {
		return fmt.Errorf("load the shop: %w", err)
	}
	for _, k := range s.ledger.Keys() {
		if (k.Name == demoAdmin || k.Name == demoPOS) && k.RevokedAt.IsZero() {
			_, err := s.ledger.Register(ctx, ledger.Registering{
				Registration: domain.RevokeKey{ID: k.ID}, Caller: caller,
			})
			if err != nil {
				return fmt.Errorf("revoke key %s: %w", k.ID, err)
			}
		}
	}
	admin, err := s.newKey(ctx, demoAdmin, domain.RoleAdmin)
	if err != nil {
		return err
	}
	pos, err := s.newKey(ctx, demoPOS, domain.RolePOS)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, demoText, s.address(), s.cfg.data, admin, pos,
		pos, s.address(), domain.AccountID(demoCustomer),
		pos, s.address(), domain.AccountID(demoCustomer),
		admin, s.address(), domain.AccountID(demoCustomer))
	return nil
}

const demoText = `Tillbook serves http://%s from %s (reference: /docs)
  admin key  %s
  POS key    %s

A balance, a debit, and the account's history:

curl -s -H 'Authorization: Bearer %s' http://%s/v1/accounts/%s/balances

curl -s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \
  -H "Idempotency-Key: try-$(date +%%s)" \
  -d '{"amount":{"amount":"12.50","unit":"CNY"},"store":"S1","terminal":"T1"}' \
  http://%s/v1/accounts/%s/debits

curl -s -H 'Authorization: Bearer %s' 'http://%s/v1/accounts/%s/history?limit=5'

Stop with Ctrl-C.
`

// loadShop fills an empty ledger. Every operation has a key of its own, so a load that was cut off
// goes on where it was; a folder with other data is left alone.
func (s *service) loadShop(ctx context.Context) error {
	head, err := s.ledger.Head(ctx)
	if err != nil {
		return err
	}
	_, err = s.ledger.Account(ctx, domain.AccountID(demoCustomer))
	if head > 0 && errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	if done, err := loaded(ctx, s.ledger); done || err != nil {
		return err
	}
	return newShop(ctx, s.ledger).load()
}
