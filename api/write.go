package api

import (
	"cmp"
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
)

// operation is a kind of write on an account: what its route and a bulk item share.
type operation struct {
	name  string
	roles []domain.Role
	ids   []string // what its path names beside the account, such as "hold_id"
	parse func(r *reading, t *target, body []byte) domain.Command
}

// target are the things that a request names in its path, or a bulk item in its fields.
type target struct {
	account     uuid.UUID
	customerRef string
	ids         map[string]uuid.UUID // by the names of operation.ids; nil where there are none
}

// write is the handler of an operation's route.
func write(op operation) handler {
	return func(c *call) error {
		t, err := c.target()
		if err != nil {
			return err
		}
		body, err := c.body(c.s.BodyLimit)
		if err != nil {
			return err
		}
		key, dryRun, bad := c.once()
		request, err := c.s.request(op, c.who, t, body, dryRun || bad != nil)
		if err := cmp.Or(err, bad); err != nil {
			return err
		}
		request.Key, request.DryRun = key, dryRun
		request.CorrelationID = c.correlation()
		answer, err := c.s.Ledger.Do(context.Background(), request)
		return c.answer(answer, err, request.DryRun)
	}
}

// request is what the ledger is asked by an operation's text. A trial leaves nothing in the vault.
func (s *Server) request(
	op operation, who caller, t target, body []byte, trial bool,
) (ledger.Request, error) {
	r := &reading{s: s, who: who, trial: trial}
	command := op.parse(r, &t, body)
	if err := r.err(); err != nil {
		return ledger.Request{}, err
	}
	return ledger.Request{
		Account: t.account, Command: command, Context: r.context, Caller: who.Caller,
	}, nil
}

// target reads the ids of the path.
func (c *call) target() (t target, err error) {
	for _, name := range c.route.params {
		id, bad := c.pathID(name)
		if bad != nil {
			return t, bad
		}
		t.set(name, id)
	}
	return t, nil
}

func (t *target) set(name string, id uuid.UUID) {
	if name == "id" || name == "account_id" {
		t.account = id
		return
	}
	if t.ids == nil {
		t.ids = map[string]uuid.UUID{}
	}
	t.ids[name] = id
}

// once reads what makes a write happen once, or not at all.
func (c *call) once() (key string, dryRun bool, err error) {
	if key, err = checkKey(c.Get("Idempotency-Key")); err != nil {
		return "", false, err
	}
	switch c.Query("dry_run") {
	case "", "false":
		return key, false, nil
	case "true":
		return key, true, nil
	}
	return "", false, domain.ErrMalformed.Field("dry_run", "want true or false")
}

func checkKey(key string) (string, error) {
	if key == "" {
		return "", domain.ErrKeyMissing
	}
	for _, b := range []byte(key) {
		if b <= ' ' || b >= 0x7f {
			return "", domain.ErrMalformed.Field("Idempotency-Key", "want 1 to 255 visible ASCII")
		}
	}
	if len(key) > 255 {
		return "", domain.ErrMalformed.Field("Idempotency-Key", "want 1 to 255 visible ASCII")
	}
	return key, nil
}

// correlation is the request id, where the caller chose it: only then does anyone else know it.
func (c *call) correlation() string {
	if c.chosen {
		return c.requestID
	}
	return ""
}

// answer sends what the ledger answered: what was recorded, or the refusal that was remembered.
func (c *call) answer(a ledger.Answer, err error, dryRun bool) error {
	if err != nil && (dryRun || a.Refusal() == nil) {
		return err
	}
	c.noted(a)
	o := c.out()
	status, contentType := o.answerKeeping(a, c.kept)
	if status == fiber.StatusCreated {
		if dryRun {
			status = fiber.StatusOK
		} else {
			c.tell(headerLocation, []byte(answeringOf(a).place(a)))
		}
	}
	c.send(status, contentType, o)
	return nil
}

// answer writes the body that a write gets, from its events alone, and says with which status. The
// cases are the first business events there are.
func (o *out) answer(a ledger.Answer) (status int, contentType string) {
	return o.answerKeeping(a, nil)
}

