package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// day are items of a few accounts, in each account's order, some of which are refused.
func day(random *rand.Rand) [][]string {
	var all [][]string
	for a := range 5 {
		ref := fmt.Sprintf("C-%d", a)
		n := 0
		item := func(operation, rest string) string {
			n++
			return fmt.Sprintf(`{"key":"%d","operation":"%s","customer_ref":"%s"%s}`, n, operation, ref, rest)
		}
		amount := func(most int) string { return fmt.Sprintf(`,"amount":%s`, cny(fmt.Sprint(1+random.IntN(most)))) }
		items := []string{item("open", ""), item("top_up", amount(100))}
		for range 40 {
			switch random.IntN(7) {
			case 0:
				items = append(items, item("top_up", amount(30)))
			case 1:
				items = append(items, item("hold", amount(20)))
			case 2:
				items = append(items, item("freeze", `,"modes":["debit"],"reason":"r"`))
			case 3:
				items = append(items, item("unfreeze", `,"reason":"r"`))
			case 4:
				items = append(items, item("debit", `,"amount":{"amount":"0.001","unit":"CNY"}`))
			default:
				items = append(items, item("debit", amount(40)))
			}
		}
		all = append(all, items)
	}
	return all
}

// mixed are all items, one account's in their order, between those of the others in any.
func mixed(accounts [][]string, random *rand.Rand) []string {
	left := slices.Clone(accounts)
	var all []string
	for len(left) > 0 {
		i := random.IntN(len(left))
		all = append(all, left[i][0])
		if left[i] = left[i][1:]; len(left[i]) == 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return all
}

// result is what an item was answered with.
type result struct {
	Index, Status int
	Replayed      bool
	Body          struct{ Code string }
}

// sendAll sends items in one request.
func (s *shop) sendAll(items []string, lines bool) []result {
	s.Helper()
	body, kind := "["+strings.Join(items, ",")+"]", "application/json"
	if lines {
		body, kind = strings.Join(items, "\n"), "application/x-ndjson"
	}
	text := s.ask(admin, "POST", "/v1/bulk", body).with("Content-Type", kind).send().is(200).text
	if lines {
		text = "[" + strings.ReplaceAll(strings.TrimSpace(text), "\n", ",") + "]"
	}
	var results []result
	if err := json.Unmarshal([]byte(text), &results); err != nil {
		s.Fatal(err)
	}
	if len(results) != len(items) {
		s.Fatalf("got %d results of %d items", len(results), len(items))
	}
	return results
}

// books are every account's events: what is the same however they came to be.
func (s *shop) books() map[string][]string {
	s.Helper()
	all := map[string][]string{}
	for e, err := range s.store.ReadAll(context.Background(), 0, "account-") {
		if err != nil {
			s.Fatal(err)
		}
		var data struct {
			Amount  any
			Code    string
			Balance struct{ Total, Available, Held string }
			Modes   any
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			s.Fatal(err)
		}
		all[e.Stream] = append(all[e.Stream], fmt.Sprintf("%d %s %+v", e.Revision, e.Type, data))
	}
	return all
}

// TestBulkSame: a bulk request that is split, whose accounts' items are mixed otherwise, or that is an
// array or a stream, has the same results and leaves the same books.
func TestBulkSame(t *testing.T) {
	for seed := range uint64(4) {
		accounts := day(rand.New(rand.NewPCG(seed, 1)))
		var want map[string]result
		var books map[string][]string
		for way := range uint64(3) {
			random := rand.New(rand.NewPCG(seed, 10+way))
			s := openWithAdmin(t)
			got := map[string]result{}
			for items := mixed(accounts, random); len(items) > 0; {
				n := len(items)
				if way > 0 {
					n = 1 + random.IntN(len(items))
				}
				for i, r := range s.sendAll(items[:n], way == 1) {
					if r.Index != i {
						t.Fatalf("got index %d, want %d", r.Index, i)
					}
					r.Index = 0
					got[items[i]] = r
				}
				items = items[n:]
			}
			if way == 0 {
				want, books = got, s.books()
			}
			for item, r := range got {
				if r != want[item] {
					t.Errorf("seed %d, way %d: %s: got %+v, want %+v", seed, way, item, r, want[item])
				}
			}
			sameBooks(t, s.books(), books)
		}
	}
}

func sameBooks(t *testing.T, got, want map[string][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %d accounts, want %d", len(got), len(want))
	}
	for stream, events := range want {
		if !slices.Equal(got[stream], events) {
			t.Errorf("%s: got\n%s\nwant\n%s", stream, strings.Join(got[stream], "\n"), strings.Join(events, "\n"))
		}
	}
}

// TestBulkCut: a stream whose connection is cut in the middle, again and again, and is sent again with
// the same keys, ends in the same state as one that was not cut.
func TestBulkCut(t *testing.T) {
	items := mixed(day(rand.New(rand.NewPCG(1, 1))), rand.New(rand.NewPCG(1, 2)))
	whole := openWithAdmin(t)
	want := whole.sendAll(items, true)
	s := openWithAdmin(t)
	for _, after := range []int{0, 3, 50, 120} {
		s.cut(items, after)
	}
	got := s.sendAll(items, true)
	for i := range got {
		if got[i].Replayed = want[i].Replayed; got[i] != want[i] {
			t.Errorf("%s: got %+v, want %+v", items[i], got[i], want[i])
		}
	}
	sameBooks(t, s.books(), whole.books())
	if again := s.sendAll(items[:2], true); !again[0].Replayed {
		t.Errorf("got %+v of a repeat", again[0])
	}
}

// cut sends items one by one, and cuts the connection after some results.
func (s *shop) cut(items []string, after int) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	body, to := io.Pipe()
	defer body.Close()
	go func() {
		for _, item := range items {
			if _, err := io.WriteString(to, item+"\n"); err != nil {
				return // cut
			}
		}
		<-ctx.Done() // the end never comes
		_ = to.CloseWithError(ctx.Err())
	}()
	a := s.ask(admin, "POST", "/v1/bulk", "").with("Content-Type", "application/x-ndjson")
	req, err := http.NewRequestWithContext(ctx, "POST", a.URL.String(), body)
	if err != nil {
		s.Fatal(err)
	}
	req.Header = a.Header
	res, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for range after {
		if !lines.Scan() {
			s.Fatalf("it ended before it was cut: %v", lines.Err())
		}
	}
}

// TestBulkFailsAlone: between items that are refused in every way, those that are not are as if the
// others were not there.
func TestBulkFailsAlone(t *testing.T) {
	s := openWithAdmin(t)
	s.account("C-1", "100")
	bad := []string{`nonsense`, `{}`, `[]`, `{"key":"b","operation":"nope"}`,
		`{"key":"b","operation":"debit","customer_ref":"C-1","amount":` + cny("1000") + `}`,
		`{"key":"b2","operation":"debit","customer_ref":"C-9","amount":` + cny("1") + `}`,
		`{"key":"b3","operation":"debit","customer_ref":"C-1","amount":` + cny("x") + `}`}
	var items []string
	for i, b := range bad {
		items = append(items, b, fmt.Sprintf(`{"key":"g%d","operation":"debit","customer_ref":"C-1","amount":%s}`,
			i, cny("1")))
	}
	for i, r := range s.sendAll(items, true) {
		if good := i%2 == 1; (r.Status == 201) != good || r.Index != i {
			t.Errorf("%s: got %+v", items[i], r)
		}
	}
	s.get("/v1/accounts/" + domain.AccountID("C-1").String() + "/balances").is(200).
		has(fields{"balances.0.total": fmt.Sprintf("%d.00", 100-len(bad))})
}
