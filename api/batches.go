package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// offlineDebit is the debit of a till that was cut off.
var offlineDebit = operation{name: "debit", roles: tills, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	b, ok := debit.parse(r, t, body).(domain.Debit)
	if ok && b.AcceptPartial {
		r.malformed("accept_partial", "it has happened")
	}
	return domain.OfflineDebit{Amount: b.Amount, ListAmount: b.ListAmount}
}}

// batchOperations are what a till can do while it is cut off, by name.
var batchOperations = func() map[string]operation {
	all := map[string]operation{}
	for _, op := range []operation{openAccount, topUp, offlineDebit, captureHold, voidHold, refund,
		cancel} {
		all[op.name] = op
	}
	return all
}()

type batchBody struct {
	Store    string               `json:"store"`
	Terminal string               `json:"terminal"`
	Items    list[jsontext.Value] `json:"items"`
}

// batchItem is what every item of a batch says; Rest is the body of its operation.
type batchItem struct {
	Seq         int64          `json:"seq"`
	Operation   string         `json:"operation"`
	AccountID   string         `json:"account_id"`
	CustomerRef string         `json:"customer_ref"`
	OccurredAt  string         `json:"occurred_at"`
	Rest        jsontext.Value `json:",embed"`
}

// uploadBatch posts what a till kept while it was cut off. It is one request, whatever it holds, and
// takes one of the key's rate.
func uploadBatch(c *call) error {
	body, done, err := c.largeBody()
	if err != nil {
		return err
	}
	defer done()
	var b batchBody
	if err := decode(body, &b); err != nil {
		return err
	}
	if err := c.who.mayPost(b.Store); err != nil {
		return err
	}
	q, err := c.registration(domain.Context{Store: b.Store, Terminal: b.Terminal,
		Channel: domain.ChannelOffline})
	if err != nil {
		return err
	}
	batch := ledger.Batch{Registering: q, Upload: domain.UploadBatch{
		ID: domain.BatchID(c.who.Actor, q.Key), Store: b.Store, Terminal: b.Terminal}}
	if err := b.read(c, &batch); err != nil {
		return err
	}
	a, err := c.s.Ledger.Upload(context.Background(), batch)
	return c.answer(a, err, false)
}

// read reads the items and sorts them by their numbers. One that cannot be read is refused alone,
// unless it has no number.
func (b *batchBody) read(c *call, to *ledger.Batch) error {
	if len(b.Items) > domain.MaxBatchItems {
		return domain.ErrMalformed.Field("items", fmt.Sprint("want at most ", domain.MaxBatchItems))
	}
	texts := make(map[int64]jsontext.Value, len(b.Items))
	for i, text := range b.Items {
		var n struct {
			Seq  int64          `json:"seq"`
			Rest jsontext.Value `json:",embed"`
		}
		if err := json.Unmarshal(text, &n); err != nil || n.Seq < 1 || n.Seq > domain.MaxSeq {
			return domain.ErrMalformed.Field(fmt.Sprint("items.", i, ".seq"),
				fmt.Sprint("want an object with a number from 1 to ", domain.MaxSeq))
		}
		if _, twice := texts[n.Seq]; twice {
			return domain.ErrMalformed.Field(fmt.Sprint("items.", i, ".seq"), "stands twice")
		}
		texts[n.Seq] = text
		to.Items = append(to.Items, ledger.Item{Seq: n.Seq})
	}
	slices.SortFunc(to.Items, func(a, b ledger.Item) int { return int(a.Seq - b.Seq) })
	sum := sha256.New()
	for i := range to.Items {
		item := &to.Items[i]
		text := texts[item.Seq]
		if err := b.item(c, text, item); err != nil {
			return err
		}
		if err := text.Canonicalize(); err != nil {
			return domain.ErrMalformed.Field("items", "want JSON")
		}
		sum.Write(append(text, '\n'))
	}
	to.Upload.ItemsHash = domain.Hash(sum.Sum(nil))
	return nil
}