// answerKeeping is answer, where a refusal says which coupons of a sale's codes the account keeps.
func (o *out) answerKeeping(a ledger.Answer, kept []uuid.UUID) (status int, contentType string) {
	if refusal := a.Refusal(); refusal != nil {
		p := problemOf(keeping(refusal, kept))
		p.write(o, "urn:uuid:"+a.First().Metadata.OperationID.String())
		return p.class.status, problemJSON
	}
	o.begin('{')
	known := answeringOf(a)
	known.write(o, a)
	o.end('}')
	return known.status, applicationJSON
}

// posted is the answer of what has none of its own.
func (o *out) posted(a ledger.Answer) {
	o.id("id", a.First().Metadata.OperationID)
	o.tail(a)
}

// answering is how an operation is answered.
type answering struct {
	status int
	write  func(*out, ledger.Answer)
	place  func(ledger.Answer) string // where what it made can be read; nil where it made nothing
}

// done answers an operation whose first business event is an E with 200, made one that made something
// with 201.
func done[E domain.Event](write func(*out, ledger.Answer, E)) answering {
	return answering{fiber.StatusOK, func(o *out, a ledger.Answer) {
		write(o, a, a.First().Event.(E)) // it is found by its type
	}, nil}
}

func made[E domain.Event](
	write func(*out, ledger.Answer, E), place func(ledger.Answer) string,
) answering {
	a := done(write)
	a.status, a.place = fiber.StatusCreated, place
	return a
}

// below is the place of an operation of its account, such as /debits/.
func below(path string) func(ledger.Answer) string {
	return func(a ledger.Answer) string {
		var few [128]byte
		place := domain.AppendID(append(few[:0], accountsPath...), a.Account)
		return string(domain.AppendID(append(place, path...), a.First().Metadata.OperationID))
	}
}

const accountsPath = "/v1/accounts/"

func accountPlace(a ledger.Answer) string { return accountsPath + a.Account.String() }

func historyPlace(a ledger.Answer) string { return accountPlace(a) + "/history" }

