package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// contender is a server under load: ours, or a ceiling.
type contender struct {
	name    string // of its rows
	mode    string // of our read models: on or off; "" where there are none, or nobody knows
	address string
	child   *child // nil for --url
	log     *child // where the log is in another process of ours
	books   *books
	shop    *shop // where vouchers are measured
}

// The contenders' names in the table.
const (
	ours      = "tillbook"
	onESDB    = "tillbook, esdb" // its log is in an EventStoreDB
	noStorage = "fiber, no storage"
	oneBatch  = "fiber, one synced batch"
)

// isOurs tells our servers from the ceilings.
func (c *contender) isOurs() bool { return c.name == ours || c.name == onESDB }

// serve starts our server as it is shipped, but that it does not log each request.
func (b *bench) serve(ctx context.Context, dir, mode string) (*contender, error) {
	return b.serveOn(ctx, ours, dir, mode)
}

func (b *bench) serveOn(
	ctx context.Context, name, dir, mode string, more ...string,
) (*contender, error) {
	key := "bench-" + rand.Text()
	verb := []string{"serve"}
	if b.diskSync > 0 {
		verb = []string{"bench", "slow-serve", b.diskSync.String()}
	}
	args := append(verb, "--listen", "127.0.0.1:0", "--data", dir, "--log-level", "warn",
		fmt.Sprintf("--followers=%t", mode == "on"))
	master := make([]byte, 32) // promo codes are hashed with it
	_, _ = rand.Read(master)   // it never fails
	env := []string{adminKeyVariable + "=" + key, envName("eventstore") + "=",
		masterKeyVariable + "=" + base64.StdEncoding.EncodeToString(master)}
	c, err := startChild(ctx, b.profileOf(name+"-"+mode), env, append(args, more...)...)
	if err != nil {
		return nil, err
	}
	return &contender{name: name, mode: mode, address: c.address, child: c,
		books: newBooks(rand.Text(), key, b.accounts)}, nil
}

// standIn asks for a log of the bench's own by EventStoreDB's protocol, in place of an address.
const standIn = "stand-in"

// serveOnESDB starts our server on the EventStoreDB of --eventstore, or on a stand-in for it.
func (b *bench) serveOnESDB(ctx context.Context, dir, mode string) (*contender, error) {
	address, log := b.eventstore, (*child)(nil)
	if address == standIn {
		var err error
		log, err = startChild(ctx, b.profileOf("eventstore-"+mode), nil, "eventstore",
			"--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "eventstore-"+mode),
			"--log-level", "warn")
		if err != nil {
			return nil, err
		}
		address = "esdb://" + log.address + "?tls=false"
	}
	c, err := b.serveOn(ctx, onESDB, filepath.Join(dir, "esdb-"+mode), mode, "--eventstore", address)
	if err != nil && log != nil {
		return nil, errors.Join(err, log.Close())
	}
	if err == nil {
		c.log = log
	}
	return c, err
}

func (b *bench) profileOf(name string) string {
	if b.profile == "" {
		return ""
	}
	return filepath.Join(b.profile, strings.NewReplacer(" ", "-", ",", "").Replace(name)+".pprof")
}

// startOurs starts our servers, or finds the one at --url.
func (b *bench) startOurs(ctx context.Context, dir string) error {
	if b.url != "" {
		host, err := b.host()
		b.contenders = []*contender{{name: ours, address: host,
			books: newBooks(rand.Text(), os.Getenv(benchKeyVariable), b.accounts)}}
		return err
	}
	for _, mode := range b.modes() {
		c, err := b.serve(ctx, filepath.Join(dir, "tillbook-"+mode), mode)
		if err != nil {
			return err
		}
		b.contenders = append(b.contenders, c)
		if b.eventstore == "" {
			continue
		}
		if c, err = b.serveOnESDB(ctx, dir, mode); err != nil {
			return err
		}
		b.contenders = append(b.contenders, c)
	}
	return nil
}

// startCeilings starts the servers to compare with; they answer what ours has answered.
func (b *bench) startCeilings(ctx context.Context, dir string) error {
	debit, balance, err := b.contenders[0].sample(ctx)
	if err != nil {
		return fmt.Errorf("take samples of the answers: %w", err)
	}
	for name, data := range map[string]string{noStorage: "", oneBatch: filepath.Join(dir, "ceiling")} {
		c, err := startChild(ctx, b.profileOf(name), nil,
			"bench", "ceiling", "--data", data, "--debit", debit, "--balance", balance,
			"--disk-sync", b.diskSync.String())
		if err != nil {
			return err
		}
		b.contenders = append(b.contenders, &contender{name: name, address: c.address, child: c,
			books: newBooks(rand.Text(), "ceiling", b.accounts)})
	}
	return nil
}

