package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/esdb"
)

// location names where a log is: a data folder, an NDJSON file (- is standard input or output), or
// the address of an EventStoreDB.
type location string

const locationHelp = "a data folder, a file named *.ndjson, - or an address esdb://…"

// String is the location as it may be shown.
func (l location) String() string {
	if l.isServer() {
		return withoutSecrets(string(l))
	}
	return string(l)
}

func (l location) isFile() bool { return l == "-" || strings.HasSuffix(string(l), ".ndjson") }

func (l location) isServer() bool { return isESDB(string(l)) }

// prefixes begin the streams of a location that are the ledger's to see; none are all. A folder and
// a file hold nothing but one ledger's log. An EventStoreDB may be shared with others.
func (l location) prefixes() []string {
	if l.isServer() {
		return domain.Prefixes
	}
	return nil
}

// check refuses what names no location.
func (l location) check(flag string) error {
	if scheme, _, ok := strings.Cut(string(l), "://"); l == "" || ok && !l.isServer() {
		return fmt.Errorf("%s %s: want %s", flag, scheme, locationHelp)
	}
	return nil
}

// same reports that two locations are one.
func (l location) same(other location) bool {
	if l.isServer() || other.isServer() || l == "-" {
		return l == other && l != "-"
	}
	a, errA := filepath.Abs(string(l))
	b, errB := filepath.Abs(string(other))
	return errA == nil && errB == nil && a == b
}

// open opens the log of a folder or a server, to be read or to be written. A folder is opened for
// this process alone or, to be read beside a running service, as a checkpoint of it. The function
// returned closes it.
func (l location) open(ctx context.Context, toWrite bool) (
	eventstore.Store, func() error, error) {
	switch {
	case l.isServer():
		store, err := openESDB(ctx, string(l), esdb.Options{})
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	case !toWrite:
		store, done, err := openForReading(ctx, place{data: string(l)})
		return store, func() error { done(); return nil }, err
	}
	lock, err := lockData(string(l))
	if err != nil {
		return nil, nil, err
	}
	store, err := openLog(string(l), embedded.Options{})
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	return store, func() error { return errors.Join(store.Close(), lock.Close()) }, nil
}
