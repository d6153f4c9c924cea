package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/js"
)

// Refusals and failures of the API itself; the ledger's are in domain and domain/ledger.
var (
	errUnauthenticated = errors.New("want Authorization: Bearer with a key that holds")
	errMethod          = errors.New("this path has other methods")
	errTooLarge        = errors.New("the body is larger than this route takes")
	errMediaType       = errors.New("want Content-Type: application/json")
	errRateLimited     = errors.New("this key asks too often")
	errBehind          = errors.New("the read model is not there yet")
	errNoRoute         = domain.ErrNotFound.Because("no such route")
	errManyStreams     = errors.New("too many live feeds")
)

// class is what a code means to a caller.
type class struct {
	status    int
	title     string
	retryable bool // the same request, with the same key, may succeed later
}

// table is the one list of codes. /docs prints it, and openapi.yaml repeats it.
var table = map[domain.Code]class{
	"malformed":           {400, "The request cannot be read", false},
	"unknown_field":       {400, "The request has a field that is not known", false},
	"amount_scale":        {400, "More fraction digits than the unit has", false},
	"amount_not_positive": {400, "The amount must be greater than zero", false},
	"unknown_unit":        {400, "No such currency or registered unit", false},
	"key_missing":         {400, "A write needs an Idempotency-Key", false},

	"unauthenticated":        {401, "No valid API key", false},
	"forbidden":              {403, "This key may not do that", false},
	"not_found":              {404, "There is no such thing", false},
	"method_not_allowed":     {405, "This path has other methods", false},
	"body_too_large":         {413, "The body is too large", false},
	"unsupported_media_type": {415, "The body is of a type that is not read here", false},

	"shift_open":          {409, "The terminal has an open shift", false},
	"reference_used":      {409, "This reference names an operation already", false},
	"reference_cancelled": {409, "This reference was cancelled before", false},
	"credential_used":     {409, "The credential is bound already", false},
	"account_exists":      {409, "This customer_ref has an account already", false},

	"transfer_in_flight": {409, "What the account sent has not arrived yet", true},

	"account_not_empty":       {422, "The account still holds value", false},
	"holds_active":            {422, "The account has active holds", false},
	"top_up_pending":          {422, "The account has pending top-ups", false},
	"checkout_return":         {422, "What was sold at a checkout returns there", false},
	"return_exceeds_checkout": {422, "More than is left of the line", false},
	"tender_mismatch":         {422, "The tenders do not pay the price", false},

	"transfer_returned": {422, "The other account did not take it in", false},

	"exception_not_open":    {422, "The exception is resolved", false},
	"shift_not_open":        {422, "The shift is closed", false},
	"key_reused":            {422, "This Idempotency-Key was used for another request", false},
	"account_not_open":      {422, "The account is not open", false},
	"account_frozen":        {422, "The account is frozen for this", false},
	"insufficient_funds":    {422, "The account does not hold that much", false},
	"limit_exceeded":        {422, "More than the limit allows", false},
	"hold_not_active":       {422, "The hold was captured or released", false},
	"hold_lapsed":           {422, "The hold's time is over", false},
	"capture_exceeds_hold":  {422, "More than is left of the hold", false},
	"refund_exceeds_debit":  {422, "More than is left of the debit", false},
	"top_up_not_pending":    {422, "The top-up was posted or has failed", false},
	"top_up_spent":          {422, "Some of the top-up was used already", false},
	"receivable_open":       {422, "The account owes a receivable", false},
	"codes_exported":        {409, "The batch's codes were handed out already", false},
	"code_not_usable":       {422, "This code cannot be used", false},
	"consent_missing":       {422, "The customer has not granted messages", false},
	"credential_not_active": {422, "The credential was blocked or replaced", false},
	"customer_erased":       {422, "The customer's personal data was erased", false},
	"no_candidate":          {422, "No new version of the projection is being built", false},
	"projection_fault":      {422, "The projection's script has failed", false},
	"not_cancellable":       {422, "Nothing is left that could be reversed", false},

	"conversion_not_offered": {422, "The program turns no such points into that", false},
	"points_step":            {422, "Points go in steps, and this is none", false},

	"adjustment_open":         {422, "An adjustment waits for a decision", false},
	"adjustment_not_open":     {422, "The adjustment is decided already", false},
	"budget_exhausted":        {422, "The campaign's budget does not hold that much", false},
	"campaign_status":         {422, "The campaign is not at that point of its life", false},
	"job_ended":               {422, "The job has served its last account", false},
	"job_running":             {422, "The job runs: stop it first", false},
	"lot_not_extendable":      {422, "The lot cannot end later", false},
	"maker_is_checker":        {422, "Another person than its maker must do this", false},
	"mandate_not_active":      {422, "The mandate has ended", false},
	"withdrawal_not_approved": {422, "The withdrawal is not approved", false},
	"withdrawal_not_open":     {422, "The withdrawal is decided already", false},
	"withdrawal_open":         {422, "A withdrawal of this unit is open already", false},

	"campaign_not_active":   {422, "The campaign grants and redeems nothing now", false},
	"coupon_channel":        {422, "The coupon is not for this channel", false},
	"coupon_expired":        {422, "The coupon's time is over", false},
	"coupon_first_order":    {422, "The coupon is for an account's first sale", false},
	"coupon_holder_only":    {422, "The coupon is for the account it is granted to", false},
	"coupon_hours":          {422, "The coupon is not for this time of the week", false},
	"coupon_limit":          {422, "The account has had as many coupons as it may", false},
	"coupon_min_spend":      {422, "The sale is below the coupon's minimum", false},
	"coupon_not_chosen":     {422, "Other coupons take more off", false},
	"coupon_not_combinable": {422, "The coupon cannot be combined with another", false},
	"coupon_not_recyclable": {422, "The coupon was used, or something was given for it", false},
	"coupon_not_reserved":   {422, "No order has the coupon reserved", false},
	"coupon_not_yet_valid":  {422, "The coupon's time has not begun", false},
	"coupon_products":       {422, "The sale lacks the goods that the coupon is for", false},
	"coupon_reserved":       {422, "An order has the coupon reserved", false},
	"coupon_revoked":        {422, "The coupon was taken back", false},
	"coupon_segment":        {422, "The coupon is for other customers", false},
	"coupon_stack_limit":    {422, "The sale has as many coupons as it may", false},
	"coupon_store":          {422, "The coupon is not for this store", false},
	"coupon_tier":           {422, "The coupon is for other tiers", false},
	"coupon_unit":           {422, "The coupon is for sales in another currency", false},
	"coupon_used":           {422, "The coupon is used up", false},
	"coupon_zero":           {422, "The coupon would take nothing off", false},

	"rate_limited": {429, "This key asks too often", true},

	"internal":          {500, "Our fault", true},
	"busy":              {503, "This cannot be answered now", true},
	"read_model_behind": {503, "The read model is not there yet", true},
	"outcome_unknown":   {503, "It may or may not have been done: send the same key again", true},
	"stream_damaged":    {503, "This account's history cannot be read", true},
	"no_master_key":     {503, "The service has no master key to seal this with", false},
}