// answers are how operations are answered, by the type of their first business event.
var answers = map[string]answering{
	"AccountClosed":       done((*out).closed),
	"AccountFrozen":       done((*out).frozen),
	"AccountOpened":       made((*out).opening, accountPlace),
	"AccountUnfrozen":     done((*out).unfrozen),
	"AccountsMerged":      done((*out).merged),
	"AdjustmentApproved":  done((*out).adjustmentApproved),
	"AdjustmentProposed":  made((*out).adjustment, below("/adjustments/")),
	"AdjustmentRejected":  done((*out).adjustmentRejected),
	"BatchUploaded":       done((*out).batch),
	"CampaignActivated":   done((*out).campaignActivated),
	"CampaignApproved":    done((*out).campaignApproved),
	"CampaignDrafted":     made((*out).campaignDrafted, campaignPlace),
	"CampaignEnded":       done((*out).campaignEnded),
	"CampaignPaused":      done((*out).campaignPaused),
	"CouponDefined":       made((*out).couponDefined, definitionPlace),
	"CheckoutPosted":      made((*out).checkout, below("/checkouts/")),
	"CheckoutReturned":    made((*out).goodsBack, checkoutPlace),
	"CouponExtended":      done((*out).couponExtended),
	"CouponGranted":       made((*out).coupon, couponsPlace),
	"CouponRecycled":      done((*out).couponRecycled),
	"CouponReleased":      done((*out).couponReleased),
	"CouponReserved":      done((*out).couponReserved),
	"CouponRevoked":       done((*out).couponRevoked),
	"CodeVoided":          done((*out).codeVoided),
	"CodesExported":       done((*out).codesExported),
	"CodesGenerated":      made((*out).codesGenerated, codesPlace),
	"CreditGranted":       made((*out).grant, historyPlace),
	"CreditRevoked":       done((*out).revocation),
	"DebitPosted":         made((*out).debit, below("/debits/")),
	"DebitRefunded":       made((*out).refund, below("/refunds/")),
	"ExceptionResolved":   done((*out).exceptionResolved),
	"HoldPlaced":          made((*out).hold, below("/holds/")),
	"HoldReleased":        done((*out).release),
	"JobStarted":          made((*out).jobStarted, jobPlace),
	"JobStopped":          done((*out).jobStopped),
	"LotExtended":         done((*out).extension),
	"MandateEnded":        done((*out).mandateEnded),
	"MandateSet":          made((*out).mandate, below("/mandates/")),
	"CredentialBlocked":   done((*out).credentialBlocked),
	"CredentialBound":     made((*out).credentialBound, credentialsPlace),
	"CredentialReplaced":  made((*out).credentialReplaced, credentialsPlace),
	"InteractionRecorded": made((*out).interaction, interactionsPlace),
	"PersonalDataErased":  done((*out).erased),
	"ProfileChanged":      done((*out).profileChanged),
	"PointsConverted":     made((*out).conversion, historyPlace),
	"PointsEarned":        made((*out).pointsEarned, historyPlace),
	"ProgramPublished":    made((*out).programPublished, programPlace),

	"ProjectionCreated":  made((*out).projectionCreated, projectionPlace),
	"ProjectionDeleted":  done((*out).projectionDeleted),
	"ProjectionDisabled": done((*out).projectionDisabled),
	"ProjectionDropped":  done((*out).projectionDropped),
	"ProjectionEnabled":  done((*out).projectionEnabled),
	"ProjectionPromoted": done((*out).projectionPromoted),
	"ProjectionReset":    done((*out).projectionReset),
	"ProjectionUpdated":  done((*out).projectionUpdated),

	"ReceivableSettled":   done((*out).settled),
	"SegmentChanged":      done((*out).segmentChanged),
	"SegmentDefined":      made((*out).segmentDefined, segmentPlace),
	"ShiftClosed":         done((*out).shiftClosed),
	"ShiftOpened":         made((*out).shiftOpened, shiftPlace),
	"StoreChanged":        done((*out).storeChanged),
	"StoreRegistered":     made((*out).storeRegistered, storePlace),
	"TierOverridden":      done((*out).tierOverridden),
	"TierOverrideEnded":   done((*out).tierOverrideEnded),
	"TopUpFailed":         done((*out).topUpFailed),
	"TopUpInitiated":      made((*out).topUpInitiated, topUpPlace),
	"TopUpPosted":         made((*out).topUp, topUpPlace),
	"TopUpReversed":       made((*out).reversal, reversedPlace),
	"TransferSent":        made((*out).transfer, below("/transfers/")),
	"UnitRegistered":      made((*out).unitRegistered, unitPlace),
	"WithdrawalApproved":  done((*out).withdrawalApproved),
	"WithdrawalFailed":    done((*out).withdrawalFailed),
	"WithdrawalPaidOut":   done((*out).withdrawalPaid),
	"WithdrawalRejected":  done((*out).withdrawalRejected),
	"WithdrawalRequested": made((*out).withdrawal, below("/withdrawals/")),
}

// answeringOf is how an operation is answered: a cancel by what it took back, what the service posts
// by itself by its id alone.
func answeringOf(a ledger.Answer) answering {
	if a.First().Operation() == domain.OpCancel {
		return answering{fiber.StatusOK, (*out).cancellation, nil}
	}
	if known, ok := answers[domain.TypeOf(a.First().Event)]; ok {
		return known
	}
	return answering{fiber.StatusOK, (*out).posted, nil}
}

// registering asks the ledger for a registration and sends its answer.
func (c *call) registering(r domain.Registration) (ledger.Answer, bool, error) {
	key, dryRun, err := c.once()
	if err != nil {
		return ledger.Answer{}, false, err
	}
	a, err := c.s.Ledger.Register(context.Background(), ledger.Registering{
		Registration: r, Key: key, Caller: c.who.Caller, CorrelationID: c.correlation(),
		DryRun: dryRun,
	})
	if dryRun {
		a.Position = eventstore.Start
	}
	return a, dryRun, err
}
