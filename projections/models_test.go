package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// busyShop is a log with one of everything.
func busyShop(t testing.TB, store eventstore.Store) (*shop, uuid.UUID) {
	s := newShop(t, store)
	s.register(domain.SetStore{Store: domain.Store{ID: "S1", Name: "First", Zone: "Asia/Shanghai",
		DayCut: "04:00", Status: "open"}})
	s.register(domain.SetStore{Store: domain.Store{ID: "S1", Name: "First, moved",
		Zone: "Asia/Shanghai", DayCut: "04:00", Status: "open"}})
	id := s.account("C-1001")
	s.must(id, topUp("100.00", "30.00"), till("S1", "1"))
	debit := s.must(id, domain.Debit{Amount: yuan("12.50")}, till("S1", "2"))
	s.must(id, domain.Refund{DebitID: debit[0].Metadata.EventID, Amount: yuan("2.50")},
		till("S1", "3"))
	s.must(id, domain.Debit{Amount: yuan("20.00")}, till("S2", "4"))
	s.must(id, domain.Cancel{}, till("S2", "4"))
	hold := s.must(id, domain.PlaceHold{Amount: yuan("10.00"), TTLSeconds: 600}, till("S1", "5"))
	s.must(id, domain.CaptureHold{HoldID: hold[0].Metadata.EventID, Amount: yuan("4.00"), Final: true},
		till("S1", "6"))
	s.must(id, domain.PlaceHold{Amount: yuan("9.00"), TTLSeconds: 600}, till("S1", "7"))
	if _, err := s.do(id, domain.Debit{Amount: yuan("5000.00")}, till("S1", "8")); err == nil {
		t.Fatal("got a debit of 5000.00, want a decline")
	}
	s.must(id, domain.Cancel{}, till("S1", "9"))
	s.must(id, domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeDebit}, Reason: "lost"},
		domain.Context{})
	other := s.account("C-1002")
	s.must(other, topUp("50.00", ""), till("S1", "10"))
	return s, id
}