// sample is what our server answers to a debit and to a read.
func (c *contender) sample(ctx context.Context) (debit, balance string, err error) {
	var debited, read json.RawMessage
	err = c.client().do(ctx, http.MethodPost, c.books.paths[0]+"/debits", c.books.run+"-sample",
		json.RawMessage(c.books.debitBody(0)), &debited)
	if err == nil {
		c.books.taken[0].Add(1)
		err = c.client().do(ctx, http.MethodGet, c.books.paths[0]+"/balances", "", nil, &read)
	}
	return string(debited), string(read), err
}

func (c *contender) client() *client {
	return &client{http: http.DefaultClient, base: "http://" + c.address,
		key: strings.TrimPrefix(c.books.bearer, "Bearer ")}
}

func (c *contender) usage() usage {
	if c.child == nil {
		return usage{}
	}
	used := c.child.usage()
	if c.log != nil {
		used = used.and(c.log.usage())
	}
	return used
}

// setupConnections are those of loads that are not measured.
const setupConnections = 64

// each runs a workload once for every account of some books.
func (c *contender) each(ctx context.Context, of *books, w workload) error {
	l := load{address: c.address, connections: setupConnections,
		requests: int64(len(of.paths)), work: w}
	_, err := l.run(ctx)
	return err
}

// setUp opens and fills the accounts, and takes down what they hold.
func (c *contender) setUp(ctx context.Context, of *books) error {
	for _, w := range []workload{of.open(), of.fill(), of.count(of.filled)} {
		if err := c.each(ctx, of, w); err != nil {
			return fmt.Errorf("set up the accounts: %w", err)
		}
	}
	return nil
}

// setUpShop makes a shop with all that its buyers need.
func (c *contender) setUpShop(ctx context.Context, accounts int) error {
	s := newShop(c.client().key, accounts)
	err := s.register(ctx, c.client())
	for _, of := range []*books{s.books, s.claimers} {
		if err == nil {
			err = c.setUp(ctx, of)
		}
	}
	work := []workload{s.givePoints()}
	for k := range saleCoupons {
		work = append(work, s.grant(openCampaign, k), s.grant(cappedCampaign, k))
	}
	for _, w := range work {
		if err == nil {
			err = c.each(ctx, s.books, w)
		}
	}
	c.shop = s
	return err
}

// prove holds the service to its answers.
func (c *contender) prove(ctx context.Context) (proofs []string, err error) {
	moved, err := c.books.prove(ctx, c.counting(c.books))
	if err != nil {
		return nil, err
	}
	proofs = []string{fmt.Sprintf("%s: %s moved = %d debits of %s", c.title(), moved,
		c.books.successes(), cents(c.books.price))}
	if c.shop != nil {
		sold, err := c.proveShop(ctx)
		return append(proofs, sold...), err
	}
	return proofs, nil
}

// counting reads the total of every account of some books.
func (c *contender) counting(of *books) func(context.Context, []domain.Money) error {
	return func(ctx context.Context, into []domain.Money) error {
		return c.each(ctx, of, of.count(into))
	}
}

// measurement is one run of a row.
type measurement struct {
	tally
	server, load usage // what they used meanwhile

	lag      int64         // events by which the read models were behind at the end
	caughtUp time.Duration // how long they took to be there
}

// measure runs a workload on the contender.
func (c *contender) measure(ctx context.Context, l *load) (measurement, error) {
	l.address = c.address
	server, self := c.usage(), usageOf(os.Getpid())
	t, err := l.run(ctx)
	return measurement{tally: t, server: c.usage().since(server),
		load: usageOf(os.Getpid()).since(self)}, err
}

func (c *contender) close() error {
	var failed []error
	for _, of := range []*child{c.child, c.log} {
		if of != nil {
			failed = append(failed, of.Close())
		}
	}
	return errors.Join(failed...)
}

// closeAll ends every server.
func (b *bench) closeAll() error {
	var all []error
	for _, c := range b.contenders {
		all = append(all, c.close())
	}
	return errors.Join(all...)
}

// catchUpTime bounds the wait for read models.
const catchUpTime = 10 * time.Minute
