package webhooks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
)

// endpoint is a webhook that runs: fill takes events from the log into the file, send from the file to
// the receiver.
type endpoint struct {
	s       *Sender
	hook    domain.Webhook
	keys    []signer
	stop    context.CancelFunc
	done    sync.WaitGroup
	at      atomic.Uint64 // the position up to which the log was looked at
	wake    chan struct{} // something may be due
	settled chan struct{} // there may be room
	gone    atomic.Bool   // the receiver wants no more, and it is being paused
}

// How the two work.
const (
	skipMost  = 1_000                  // events looked at and not wanted before the cursor is kept
	runMost   = 32                     // deliveries of which the outcomes are kept together,
	runTime   = 200 * time.Millisecond // or as many as this takes
	idle      = time.Hour              // the longest wait where nothing wakes
	longPause = 30 * time.Second       // between tries to read the log or the file
)

func isActive(h ledger.Webhook) bool { return h.Status == domain.WebhookActive }

// Secretive reports that a stream is one that no webhook gets, and of the feeds the admins' alone:
// those of API keys, and of webhooks themselves.
func Secretive(stream string) bool {
	return strings.HasPrefix(stream, "key-") || strings.HasPrefix(stream, "webhook-")
}

// insist works until ctx ends; after a failure it goes on from what the file says.
func (e *endpoint) insist(ctx context.Context, what string, work func(context.Context) error) {
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = longPause
	try := func() (struct{}, error) {
		err := work(ctx)
		if ctx.Err() != nil {
			err = nil
		}
		return struct{}{}, err
	}
	tell := func(err error, again time.Duration) {
		e.s.opts.Logger.Error("webhook waits", "webhook", e.hook.ID, "part", what, "err", err,
			"again_in", again)
	}
	_, _ = backoff.Retry(ctx, try, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(tell))
}

// fill takes what is wanted from the log into the file, as far as there is room.
func (e *endpoint) fill(ctx context.Context) error {
	at, err := e.s.cursor(ctx, e.hook.ID)
	if err != nil {
		return err
	}
	e.at.Store(uint64(at))
	skipped := 0
	for batch, err := range e.s.ledger.Follow(ctx, at) {
		if err != nil {
			return err
		}
		for len(batch) > 0 {
			room, err := e.room(ctx)
			if err != nil {
				return err
			}
			wanted, looked := e.choose(batch, room)
			if skipped += looked; len(wanted) > 0 || skipped >= skipMost {
				if err := e.s.enqueue(ctx, e.hook.ID, wanted, batch[looked-1]); err != nil {
					return err
				}
				skipped = 0
				signal(e.wake)
			}
			e.at.Store(uint64(batch[looked-1].Position))
			batch = batch[looked:]
		}
	}
	return ctx.Err()
}

// choose is what is wanted of the batch's first events, room at most, and how many of the batch that
// is.
func (e *endpoint) choose(batch []eventstore.Recorded, room int) ([]eventstore.Recorded, int) {
	var wanted []eventstore.Recorded
	for i, r := range batch {
		if !Secretive(r.Stream) && e.hook.Wants(r.Stream, r.Type, r.Metadata) {
			if wanted = append(wanted, r); len(wanted) == room {
				return wanted, i + 1
			}
		}
	}
	return wanted, len(batch)
}

// room waits until a delivery more may be pending, and says how many may.
func (e *endpoint) room(ctx context.Context) (int, error) {
	for {
		pending, err := e.s.pending(ctx, e.hook.ID)
		if err != nil || pending < Window {
			return Window - pending, err
		}
		select {
		case <-e.settled:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// send delivers what is due, one after the other, the lowest sequence first.
func (e *endpoint) send(ctx context.Context) error {
	for ctx.Err() == nil {
		due, next, err := e.s.due(ctx, e.hook.ID, time.Now(), runMost)
		if err != nil {
			return err
		}
		if len(due) == 0 {
			wait(ctx, e.wake, next)
			continue
		}
		outcomes, gone := e.run(ctx, due)
		if err := e.s.settle(context.WithoutCancel(ctx), e.hook.ID, outcomes); err != nil {
			return err
		}
		signal(e.settled)
		if gone {
			return e.pause(ctx)
		}
	}
	return ctx.Err()
}

// run delivers for a while, and stops where the receiver is gone. What the end of ctx cuts off has no
// outcome: it is delivered again.
func (e *endpoint) run(ctx context.Context, due []Delivery) (outcomes []Delivery, gone bool) {
	began := time.Now()
	for _, d := range due {
		outcome := e.deliver(ctx, d)
		if ctx.Err() != nil && outcome.State != Done {
			return outcomes, false
		}
		outcomes = append(outcomes, outcome)
		if outcome.Status == http.StatusGone {
			return outcomes, true
		}
		if time.Since(began) > runTime {
			break
		}
	}
	return outcomes, false
}

// deliver makes one attempt and says what became of it.
func (e *endpoint) deliver(ctx context.Context, d Delivery) Delivery {
	event, err := e.s.event(ctx, d)
	if err == nil {
		d.Status, err = e.post(ctx, d, event)
	}
	now := time.Now()
	d.Attempts, d.SentAt, d.Error = d.Attempts+1, now, ""
	outcome := "failed"
	switch {
	case err == nil:
		d.State, outcome = Done, "done"
	case d.Status == http.StatusGone: // it comes first when the webhook goes on
		d.Attempts, d.DueAt, outcome = d.Attempts-1, now, "gone"
	case d.Attempts > len(e.s.opts.Ladder):
		d.State, outcome = Dead, "dead"
	default:
		d.DueAt = now.Add(jitter(e.s.opts.Ladder[d.Attempts-1]))
	}
	if err != nil {
		d.Error = fmt.Sprintf("%.200s", err.Error())
	}
	if ctx.Err() == nil || d.State == Done {
		e.s.opts.OnDelivery(outcome)
	}
	return d
}

// jitter is d, less or more a fifth: what failed together does not come back together.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*(d/5)+1)
}

// pause records that the receiver wants no more (410 Gone); an admin may resume.
func (e *endpoint) pause(ctx context.Context) error {
	e.gone.Store(true) // before anybody can resume it: Sender.keep ends e where it looks next
	_, err := e.s.ledger.Register(ctx, ledger.Registering{
		Registration: domain.PauseWebhook{ID: e.hook.ID, Reason: "gone"},
		Caller:       ledger.Caller{Actor: domain.SystemActor, Role: domain.RoleAdmin},
	})
	if err != nil {
		e.gone.Store(false)
		return fmt.Errorf("pause webhook: %w", err)
	}
	<-ctx.Done()
	return ctx.Err()
}

// signal leaves word, once, that there is something to look at.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait returns when c says so, at the instant next, or when ctx ends.
func wait(ctx context.Context, c <-chan struct{}, next time.Time) {
	t := time.NewTimer(min(idle, time.Until(next)))
	defer t.Stop()
	select {
	case <-c:
	case <-t.C:
	case <-ctx.Done():
	}
}
