package api

import (
	"bytes"
	"encoding/json"
	"html/template"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// meanings say what each event records. Their keys are the stored names.
var meanings = map[string]string{
	"APIKeyCreated":       "A key that may call the service; its holder alone knows the secret.",
	"APIKeyRevoked":       "A key was ended for good.",
	"AccountClosed":       "An account ended, empty and owing nothing.",
	"AccountDormant":      "A customer has done nothing for so many days: a step of the program's ladder.",
	"AccountFrozen":       "An account was frozen for some kinds of operation.",
	"AccountOpened":       "An account was opened, or a gift voucher sold: the first event of its stream.",
	"AccountReactivated":  "The customer of a dormant account has come back.",
	"AccountUnfrozen":     "Freezes were lifted; without modes, all.",
	"AccountsMerged":      "An account was absorbed by another, which answers for it; on both streams.",
	"AdjustmentApproved":  "A correction of value was posted: whose, by whose approval, and why.",
	"AdjustmentProposed":  "A correction of value was asked for and waits for another person.",
	"AdjustmentRejected":  "A correction of value was refused; it stays on record.",
	"BatchUploaded":       "A till's batch was decided, item by item, and its exceptions raised.",
	"BudgetReleased":      "A part of what was reserved of a campaign's budgets is free again.",
	"BudgetReserved":      "A part of a campaign's budgets was set aside; the account's append is its commit.",
	"CampaignActivated":   "A campaign gives from now on, within its window.",
	"CampaignApproved":    "Another person than those who made a campaign approved it as it is.",
	"CampaignDrafted":     "A campaign was drafted: it gives nothing yet.",
	"CampaignEnded":       "A campaign grants and redeems nothing any more.",
	"CampaignPaused":      "A campaign neither grants nor redeems for now.",
	"ChargeFailed":        "A standing charge took nothing; next_at says when it is tried again, or the next period.",
	"CouponDefined":       "A version of what a campaign's coupon is worth, and where; the campaign is a draft again.",
	"CouponExpired":       "A coupon went with its time: so many uses were left.",
	"CouponExtended":      "A coupon can be redeemed for longer.",
	"CouponGranted":       "A coupon was granted, under the definition's version that it names, for ever.",
	"CouponRecycled":      "A coupon that was free and unused was taken back; its campaign may grant another.",
	"CouponRedeemed":      "A use of a coupon: what it took off each line of a checkout.",
	"CouponReleased":      "An order has a coupon reserved no more: it gave it up, or its time was over.",
	"CouponReserved":      "An order has a coupon to itself for a while.",
	"CouponRestored":      "Goods came back that a coupon was used for: its discount, and, with use, the use.",
	"CouponRevoked":       "A coupon was taken back: so many uses were left.",
	"CodeRedeemed":        "A single-use code was taken for an account, which is about to get its coupon.",
	"CodeReleased":        "The account did not take the coupon: the code can be used again.",
	"CodeVoided":          "A code that nobody had used cannot be used any more.",
	"CodesExported":       "A batch's codes were handed out: nobody gets them again.",
	"CodesGenerated":      "A batch of single-use codes, which its master key and id draw; none of them stands here.",
	"CredentialBlocked":   "A credential finds its account no more, such as a lost card.",
	"CredentialBound":     "A card, a phone or a code finds the account. Its value is known by a keyed hash.",
	"CredentialReplaced":  "A credential took the place of another one.",
	"CheckoutPosted":      "A whole sale: its lines, what was taken off each, and what paid for it.",
	"CheckoutReturned":    "Goods of a checkout came back, and what every tender gives back for them.",
	"CreditGranted":       "Value was given that no top-up sold here: an opening balance, an apology, a present.",
	"CreditRevoked":       "Value that was given was taken back; uncollected is what was spent before.",
	"DebitPosted":         "Value was sold: a debit, or, with hold_id, the capture of a hold.",
	"DebitRefunded":       "Value of a debit came back to the lots it came from.",
	"DebitReversed":       "All that was left of a debit or capture came back, by a cancel.",
	"ExceptionRaised":     "An item of a till's batch is not in the books as it happened: people must look.",
	"ExceptionResolved":   "People have looked at an exception.",
	"HoldPlaced":          "Value was pinned for a sale to come: moves change held, never amount.",
	"HoldReleased":        "What was left of a hold is free again.",
	"ImportCompleted":     "An import ended, with its control totals.",
	"ImportStarted":       "A file's operations are about to be brought in.",
	"InteractionRecorded": "A company and a customer met; what was said is sealed.",
	"JobCompleted":        "A job has served its last account.",
	"JobListed":           "A part of the accounts of a job, in the order in which they are served.",
	"JobProgressed":       "A job has served its accounts up to next; those of this step that it could not, and why.",
	"JobStarted":          "A job began: what it does to how many accounts, which the lists after it name.",
	"JobStopped":          "A job goes no further than the step that was under way.",
	"LotExpired":          "What was left of a lot, unheld, went with its time: its breakage.",
	"LotExpiring":         "A lot will expire in so many days: what remained of it on that day.",
	"LotExtended":         "A lot ends later; what was paid for and had expired is there again.",
	"MandateEnded":        "A standing charge ended.",
	"MandateSet":          "A fee may be taken from stored value whenever its calendar says.",
	"MergeAdjusted":       "What came back of an absorbed account counts no more, and what it owes; on both streams.",
	"MergeRefused":        "The survivor did not take the account in: it lives on.",
	"OperationDeclined":   "A refusal was remembered: the same key gets the same answer.",
	"PersonalDataErased":  "The key of a person's data was destroyed: nothing it sealed opens again.",
	"PointsConverted":     "Points turned into credit or a coupon, which the next event gives, or into a thing.",
	"PointsEarned":        "Points were earned by a sale or given by name; from effective_at on they can be spent.",
	"PointsRestored":      "Points of a checkout came back, as the part that they had paid did.",
	"PointsRevoked":       "Points of a sale were taken back, as some of it was; what was spent of them is owed.",
	"PointsSpent":         "Points paid a part of a checkout.",
	"ProfileChanged":      "A customer's profile: labels, and, sealed with the customer's own key, the person.",
	"ProgramPublished":    "A version of business rules, which rules from effective_from on.",

	"ProjectionCreated":  "Analysts have a question answered live: a script that folds the log from its start.",
	"ProjectionDeleted":  "A projection ended; what it has emitted stays.",
	"ProjectionDisabled": "A projection stands still, and keeps what it has.",
	"ProjectionDropped":  "A version that was built beside the one that answers was given up.",
	"ProjectionEnabled":  "A projection runs, or tries again where a fault stopped it.",
	"ProjectionPromoted": "A version that was built beside answers from now on.",
	"ProjectionReset":    "A projection folds the log anew. What it emitted stays, and is not emitted again.",
	"ProjectionUpdated":  "A new version of a projection is built beside the one that answers.",

	"ReceivableOpened":   "An account owes what it had used of a reversed top-up, or an offline debit lacked.",
	"ReceivableSettled":  "What an account owed, or a part of it, was paid, or is owed no more: goods came back.",
	"ReferenceCancelled": "A tombstone: no late original may use the reference, or what was sent was refused.",
	"SegmentChanged":     "What a segment is from now on: whom it holds is asked anew each time.",
	"SegmentDefined":     "A selection of accounts was saved under a name.",
	"ShiftClosed":        "A till's shift ended: what the till counted, what the ledger did, where they differ.",
	"ShiftOpened":        "A till's shift began.",
	"StoreChanged":       "What is true of a store from now on.",
	"StoreRegistered":    "A store was registered.",

	"TierChanged":            "The account holds another tier: it reached it, or a period ended.",
	"TierDowngradeScheduled": "A tier was not kept in its period: it is lost unless the rest comes in time.",
	"TierOverridden":         "A person set the account's tier, whatever was counted for it.",
	"TierOverrideEnded":      "Counting alone says again which tier the account holds.",
	"TierRetained":           "The account kept its tier for a further period.",

	"TopUpFailed":         "A pending top-up ended without value: its money did not come.",
	"TopUpInitiated":      "A top-up is pending: its money is still to come, and nothing can be spent.",
	"TopUpPosted":         "Value was sold: a principal lot, and a bonus lot where one was given.",
	"TopUpReversed":       "A top-up was taken back: all that was left of it.",
	"TransferReceived":    "Value came from another account, under the terms it was sold under there.",
	"TransferReturned":    "What was sent and refused came back to its lots.",
	"TransferSent":        "Value left for another account: unsold, with its terms and its cost.",
	"UnitRegistered":      "A points or count unit was registered. It is never changed.",
	"WebhookChanged":      "What is true of a webhook from now on; with a reason, paused by the service.",
	"WebhookRegistered":   "An address to which events are sent was registered.",
	"WebhookRemoved":      "Nothing is sent to an address any more.",
	"WithdrawalApproved":  "A withdrawal may be paid out, by whose approval, and how much at the most.",
	"WithdrawalFailed":    "An approved withdrawal could not be paid: what it held is free again.",
	"WithdrawalPaidOut":   "A withdrawal was paid: its principal is extinguished, its bonus revoked.",
	"WithdrawalRejected":  "A withdrawal was refused by people: what it held is free again.",
	"WithdrawalRequested": "Value is held for a withdrawal: paid value, and the bonus that goes with it.",
}

// eventDoc is an event as the catalogue shows it.
type eventDoc struct {
	Name, Stream, Meaning string
	Value                 bool // it moves value
	Fields                []fieldDoc
}

// fieldDoc is a field of stored JSON; Depth tells fields of a field.
type fieldDoc struct {
	Name, Type string
	Optional   bool
	Depth      int
}

func catalogue() []eventDoc {
	var all []eventDoc
	for _, name := range domain.EventTypes() {
		e := domain.ZeroEvent(name)
		_, value := e.(domain.Valued)
		all = append(all, eventDoc{Name: name, Stream: streamOf(name), Meaning: meanings[name],
			Value: value, Fields: fieldsOf(reflect.TypeOf(e), 0)})
	}
	return all
}

// streams are where events stand that stand in no account's stream, by their stored names.
var streams = map[string]string{
	"APIKeyCreated":      "key-<id>",
	"APIKeyRevoked":      "key-<id>",
	"BatchUploaded":      "batch-<id>",
	"BudgetReleased":     "campaign-<id>",
	"BudgetReserved":     "campaign-<id>",
	"CampaignActivated":  "campaign-<id>",
	"CampaignApproved":   "campaign-<id>",
	"CampaignDrafted":    "campaign-<id>",
	"CampaignEnded":      "campaign-<id>",
	"CampaignPaused":     "campaign-<id>",
	"CodeRedeemed":       "code-<batch>-<serial>",
	"CodeReleased":       "code-<batch>-<serial>",
	"CodeVoided":         "code-<batch>-<serial>",
	"CodesExported":      "campaign-<id>",
	"CodesGenerated":     "campaign-<id>",
	"CouponDefined":      "campaign-<id>",
	"ExceptionRaised":    "batch-<exception id>",
	"ExceptionResolved":  "batch-<exception id>",
	"ImportCompleted":    "import-<id>",
	"ImportStarted":      "import-<id>",
	"JobCompleted":       "job-<id>",
	"JobListed":          "job-<id>",
	"JobProgressed":      "job-<id>",
	"JobStarted":         "job-<id>",
	"JobStopped":         "job-<id>",
	"PersonalDataErased": "customer-<id>",
	"ProfileChanged":     "customer-<id>",
	"ProgramPublished":   "program-<id>",
	"ProjectionCreated":  "projection-<name>",
	"ProjectionDeleted":  "projection-<name>",
	"ProjectionDisabled": "projection-<name>",
	"ProjectionDropped":  "projection-<name>",
	"ProjectionEnabled":  "projection-<name>",
	"ProjectionPromoted": "projection-<name>",
	"ProjectionReset":    "projection-<name>",
	"ProjectionUpdated":  "projection-<name>",
	"SegmentChanged":     "segment-<id>",
	"SegmentDefined":     "segment-<id>",
	"ShiftClosed":        "shift-<id>",
	"ShiftOpened":        "shift-<id>",
	"StoreChanged":       "store-<id>",
	"StoreRegistered":    "store-<id>",
	"UnitRegistered":     "unit-<code>",
	"WebhookChanged":     "webhook-<id>",
	"WebhookRegistered":  "webhook-<id>",
	"WebhookRemoved":     "webhook-<id>",
}

func streamOf(name string) string {
	if stream, ok := streams[name]; ok {
		return stream
	}
	return "account-<id>"
}

// leaves are the types whose JSON is one value.
var leaves = map[reflect.Type]string{
	reflect.TypeFor[uuid.UUID]():        "id",
	reflect.TypeFor[time.Time]():        "instant",
	reflect.TypeFor[domain.Money]():     "money",
	reflect.TypeFor[domain.Quantity]():  "figure",
	reflect.TypeFor[domain.Hash]():      "hash",
	reflect.TypeFor[domain.Selection](): "selection",
	reflect.TypeFor[json.RawMessage]():  "JSON",
}

// fieldsOf lists the JSON fields of a struct, those of fields that are structs after them.
func fieldsOf(t reflect.Type, depth int) []fieldDoc {
	var fields []fieldDoc
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			fields = append(fields, fieldsOf(f.Type, depth)...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		kind, inner := typeOf(f.Type)
		fields = append(fields, fieldDoc{name, kind, strings.Contains(options, "omit"), depth})
		if inner != nil {
			fields = append(fields, fieldsOf(inner, depth+1)...)
		}
	}
	return fields
}

// typeOf names a field's type, and is the struct whose fields it has, if it has any.
func typeOf(t reflect.Type) (string, reflect.Type) {
	if name, ok := leaves[t]; ok {
		return name, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeOf(t.Elem())
	case reflect.Slice:
		name, inner := typeOf(t.Elem())
		return "list of " + name, inner
	case reflect.Map:
		name, inner := typeOf(t.Elem())
		return "map to " + name, inner
	case reflect.Struct:
		return t.Name(), t
	case reflect.String:
		return "text", nil
	case reflect.Bool:
		return "true or false", nil
	}
	return "number", nil
}

var eventsPage = sync.OnceValues(func() ([]byte, error) {
	css, err := pages.ReadFile("pages/style.css")
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = templates.ExecuteTemplate(&page, "events.html", map[string]any{
		"Style": template.CSS(css), "Events": catalogue(),
		"Metadata": fieldsOf(reflect.TypeFor[domain.Metadata](), 0),
	})
	return page.Bytes(), err
})

// docsEvents is the catalogue of events as a page.
func docsEvents(c *call) error {
	page, err := eventsPage()
	if err != nil {
		return err
	}
	return c.page(page)
}

var errNoEvent = domain.ErrMalformed.Field("type", "want an event's name, as in /docs/events")

func isEventType(name string) bool { return slices.Contains(domain.EventTypes(), name) }
