package api

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// The bounds of a bulk request.
const (
	lineBytes  = 64 << 10         // of one item
	bulkWindow = 512              // items begun and not yet answered
	bulkIdle   = 30 * time.Second // the longest wait for the caller to send, or to take
	ndjson     = "application/x-ndjson"
)

// bulkItem is what every item of a bulk request says; Rest is the body of its operation.
type bulkItem struct {
	Key         string         `json:"key"`
	Operation   string         `json:"operation"`
	AccountID   string         `json:"account_id"`
	CustomerRef string         `json:"customer_ref"`
	Rest        jsontext.Value `json:",embed"`
}

// bulkOperations are the operations of items, by name.
var bulkOperations = func() map[string]operation {
	all := map[string]operation{}
	for _, op := range []operation{openAccount, topUp, debit, placeHold, captureHold, voidHold,
		refund, cancel, reverseTopUp, grant, freeze, unfreeze,
		adjust,
		approveAdjustment,
		approveWithdrawal,
		closeAccount,
		convertPoints,
		earnPoints,
		endMandate,
		endTierOverride,
		extendCoupon,
		extendLot,
		failTopUp,
		giveCredit,
		grantCoupon,
		merge,
		overrideTier,
		postTopUp,
		recycleCoupon,
		rejectAdjustment,
		rejectWithdrawal,
		bindCredential,
		checkout,
		returnCheckout,
		blockCredential,
		recordInteraction,
		releaseCoupon,
		replaceCredential,
		reserveCoupon,
		revokeCoupon,
		revokeCredit,
		setMandate,
		settleWithdrawal,
		transfer,
		unreferencedRefund,
		withdraw,
		writeOff,
	} {
		all[op.name] = op
	}
	return all
}()

// bulk answers many writes in one request: a JSON array, or NDJSON as a stream of any length. Items
// of one account happen in their order, those of different accounts at the same time; one that is
// refused fails alone.
func bulk(c *call) error {
	dryRun := c.Query("dry_run")
	if dryRun != "" && dryRun != "true" && dryRun != "false" {
		return domain.ErrMalformed.Field("dry_run", "want true or false")
	}
	b := &batch{s: c.s, who: c.who, dryRun: dryRun == "true", requestID: c.correlation(),
		instance: c.instance(), conn: c.Context().Conn()}
	if wants(c.Get(fiber.HeaderContentType), ndjson) == nil {
		b.lines = true
		return b.stream(c)
	}
	return b.array(c)
}

// batch is a bulk request being answered.
type batch struct {
	s         *Server
	who       caller
	dryRun    bool
	requestID string
	instance  string
	lines     bool // NDJSON, not an array
	conn      net.Conn
	began     int

	mu        sync.Mutex
	patient   time.Time // when the read deadline was set; guarded by mu
	abandoned bool      // no further item is read; guarded by mu
}

// array answers items that were read, and found to be JSON, before the first begins.
func (b *batch) array(c *call) error {
	body, done, err := c.largeBody()
	if err != nil {
		return err
	}
	var items list[jsontext.Value]
	if err := json.Unmarshal(body, &items); err != nil {
		done()
		return domain.ErrMalformed.Because("want a JSON array of items")
	}
	if len(items) == listKept {
		done()
		return domain.ErrMalformed.Because("want at most 100000 items: more go as NDJSON")
	}
	c.Set(fiber.HeaderContentType, applicationJSON)
	c.stream(func(w *bufio.Writer) {
		defer done()
		b.run(w, func() ([]byte, error) {
			if len(items) == 0 {
				return nil, io.EOF
			}
			item := items[0]
			items = items[1:]
			return item, nil
		})
	}, b.abandon)
	return nil
}

// stream answers items as they come.
func (b *batch) stream(c *call) error {
	var source io.Reader = c.Context().RequestBodyStream()
	if c.Context().RequestBodyStream() == nil {
		source = bytes.NewReader(c.Context().Request.Body())
	}
	if c.Context().Request.Header.ContentLength() != 0 {
		c.Context().SetConnectionClose() // it may end before it was read to its end
	}
	c.read = true
	lines := bufio.NewReaderSize(source, lineBytes)
	c.Set(fiber.HeaderContentType, ndjson)
	c.stream(func(w *bufio.Writer) {
		b.run(w, func() ([]byte, error) { return b.line(lines) })
	}, b.abandon)
	return nil
}

var errLineTooLong = errors.New("the line is too long")

// line reads the next line that is not empty. A line that is too long is read over.
func (b *batch) line(lines *bufio.Reader) ([]byte, error) {
	for {
		b.patience()
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
			return nil, errLineTooLong
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil // an error comes again
		}
		if err != nil {
			return nil, err
		}
	}
}

// patience gives the caller time for the next item, however long the whole takes.
func (b *batch) patience() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); !b.abandoned && now.Sub(b.patient) > time.Second {
		b.patient = now
		_ = b.conn.SetReadDeadline(now.Add(bulkIdle)) // a dead connection fails when it is read
	}
}

// abandon ends the reading of further items: nobody takes their answers.
func (b *batch) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abandoned = true
	_ = b.conn.SetReadDeadline(time.Unix(1, 0)) // a read that waits fails now
}

// begun is an item whose answer is to come.
type begun struct {
	index int
	wait  func(context.Context) (ledger.Answer, error)
	err   error
}