// item reads one item. A refusal is the item's own.
func (b *batchBody) item(c *call, text jsontext.Value, to *ledger.Item) error {
	request, err := b.request(c, text)
	var refusal *domain.Refusal
	if errors.As(err, &refusal) {
		to.Refusal = refusal
	} else if err != nil {
		return err
	}
	to.Request = request
	to.Amount = amountOf(request.Command)
	return nil
}

// request reads an item as its operation's own route reads a request.
func (b *batchBody) request(c *call, text jsontext.Value) (ledger.Request, error) {
	var i batchItem
	if err := decode(text, &i); err != nil {
		return ledger.Request{}, err
	}
	op, ok := batchOperations[i.Operation]
	if !ok {
		return ledger.Request{}, domain.ErrMalformed.Field("operation", "want an operation of tills")
	}
	if i.OccurredAt == "" {
		return ledger.Request{}, domain.ErrMalformed.Field("occurred_at", "is required")
	}
	rest, err := b.placed(&i)
	if err != nil {
		return ledger.Request{}, err
	}
	named := bulkItem{Operation: i.Operation, AccountID: i.AccountID, CustomerRef: i.CustomerRef,
		Rest: rest}
	t, err := named.target()
	if err != nil {
		return ledger.Request{}, err
	}
	r, err := c.s.request(op, c.who, t, named.Rest, false)
	if r.Account == (target{}).account {
		r.Account = t.account // it is known what the item was about
	}
	r.CorrelationID = c.correlation()
	return r, err
}

// placed is the rest of an item with the batch's place and channel in it.
func (b *batchBody) placed(i *batchItem) (jsontext.Value, error) {
	fields := map[string]jsontext.Value{}
	if len(i.Rest) > 0 {
		if err := json.Unmarshal(i.Rest, &fields); err != nil {
			return nil, domain.ErrMalformed.Because("want an object")
		}
	}
	for name, value := range map[string]string{"store": b.Store, "terminal": b.Terminal,
		"channel": domain.ChannelOffline, "occurred_at": i.OccurredAt} {
		if _, given := fields[name]; given {
			return nil, domain.ErrUnknownField.Field(name, "is the batch's")
		}
		quoted, err := jsontext.AppendQuote(nil, value)
		if err != nil {
			return nil, domain.ErrMalformed.Field(name, "want UTF-8")
		}
		fields[name] = quoted
	}
	return json.Marshal(fields, json.Deterministic(true))
}

// amountOf is the amount that a command names, none where it names none.
func amountOf(c domain.Command) domain.Money {
	switch c := c.(type) {
	case domain.OfflineDebit:
		return c.Amount
	case domain.TopUp:
		return c.Amount
	case domain.CaptureHold:
		return c.Amount
	case domain.Refund:
		return c.Amount
	}
	return domain.Money{}
}

func (o *out) batch(a ledger.Answer, e domain.BatchUploaded) {
	o.id("id", e.BatchID)
	o.text("store", e.Store)
	o.text("terminal", e.Terminal)
	o.integer("first_seq", e.FirstSeq)
	o.integer("last_seq", e.LastSeq)
	o.integer("items", int64(e.Items))
	o.open("missing", '[')
	for _, g := range e.Missing {
		o.begin('{')
		o.integer("from", g.From)
		o.integer("to", g.To)
		o.end('}')
	}
	o.end(']')
	o.integer("missing_count", e.MissingN)
	o.open("results", '[')
	for _, r := range e.Results {
		o.begin('{')
		o.integer("seq", r.Seq)
		o.plain("status", string(r.Status))
		if r.Status != domain.ItemRefused {
			o.id("operation_id", r.OperationID)
		}
		o.some("code", string(r.Code))
		if r.Status.Exceptional() {
			o.id("exception_id", domain.ExceptionID(e.Store, e.Terminal, r.Seq,
				domain.ExceptionKind(r.Status)))
		}
		o.end('}')
	}
	o.end(']')
	o.time("recorded_at", a.First().Metadata.RecordedAt)
}