// dump is every row of every table, for comparison.
func dump(t testing.TB, m *Models) string {
	t.Helper()
	var b strings.Builder
	for _, table := range []string{"history", "accounts", "balances", "lots", "holds", "stores",
		"operations", "audit", "purchases", "segments"} {
		_, err := m.view(context.Background(), func(q querier) error {
			return dumpTable(&b, q, table)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func dumpTable(b *strings.Builder, q querier, table string) error {
	rows, err := q.QueryContext(context.Background(), "SELECT * FROM "+table+" ORDER BY 1, 2")
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	texts, to := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range texts {
		to[i] = &texts[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		fmt.Fprintln(b, table, texts)
	}
	return rows.Err()
}

// outside is a connection to the tables that serve, beside the follower's.
func outside(t testing.TB, m *Models) *sql.DB {
	t.Helper()
	if m.current.postgres {
		return m.current.write
	}
	db, err := sql.Open("sqlite", sourceOf(m.current.name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// edit runs SQL on the file that serves, behind the follower's back.
func edit(t testing.TB, m *Models, query string, args ...any) {
	t.Helper()
	if _, err := outside(t, m).Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

func clean(t testing.TB, m *Models) {
	t.Helper()
	report, err := Check(context.Background(), opened(m.store), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Clean() {
		t.Errorf("got %d differences, want none; the first: %+v", report.Count, report.Differences[0])
	}
}

// cutStore is a store that closes under its follower after some events, or at the log's end.
type cutStore struct {
	eventstore.Store
	after int
}

func (c cutStore) Follow(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		left := c.after
		for e, err := range c.Store.ReadAll(ctx, after, prefixes...) {
			if err != nil || left == 0 {
				break
			}
			left--
			// After each "caught up": many transactions.
			if !yield([]eventstore.Recorded{e}, nil) || !yield(nil, nil) {
				return
			}
		}
		yield(nil, eventstore.ErrClosed)
	}
}

func TestFollowerGoesOnAfterRestart(t *testing.T) {
	store, folder := memory(t), placetest.Place(t)
	s, id := busyShop(t, store)
	whole := open(t, placetest.Place(t), store, Options{})
	head, err := store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for {
		m, err := Open(t.Context(), folder, cutStore{store, 3}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		m.follower.wait()
		at := m.Position()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if at == head {
			break
		}
	}
	m := open(t, folder, store, Options{})
	if got, want := dump(t, m), dump(t, whole); got != want {
		t.Errorf("got tables\n%s\nwant\n%s", got, want)
	}
	s.must(id, topUp("1.00", ""), till("S3", "11"))
	wait(t, m)
	clean(t, m)
}

func (f *follower) wait() { <-f.done }

func TestFollowerUnderConcurrentAppends(t *testing.T) {
	store := memory(t)
	m := open(t, placetest.Place(t), store, Options{})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			s := newShop(t, store)
			s.seed = uint64(w) << 40
			for i := range 5 {
				id := s.account(fmt.Sprintf("C-%d-%d", w, i))
				s.must(id, topUp("100.00", "10.00"), till("S1", "1"))
				for n := range 10 {
					s.must(id, domain.Debit{Amount: yuan("3.33")}, till("S1", fmt.Sprint(n)))
				}
			}
		})
	}
	all.Wait()
	wait(t, m)
	infos, err := m.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := infos[0].Rows, int64(4*5*12); got != want || infos[0].State != Live {
		t.Errorf("got %d rows of history, %s, want %d, live", got, infos[0].State, want)
	}
	clean(t, m)
}

func TestCheckpointOfAnotherLogIsRebuiltBeside(t *testing.T) {
	folder, first := placetest.Place(t), memory(t)
	busyShop(t, first)
	m := open(t, folder, first, Options{})
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	second := memory(t)
	s := newShop(t, second)
	s.seed = 1 << 50
	for i := range 30 {
		s.account(fmt.Sprintf("D-%d", i))
	}
	var log lockedText
	m = open(t, folder, second, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	page, err := m.Accounts(t.Context(), AccountFilter{}, Paging{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Data) != 30 {
		t.Errorf("got %d accounts, want the 30 of the second log", len(page.Data))
	}
	if !strings.Contains(log.String(), "does not hold the event of their checkpoint") {
		t.Errorf("the log does not say why: %s", log.String())
	}
	clean(t, m)
}

// TestAnotherLogsRowsAreNotShown asks while the read models of another log are being built anew.
func TestAnotherLogsRowsAreNotShown(t *testing.T) {
	folder, first := placetest.Place(t), memory(t)
	busyShop(t, first)
	if err := open(t, folder, first, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	second := &gated{memory(t), make(chan struct{})}
	newShop(t, second.Store).account("D-1")
	m, err := Open(t.Context(), folder, second, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if page, err := m.Accounts(t.Context(), AccountFilter{}, Paging{}); !errors.Is(err, ErrStale) {
		t.Errorf("accounts: got %v, %v, want ErrStale", page.Data, err)
	}
	if infos, err := m.List(t.Context()); err != nil || infos[0].State != Stale || infos[0].Position != 0 {
		t.Errorf("projections: got %v, %v, want stale ones", infos, err)
	}
	close(second.gate)
	wait(t, m)
	if page, err := m.Accounts(t.Context(), AccountFilter{}, Paging{}); err != nil || len(page.Data) != 1 {
		t.Errorf("accounts afterwards: got %v, %v, want one", page.Data, err)
	}
}

// gated is a store that nobody can scan until its gate opens.
type gated struct {
	eventstore.Store
	gate chan struct{}
}

func (g *gated) ReadAll(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[eventstore.Recorded, error] {
	<-g.gate
	return g.Store.ReadAll(ctx, after, prefixes...)
}

func (g *gated) Follow(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[[]eventstore.Recorded, error] {
	<-g.gate
	return g.Store.Follow(ctx, after, prefixes...)
}

// lockedText is text that goroutines write.
type lockedText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestRebuildWhileServing(t *testing.T) {
	store, folder := memory(t), placetest.Place(t)
	s, id := busyShop(t, store)
	m := open(t, folder, store, Options{})
	before := dump(t, m)
	var last Progress
	if err := m.Rebuild(t.Context(), func(p Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, m); got != before {
		t.Errorf("got tables\n%s\nwant\n%s", got, before)
	}
	if last.Events != 17 || last.Position != last.Head {
		t.Errorf("got progress %+v, want 17 events, up to the head", last)
	}
	s.must(id, topUp("1.00", ""), till("S3", "11"))
	wait(t, m)
	clean(t, m)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	shelf, err := shelfAt(folder, Builtin())
	if err != nil {
		t.Fatal(err)
	}
	defer shelf.close()
	if left, err := shelf.generations(t.Context()); err != nil || len(left) != 1 || left[0] != 2 {
		t.Errorf("got generations %v, %v, want the new one alone", left, err)
	}
	if err := open(t, folder, store, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFailedRebuildLeavesTheOld(t *testing.T) {
	store := memory(t)
	s, id := busyShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	if err := m.Rebuild(ctx, func(Progress) { cancel() }); err == nil {
		t.Error("got a rebuild although its context ended")
	}
	s.must(id, topUp("1.00", ""), till("S3", "11"))
	wait(t, m)
	clean(t, m)
}

func TestDamagedEventStopsNobody(t *testing.T) {
	store := memory(t)
	s, id := busyShop(t, store)
	foreign := domain.AccountStream(domain.AccountID("nobody"))
	for i, e := range []eventstore.Event{
		{Type: "SomethingElse", Data: []byte(`{}`), Metadata: []byte(`{}`)},
		{Type: "DebitPosted", Data: []byte(`{"amount":`), Metadata: []byte(`{}`)},
		{Type: "AccountOpened", Data: []byte(`{}`), Metadata: []byte(`{"schema":2}`)},
	} {
		e.ID = uuid.UUID{15: byte(i + 1)}
		_, err := store.Append(t.Context(), foreign, eventstore.Revision(i-1), []eventstore.Event{e})
		if err != nil {
			t.Fatal(err)
		}
	}
	var count []string
	m := open(t, placetest.Place(t), store, Options{Damaged: func(stream string, r eventstore.Revision) {
		count = append(count, fmt.Sprint(stream, r))
	}})
	s.must(id, topUp("1.00", ""), till("S3", "11"))
	wait(t, m)
	page, err := m.Damaged(t.Context(), Paging{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{foreign + "0", foreign + "1", foreign + "2"}
	if !slices.Equal(count, want) || len(page.Data) != 3 {
		t.Errorf("got %v counted and %d listed, want %v", count, len(page.Data), want)
	}
	if page.AsOf == eventstore.Start {
		t.Error("got a page without a position")
	}
}

func TestReadOnlyBesideTheFollower(t *testing.T) {
	store, folder := memory(t), placetest.Place(t)
	if _, err := Open(t.Context(), folder, store, Options{ReadOnly: true}); err == nil {
		t.Error("got models out of an empty folder, want ErrNone")
	}
	busyShop(t, store)
	m := open(t, folder, store, Options{})
	reader := open(t, folder, store, Options{ReadOnly: true})
	if got, want := dump(t, reader), dump(t, m); got != want {
		t.Errorf("got tables\n%s\nwant\n%s", got, want)
	}
	clean(t, reader)
	if err := reader.Rebuild(t.Context(), nil); err == nil {
		t.Error("got a rebuild by a reader")
	}
}

// TestRebuildForgetsRows rebuilds with less memory than the log has rows.
func TestRebuildForgetsRows(t *testing.T) {
	store, folder := memory(t), placetest.Place(t)
	busyShop(t, store)
	shelf, err := shelfAt(folder, Builtin())
	if err != nil {
		t.Fatal(err)
	}
	d, err := shelf.open(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBuilder(t.Context(), d, store, 2, leadAlone)
	if err != nil {
		t.Fatal(err)
	}
	b.tx.most = 3
	b.onCommit = func(Commit) {}
	b.onCaughtUp = func() error { return errEnough }
	if err := b.rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.serve(t.Context(), b.conn), b.close(), d.close(), shelf.close()); err != nil {
		t.Fatal(err)
	}
	clean(t, open(t, folder, store, Options{}))
}

// TestFilesAreTheOwnersAlone looks at a file and those beside it, as made and as rebuilt, in a folder
// that everybody can read.
func TestFilesAreTheOwnersAlone(t *testing.T) {
	store, folder := memory(t), t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	busyShop(t, store)
	m := open(t, folder, store, Options{})
	for range 2 {
		for _, end := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(m.current.name + end)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != fileMode {
				t.Errorf("%s: got mode %s, want -rw-------", info.Name(), info.Mode())
			}
		}
		if err := m.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
}