// run begins items in their order, at most bulkWindow ahead of the answers it writes, in the same
// order.
func (b *batch) run(w *bufio.Writer, next func() ([]byte, error)) {
	window := make(chan begun, bulkWindow)
	written := make(chan struct{})
	go func() {
		defer close(written)
		b.write(w, window)
	}()
	for b.s.stop.Err() == nil { // what was begun is finished
		item, err := next()
		if err != nil && !errors.Is(err, errLineTooLong) {
			break
		}
		window <- b.begin(item, err)
	}
	close(window)
	<-written
}

// begin hands an item to the ledger.
func (b *batch) begin(text []byte, err error) begun {
	item := begun{index: b.began, err: err}
	b.began++
	if errors.Is(err, errLineTooLong) {
		item.err = errTooLarge
	}
	if item.index > 0 && !b.who.mayAsk() { // the first is the request's own
		item.err = errRateLimited
	}
	if item.err != nil {
		return item
	}
	request, err := b.request(text)
	if err == nil {
		item.wait, err = b.s.Ledger.Begin(request)
	}
	item.err = err
	return item
}

// request reads an item as its operation's own route reads a request.
func (b *batch) request(text []byte) (ledger.Request, error) {
	var i bulkItem
	if err := decode(text, &i); err != nil {
		return ledger.Request{}, err
	}
	op, ok := bulkOperations[i.Operation]
	if !ok {
		return ledger.Request{}, domain.ErrMalformed.Field("operation", "want an operation")
	}
	if !slices.Contains(op.roles, b.who.Role) {
		return ledger.Request{}, domain.ErrForbidden.Because(
			"role " + string(b.who.Role) + " has no access to operation " + op.name)
	}
	if len(i.Rest) == 0 {
		i.Rest = []byte("{}")
	}
	t, err := i.target()
	if err != nil {
		return ledger.Request{}, err
	}
	key, bad := checkKey(i.Key)
	r, err := b.s.request(op, b.who, t, i.Rest, b.dryRun || bad != nil)
	r.Key, r.DryRun, r.CorrelationID = key, b.dryRun, b.requestID
	return r, cmp.Or(err, bad)
}

// target are the things an item names. Its account is named by its id or by its customer_ref.
func (i *bulkItem) target() (t target, err error) {
	t.customerRef = i.CustomerRef
	switch {
	case i.Operation == openAccount.name && i.AccountID == "":
		return t, nil
	case i.AccountID != "" && i.CustomerRef != "":
		return t, domain.ErrMalformed.Field("account_id", "want it or customer_ref, not both")
	case i.CustomerRef != "":
		if err := domain.CheckCustomerRef(i.CustomerRef); err != nil {
			return t, err
		}
		t.account = domain.AccountID(i.CustomerRef)
	}
	if i.CustomerRef == "" {
		if t.account, err = itemID("account_id", i.AccountID); err != nil {
			return t, err
		}
	}
	return t, i.named(&t)
}

// named takes the ids that the operation's path would name out of the item.
func (i *bulkItem) named(t *target) error {
	ids := bulkOperations[i.Operation].ids
	if len(ids) == 0 {
		return nil
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(i.Rest, &fields); err != nil {
		return domain.ErrMalformed.Because("want an object")
	}
	for _, name := range ids {
		var text string
		_ = json.Unmarshal(fields[name], &text) // what is no text is no id
		id, err := itemID(name, text)
		if err != nil {
			return err
		}
		t.set(name, id)
		delete(fields, name)
	}
	rest, err := json.Marshal(fields)
	i.Rest = rest
	return err
}

func itemID(field, text string) (uuid.UUID, error) {
	id, ok := parseID(text)
	if !ok {
		return id, domain.ErrMalformed.Field(field, "want a UUID in lower case")
	}
	return id, nil
}

// write writes the results. What the caller no longer takes is waited for all the same: it was
// begun.
func (b *batch) write(w *bufio.Writer, window <-chan begun) {
	o := &out{}
	if !b.lines {
		o.b = append(o.b, '[')
	}
	for item := range window {
		b.result(o, item)
		if b.lines {
			o.b = append(o.b, '\n')
		}
		if len(window) == 0 || len(o.b) >= 32<<10 {
			b.flush(w, o)
		}
	}
	if !b.lines {
		o.b = append(o.b, ']')
	}
	b.flush(w, o)
}

// flush sends what was written. A caller who is gone, or takes nothing, gets nothing more.
func (b *batch) flush(w *bufio.Writer, o *out) {
	_ = b.conn.SetWriteDeadline(time.Now().Add(bulkIdle))
	_, _ = w.Write(o.b)
	_ = w.Flush()
	o.b = o.b[:0]
}

// result writes one item's answer as the next element.
func (b *batch) result(o *out, item begun) {
	var answer ledger.Answer
	err := item.err
	if err == nil {
		answer, err = item.wait(context.Background())
	}
	if !b.lines && item.index > 0 {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, fmt.Sprintf(`{"index":%d,"status":`, item.index)...)
	body := &out{}
	status := 0
	if err != nil && (b.dryRun || answer.Refusal() == nil) {
		p := problemOf(err)
		if p.class.status >= 500 {
			b.s.Logger.Error("bulk item not answered", "instance", b.instance, "index", item.index,
				"code", string(p.code), "err", err)
		}
		status = p.class.status
		p.write(body, b.instance)
	} else {
		status, _ = body.answer(answer)
	}
	o.b = append(o.b, fmt.Sprint(status)...)
	if answer.Replayed {
		o.boolean("replayed", true)
	}
	o.raw("body", body.b)
	o.end('}')
}
