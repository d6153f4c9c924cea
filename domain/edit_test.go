package domain

import "testing"

// A lot that accounts share is copied before it changes, one that is an account's own is not.
func TestEdit(t *testing.T) {
	id := newID(1, Seed{1}, 1)
	edit := func(a *Account) *Lot {
		l, err := a.edit(id)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	a := NewAccount(newID(0, Seed{1}, 0))
	a.lots = []*Lot{{LotOpened: LotOpened{ID: id}}}
	first := a.Clone()
	own := edit(first)
	if edit(first) != own || first.lot(id) != own {
		t.Error("got another copy at the second edit, want the first one")
	}
	for name, l := range map[string]*Lot{"its clone": edit(first.Clone()), "its sibling": edit(a.Clone())} {
		if l == own {
			t.Errorf("got a clone's own lot in %s, want a copy", name)
		}
	}
	if a.lot(id) == own || first.lot(id) != own {
		t.Error("got the lots of the clones in the accounts that they were cloned from, want their own")
	}
}
