package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/domain"
)

// demoKeys begins the names of the demo's keys, by which its next start finds and revokes them.
const demoKeys = "demo "

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
			if err := demoMasterKey(&c); err != nil {
				return err
			}
			c.patient = true
			s, err := openService(cmd.Context(), c, newLogger(c.logLevel))
			if err != nil {
				return err
			}
			return s.demo(cmd.Context(), cmd.OutOrStdout())
		},
	}
	c.settings(cmd.Flags())
	return cmd
}

// demo serves, loads the shop into an empty folder, renews the keys, and says what to try. It closes the
// service.
func (s *service) demo(ctx context.Context, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.run(ctx) }()
	if err := s.show(ctx, out); err != nil {
		stop()
		return errors.Join(err, <-served)
	}
	return <-served
}

func (s *service) show(ctx context.Context, out io.Writer) error {
	if err := s.revokeDemo(ctx); err != nil {
		return err
	}
	if err := s.loadShop(ctx); err != nil {
		return fmt.Errorf("load the shop: %w", err)
	}
	admin, err := s.newKey(ctx, demoKeys+"admin", domain.RoleAdmin)
	if err != nil {
		return err
	}
	pos, err := s.newKey(ctx, demoKeys+"pos", domain.RolePOS)
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
