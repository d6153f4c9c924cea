package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// A visit is one request of the demo: who asks, the name its answer is kept under, and what is asked.
// In path and body {name.field} stands for a part of an earlier answer, {name.field.0.field} for one
// further down. A refusal, such as the declined debit, is named by its code.
type visit struct {
	who           domain.Role
	name          string
	request, body string // "POST /v1/accounts" and JSON
	refused       string // the code that it is to be answered with; "" for success
}

// allVisits are the whole shop, in its order.
func allVisits() []visit { return slices.Concat(demoVisits, demoVouchers, demoEnd) }

// loadShop fills an empty ledger, over HTTP as anybody would. Every request has a key of its own, so a
// load that was cut off goes on where it was; a folder with other data is left alone.
func (s *service) loadShop(ctx context.Context) error {
	head, err := s.ledger.Head(ctx)
	if err != nil {
		return err
	}
	last := domain.Reference{Store: "S1", Terminal: "T1", PosTxnID: demoLast, Leg: "1"}
	found, err := s.ledger.Operations(ctx, domain.AccountID(demoCustomer), last)
	switch {
	case err == nil && len(found) > 0: // it came to its end before
		return nil
	case head > 0 && errors.Is(err, domain.ErrNotFound): // somebody else's data
		return nil
	case err != nil && !errors.Is(err, domain.ErrNotFound):
		return err
	}
	clock := map[string]any{"earlier": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
		"later": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
	shop := &demoShop{base: "http://" + s.address(), answers: map[string]any{"clock": clock},
		clients: map[domain.Role]*client{}}
	if err := s.demoStaff(ctx, shop); err != nil {
		return err
	}
	for i, v := range allVisits() {
		if err := shop.visit(ctx, fmt.Sprintf("demo-%d", i+1), v); err != nil {
			return fmt.Errorf("%s: %w", v.request, err)
		}
	}
	return s.revokeDemo(ctx)
}

// demoStaff gives everybody who asks something in the demo a key.
func (s *service) demoStaff(ctx context.Context, shop *demoShop) error {
	for _, v := range allVisits() {
		if shop.clients[v.who] != nil {
			continue
		}
		key, err := s.newKey(ctx, demoKeys+string(v.who), v.who)
		if err != nil {
			return err
		}
		shop.clients[v.who] = &client{http: http.DefaultClient, base: shop.base, key: key}
	}
	return nil
}

// revokeDemo ends the keys of the demo, by their names.
func (s *service) revokeDemo(ctx context.Context) error {
	for _, k := range s.ledger.Keys() {
		if !strings.HasPrefix(k.Name, demoKeys) || !k.RevokedAt.IsZero() {
			continue
		}
		_, err := s.ledger.Register(ctx, ledger.Registering{
			Registration: domain.RevokeKey{ID: k.ID}, Caller: caller,
		})
		if err != nil {
			return fmt.Errorf("revoke key %s: %w", k.ID, err)
		}
	}
	return nil
}

// demoShop is what the demo's requests share.
type demoShop struct {
	base    string
	clients map[domain.Role]*client
	answers map[string]any // by the visit's name
}

// visit asks one request and keeps its answer.
func (d *demoShop) visit(ctx context.Context, key string, v visit) error {
	method, path, _ := strings.Cut(v.request, " ")
	path, err := d.fill(path)
	if err != nil {
		return err
	}
	body, err := d.fill(v.body)
	if err != nil {
		return err
	}
	var content any
	if body != "" {
		content = json.RawMessage(body)
	}
	var answer any
	err = d.clients[v.who].do(ctx, method, path, key, content, &answer)
	if v.refused != "" {
		if err == nil || !strings.HasPrefix(err.Error(), v.refused+":") {
			return fmt.Errorf("got %v, want %s", err, v.refused)
		}
		return nil
	}
	d.answers[v.name] = answer
	return err
}

var blank = regexp.MustCompile(`\{[a-z]+(\.[a-z0-9_]+)+\}`)

// fill puts parts of earlier answers into a text.
func (d *demoShop) fill(text string) (string, error) {
	var missing error
	filled := blank.ReplaceAllStringFunc(text, func(name string) string {
		parts := strings.Split(strings.Trim(name, "{}"), ".")
		value := d.answers[parts[0]]
		for _, part := range parts[1:] {
			value = below(value, part)
		}
		if value == nil {
			missing = fmt.Errorf("%s is not in the answers", name)
		}
		return fmt.Sprint(value)
	})
	return filled, missing
}

// below is a member of an object, or an element of a list, by its name or number; nil if there is none.
func below(value any, part string) any {
	switch value := value.(type) {
	case map[string]any:
		return value[part]
	case []any:
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(value) {
			return value[i]
		}
	}
	return nil
}
