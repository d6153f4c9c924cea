package api

import (
	"maps"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// soldUnder is what an account holds of lots that were sold under one name of terms.
type soldUnder struct {
	terms string
	lots  int
	units []unitSum // by unit
}

type unitSum struct {
	unit      string
	remaining domain.Quantity
}

// termsOf are the terms of an account's live lots, by name: they stay what they were when the lots were
// sold, whatever is published later.
func termsOf(v ledger.View) []*soldUnder {
	byName := map[string]*soldUnder{}
	for _, l := range v.Lots() {
		if l.Remaining.IsZero() {
			continue
		}
		if byName[l.Terms] == nil {
			byName[l.Terms] = &soldUnder{terms: l.Terms}
		}
		byName[l.Terms].add(unitSum{l.Unit, l.Remaining})
	}
	all := slices.Collect(maps.Values(byName))
	slices.SortFunc(all, func(a, b *soldUnder) int { return strings.Compare(a.terms, b.terms) })
	return all
}

func (s *soldUnder) add(lot unitSum) {
	s.lots++
	i, found := slices.BinarySearchFunc(s.units, lot.unit, func(sum unitSum, unit string) int {
		return strings.Compare(sum.unit, unit)
	})
	if found {
		s.units[i].remaining = s.units[i].remaining.Add(lot.remaining)
	} else {
		s.units = slices.Insert(s.units, i, lot)
	}
}

// programOf names the program that rules an account now.
func (c *call) programOf(v ledger.View) string { return c.s.Ledger.Program(v.ID(), v.At).Name() }

// getTerms answers the terms that an account's lots were sold under, with what they say in a language,
// or in all.
func getTerms(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.plain("program", c.programOf(v))
	o.open("data", '[')
	for _, sold := range termsOf(v) {
		o.begin('{')
		o.text("terms", sold.terms)
		o.integer("lots", int64(sold.lots))
		o.open("sums", '[')
		for _, sum := range sold.units {
			o.begin('{')
			o.plain("unit", sum.unit)
			o.quantity("remaining", sum.remaining)
			o.end('}')
		}
		o.end(']')
		o.soldTerms(c, sold.terms)
		o.end('}')
	}
	o.page("", v.Position)
	return c.ok(o)
}

// soldTerms writes what terms of that name are; nothing of terms that a top-up named itself.
func (o *out) soldTerms(c *call, name string) {
	p, known := c.s.Ledger.NamedProgram(name)
	if !known {
		o.null("rules")
		o.open("terms_text", '{')
		o.end('}')
		return
	}
	o.json("rules", p.Terms)
	o.open("terms_text", '{')
	for _, tag := range spoken(p.TermsText, c.Query("language")) {
		o.text(tag, p.TermsText[tag])
	}
	o.end('}')
}

// spoken are the languages, of those a text is in, that answer to one that is asked for: that itself or
// the next more general one that there is (RFC 4647, 3.4), else its more special ones; all where none
// is asked for.
func spoken(texts map[string]string, asked string) []string {
	all := slices.Sorted(maps.Keys(texts))
	if asked == "" {
		return all
	}
	for want := asked; want != ""; want = want[:max(0, strings.LastIndexByte(want, '-'))] {
		for _, tag := range all {
			if strings.EqualFold(tag, want) {
				return []string{tag}
			}
		}
	}
	return slices.DeleteFunc(all, func(tag string) bool {
		return !strings.HasPrefix(strings.ToLower(tag), strings.ToLower(asked)+"-")
	})
}
