package api

import (
	"context"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// seenStores bounds the stores that are read from the read model: anyone who posts may name one.
const seenStores = 10_000

// seen are the registered stores, which are in memory, and those that posts have named, which the
// read model knows, by id; and up to where in the log. Without read models they are the registered
// ones.
func (c *call) seen() ([]domain.Store, eventstore.Position, error) {
	if c.s.Models == nil && c.Query("min_position") == "" {
		at, err := c.caughtUp()
		return c.s.Ledger.Stores(), at, err
	}
	if err := c.modelled(); err != nil {
		return nil, 0, err
	}
	if _, err := c.caughtUp(); err != nil {
		return nil, 0, err
	}
	all := c.s.Ledger.Stores()
	known := map[string]bool{}
	for _, s := range all {
		known[s.ID] = true
	}
	paging := projections.Paging{Limit: projections.MaxLimit}
	for read := 0; ; {
		page, err := c.s.Models.Stores(context.Background(), paging)
		if err != nil {
			return nil, 0, err
		}
		for _, s := range page.Data {
			if known[s.ID] {
				continue
			}
			if !s.Registered {
				s.Store = domain.UnregisteredStore(s.ID)
			}
			all = append(all, s.Store)
		}
		read += len(page.Data)
		if paging.Cursor = page.Next; paging.Cursor == "" || read >= seenStores {
			slices.SortFunc(all, func(a, b domain.Store) int { return strings.Compare(a.ID, b.ID) })
			return all, page.AsOf, nil
		}
	}
}

func listStores(c *call) error {
	all, at, err := c.seen()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, s := range all {
		o.begin('{')
		o.store(s)
		o.end('}')
	}
	o.page("", at)
	return c.ok(o)
}

// getStore answers a registered store from memory, another one if a post has named it.
func getStore(c *call) error {
	id := c.Params("store_id")
	is := func(s domain.Store) bool { return s.ID == id }
	if _, err := c.caughtUp(); err != nil {
		return err
	}
	all := c.s.Ledger.Stores()
	i := slices.IndexFunc(all, is)
	if i < 0 {
		var err error
		if all, _, err = c.seen(); err != nil {
			return err
		}
		i = slices.IndexFunc(all, is)
	}
	if i < 0 {
		return domain.ErrNotFound.Because("there is no such store")
	}
	o := c.out()
	o.begin('{')
	o.store(all[i])
	o.end('}')
	return c.ok(o)
}
