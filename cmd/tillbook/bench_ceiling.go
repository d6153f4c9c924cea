package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/gofiber/fiber/v2"
	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/domain"
)

// ceiling is a server that does only what no server of debits can do without: it answers the same
// JSON, and where it has a folder it makes each debit's bytes durable first, in a synced batch of
// the request's own, which Pebble commits with its neighbours'.
type ceiling struct {
	data           string // no folder, no storage
	diskSync       time.Duration
	debit, balance string // answers
	db             *pebble.DB
	records        [][]byte // a stock of debits' stored bytes
	position       atomic.Uint64
}

// newCeiling is a verb of the bench's children.
func newCeiling() *cobra.Command {
	var c ceiling
	cmd := &cobra.Command{
		Use: "ceiling", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context()) },
	}
	cmd.Flags().StringVar(&c.data, "data", "", "folder of the batches; none stores nothing")
	cmd.Flags().DurationVar(&c.diskSync, "disk-sync", 0, "how long a sync of its disk lasts at least")
	cmd.Flags().StringVar(&c.debit, "debit", "{}", "answer to a debit")
	cmd.Flags().StringVar(&c.balance, "balance", "{}", "answer to a read")
	return cmd
}

func (c *ceiling) serve(ctx context.Context) error {
	if c.data != "" {
		if err := c.open(); err != nil {
			return err
		}
		defer c.db.Close()
	}
	app := fiber.New(fiber.Config{ // as api has it
		Immutable: true, StrictRouting: true, CaseSensitive: true,
		DisableStartupMessage: true, StreamRequestBody: true, ReadBufferSize: 16 << 10,
		ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	})
	app.Get("/v1/accounts/:id/balances", func(f *fiber.Ctx) error {
		return answerJSON(f, fiber.StatusOK, c.balance)
	})
	app.Post("/v1/accounts/:id/debits", func(f *fiber.Ctx) error {
		if err := c.commit(); err != nil {
			return err
		}
		return answerJSON(f, fiber.StatusCreated, c.debit)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ceiling on http://%s\n", listener.Addr())
	defer context.AfterFunc(ctx, func() { _ = app.Shutdown() })()
	return app.Listener(listener)
}

func answerJSON(f *fiber.Ctx, status int, text string) error {
	f.Status(status).Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return f.SendString(text)
}

// open opens Pebble as eventstore/embedded does, as far as a plain batch needs it: the same memory,
// blocks, compression and sync. A batch holds one key with a debit's data and metadata; it has
// neither the index nor the checksum, ids and names that the store keeps beside them.
func (c *ceiling) open() (err error) {
	if c.records, err = debitRecords(1024); err != nil {
		return err
	}
	options := &pebble.Options{FS: slowDisk(c.diskSync),
		MemTableSize: 64 << 20, MemTableStopWritesThreshold: 4,
		L0CompactionThreshold: 4, L0StopWritesThreshold: 40, LBaseMaxBytes: 64 << 20,
		CacheSize: 64 << 20, Logger: silence{}}
	for i := range options.Levels {
		options.Levels[i].BlockSize = 16 << 10
		options.Levels[i].Compression = func() *sstable.CompressionProfile {
			return sstable.FastestCompression
		}
	}
	c.db, err = pebble.Open(c.data, options)
	return err
}

// commit returns when the bytes of one debit are on disk.
func (c *ceiling) commit() error {
	if c.db == nil {
		return nil
	}
	batch := c.db.NewBatch()
	position := c.position.Add(1)
	key := binary.BigEndian.AppendUint64([]byte{'l'}, position)
	record := c.records[position%uint64(len(c.records))]
	return errors.Join(batch.Set(key, record, nil), batch.Commit(pebble.Sync), batch.Close())
}

// silence drops Pebble's words.
type silence struct{}

func (silence) Infof(string, ...any)      {}
func (silence) Errorf(string, ...any)     {}
func (silence) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// debitRecords are what the ledger would store of so many debits of this bench: data and metadata
// together, each with ids, key, reference and times of its own.
func debitRecords(n int) ([][]byte, error) {
	account := domain.NewAccount(domain.AccountID("ceiling"))
	decide := func(c domain.Command, serial int) (p domain.Posted, err error) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		m := domain.Moment{Recorded: now, Decided: now, Actor: domain.AccountID("a key").String(),
			Role: string(domain.RoleAdmin), IdempotencyKey: "ceiling-" + strconv.Itoa(serial),
			Context: domain.Context{Store: "S1", Terminal: "T1",
				PosTxnID: "ceiling-" + strconv.Itoa(serial)},
			Place: domain.UnregisteredStore("S1"),
		}
		_, _ = rand.Read(m.Seed[:])
		posted, next, err := domain.Decide(account, c, m)
		if err != nil {
			return p, err
		}
		account = next
		return posted[0], nil
	}
	_, err := decide(domain.OpenAccount{CustomerRef: "ceiling"}, 0)
	if err == nil {
		_, err = decide(domain.TopUp{Amount: benchFill, TopUpTerms: domain.DefaultTerms()}, 0)
	}
	var records [][]byte
	for serial := 1; serial <= n && err == nil; serial++ {
		var p domain.Posted
		if p, err = decide(domain.Debit{Amount: cents(1)}, serial); err != nil {
			break
		}
		_, data, metadata, encoding := domain.Encode(p)
		records, err = append(records, append(data, metadata...)), encoding
	}
	return records, err
}