// failures are the errors, other than refusals, that have a code. The first that matches is it.
var failures = []struct {
	err  error
	code domain.Code
}{
	{errUnauthenticated, "unauthenticated"},
	{errTooLarge, "body_too_large"}, {errMediaType, "unsupported_media_type"},
	{errCoding, "unsupported_media_type"},
	{vault.ErrErased, "customer_erased"},
	{vault.ErrNoKey, "no_master_key"}, {vault.ErrSealed, "no_master_key"},
	{vault.ErrNoMasterKey, "no_master_key"},
	{errRateLimited, "rate_limited"}, {errBehind, "read_model_behind"}, {errManyStreams, "busy"},
	{errManyLarge, "busy"},
	{ledger.ErrOutcomeUnknown, "outcome_unknown"},
	{ledger.ErrBusy, "busy"}, {ledger.ErrStopping, "busy"}, {eventstore.ErrClosed, "busy"},
	{eventstore.ErrUnavailable, "busy"},
	{context.DeadlineExceeded, "busy"}, {context.Canceled, "busy"},
	{projections.ErrCursor, "malformed"}, {projections.ErrRebuilding, "busy"},
	{projections.ErrClosed, "busy"}, {projections.ErrReadOnly, "read_model_behind"},
	{projections.ErrAway, "busy"}, {projections.ErrStale, "read_model_behind"},
	{projections.ErrSlowSelection, "busy"},
	{js.ErrNoProjection, "not_found"}, {js.ErrNoCandidate, "no_candidate"},
	{js.ErrStarting, "read_model_behind"},
}

// problem is an error as a caller sees it.
type problem struct {
	code     domain.Code
	class    class
	detail   string
	refusal  *domain.Refusal // nil for a failure
	stream   string          // of a damaged one
	revision int64
}

// problemOf is the only place that turns an error into a code.
func problemOf(err error) problem {
	var refusal *domain.Refusal
	if errors.As(err, &refusal) {
		if _, ok := table[refusal.Code]; ok {
			p := problemFor(refusal.Code, refusal.Detail)
			p.refusal = refusal
			return p
		}
	}
	if stream, revision, ok := damaged(err); ok {
		p := problemFor("stream_damaged", "an operator must look at this stream")
		p.stream, p.revision = stream, revision
		return p
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return problemFor(f.code, f.err.Error())
		}
	}
	var refused *fiber.Error // of the HTTP server, where no route answers
	if errors.As(err, &refused) {
		return problemFor(unrouted(refused.Code))
	}
	return problemFor("internal", "")
}

// unrouted is the code of what the HTTP server refuses.
func unrouted(status int) (domain.Code, string) {
	switch status {
	case http.StatusNotFound:
		return "not_found", errNoRoute.Detail
	case http.StatusMethodNotAllowed:
		return "method_not_allowed", errMethod.Error()
	case http.StatusRequestEntityTooLarge:
		return "body_too_large", errTooLarge.Error()
	case http.StatusRequestHeaderFieldsTooLarge:
		return "malformed", "its request line and headers are larger than 16 KiB"
	}
	return "malformed", "this is no request of HTTP/1.1 that is read here"
}

func problemFor(code domain.Code, detail string) problem {
	return problem{code: code, class: table[code], detail: detail}
}

func damaged(err error) (stream string, revision int64, ok bool) {
	var account *ledger.Damaged
	if errors.As(err, &account) {
		return account.Stream, account.Revision, true
	}
	var stored *eventstore.Damaged
	if errors.As(err, &stored) {
		return stored.Stream, int64(stored.Revision), true
	}
	return "", 0, false
}

// write writes the problem as RFC 9457 has it. instance is what it happened to: of a remembered
// decline the operation, so that a repeat gets the same bytes, else the request.
func (p problem) write(o *out, instance string) {
	o.begin('{')
	o.plain("type", "/docs#"+string(p.code))
	o.text("title", p.class.title)
	o.integer("status", int64(p.class.status))
	if p.detail != "" && p.class.status != http.StatusInternalServerError {
		o.text("detail", p.detail)
	}
	o.text("instance", instance)
	o.plain("code", string(p.code))
	o.boolean("retryable", p.class.retryable)
	if p.stream != "" {
		o.text("stream", p.stream)
		o.integer("revision", p.revision)
	}
	if p.refusal != nil {
		p.particulars(o)
	}
	o.end('}')
}

func (p problem) particulars(o *out) {
	for _, figure := range []struct {
		name  string
		value *domain.Money
	}{
		{"requested", p.refusal.Requested}, {"available", p.refusal.Available},
		{"shortfall", p.refusal.Shortfall},
	} {
		if figure.value != nil {
			o.money(figure.name, *figure.value)
		}
	}
	if p.refusal.Original != nil {
		o.original(*p.refusal.Original)
	}
	if len(p.refusal.Fields) == 0 {
		return
	}
	o.open("errors", '[')
	for _, f := range p.refusal.Fields {
		o.begin('{')
		o.text("field", f.Field)
		o.text("detail", f.Detail)
		o.end('}')
	}
	o.end(']')
}

// original writes the operation that stands in the way.
func (o *out) original(p domain.Posted) {
	o.open("original", '{')
	o.id("id", p.Metadata.OperationID)
	if kind := kindOf(p); kind != "" {
		o.plain("kind", string(kind))
	}
	switch e := p.Event.(type) {
	case domain.TopUpInitiated:
		o.money("amount", e.Amount)
	case domain.Valued:
		o.money("amount", principal(e))
	}
	o.time("recorded_at", p.Metadata.RecordedAt)
	o.end('}')
}

// principal is the amount that the caller of an operation named.
func principal(v domain.Valued) domain.Money {
	if t, ok := v.(domain.TopUpPosted); ok {
		return t.Principal()
	}
	return v.Worth().Amount
}

// kindOf is what an operation was, of a decline what was declined.
func kindOf(p domain.Posted) domain.Operation {
	if d, ok := p.Event.(domain.OperationDeclined); ok {
		return d.Declined
	}
	return p.Operation()
}

const problemJSON = "application/problem+json"

// retryAfter is what a caller should wait, in seconds, before it asks again.
const retryAfter = "1"

// refuse answers a request with what went wrong.
func (c *call) refuse(err error) {
	p := problemOf(err)
	c.failed = err
	if p.code == "internal" && c.who.local {
		p.class.title += ": " + err.Error() // to the operator of the folder
	}
	o := c.out()
	p.write(o, c.instance())
	if p.class.retryable && p.class.status != http.StatusInternalServerError {
		c.Set(fiber.HeaderRetryAfter, retryAfter)
	}
	if p.class.status == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	c.send(p.class.status, problemJSON, o)
}

// instance names this request.
func (c *call) instance() string {
	if id, err := uuid.Parse(c.requestID); err == nil {
		return "urn:uuid:" + id.String()
	}
	return "urn:tillbook:request:" + c.requestID
}

// logFailure tells operators what callers are not told.
func (s *Server) logFailure(c *call) {
	if p := problemOf(c.failed); p.class.status >= 500 {
		level := slog.LevelError
		if p.code == "read_model_behind" && (c.Query("min_position") != "" || c.Query("max_wait") != "") {
			level = slog.LevelInfo // the caller's own impatience
		}
		s.Logger.LogAttrs(context.Background(), level, "request not answered",
			slog.String("request_id", c.requestID), slog.String("route", c.route.label),
			slog.String("code", string(p.code)), slog.String("err", c.failed.Error()))
	}
}
