package domain

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// catalogue lists every stored name there has ever been, with its type. A name is for ever; fields
// are only added, and a changed meaning is a new name.
var catalogue = map[string]stored{
	"APIKeyCreated":       of[APIKeyCreated](),
	"APIKeyRevoked":       of[APIKeyRevoked](),
	"AccountClosed":       of[AccountClosed](),
	"AccountDormant":      of[AccountDormant](),
	"AccountFrozen":       of[AccountFrozen](),
	"AccountOpened":       of[AccountOpened](),
	"AccountReactivated":  of[AccountReactivated](),
	"AccountUnfrozen":     of[AccountUnfrozen](),
	"AccountsMerged":      of[AccountsMerged](),
	"AdjustmentApproved":  of[AdjustmentApproved](),
	"AdjustmentProposed":  of[AdjustmentProposed](),
	"AdjustmentRejected":  of[AdjustmentRejected](),
	"BatchUploaded":       of[BatchUploaded](),
	"BudgetReleased":      of[BudgetReleased](),
	"BudgetReserved":      of[BudgetReserved](),
	"CampaignActivated":   of[CampaignActivated](),
	"CampaignApproved":    of[CampaignApproved](),
	"CampaignDrafted":     of[CampaignDrafted](),
	"CampaignEnded":       of[CampaignEnded](),
	"CampaignPaused":      of[CampaignPaused](),
	"ChargeFailed":        of[ChargeFailed](),
	"CouponDefined":       of[CouponDefined](),
	"CouponExpired":       of[CouponExpired](),
	"CouponExtended":      of[CouponExtended](),
	"CouponGranted":       of[CouponGranted](),
	"CouponRecycled":      of[CouponRecycled](),
	"CouponRedeemed":      of[CouponRedeemed](),
	"CouponReleased":      of[CouponReleased](),
	"CouponReserved":      of[CouponReserved](),
	"CouponRestored":      of[CouponRestored](),
	"CouponRevoked":       of[CouponRevoked](),
	"CodeRedeemed":        of[CodeRedeemed](),
	"CodeReleased":        of[CodeReleased](),
	"CodeVoided":          of[CodeVoided](),
	"CodesExported":       of[CodesExported](),
	"CodesGenerated":      of[CodesGenerated](),
	"CredentialBlocked":   of[CredentialBlocked](),
	"CredentialBound":     of[CredentialBound](),
	"CredentialReplaced":  of[CredentialReplaced](),
	"CheckoutPosted":      of[CheckoutPosted](),
	"CheckoutReturned":    of[CheckoutReturned](),
	"CreditGranted":       of[CreditGranted](),
	"CreditRevoked":       of[CreditRevoked](),
	"DebitPosted":         of[DebitPosted](),
	"DebitRefunded":       of[DebitRefunded](),
	"DebitReversed":       of[DebitReversed](),
	"ExceptionRaised":     of[ExceptionRaised](),
	"ExceptionResolved":   of[ExceptionResolved](),
	"HoldPlaced":          of[HoldPlaced](),
	"HoldReleased":        of[HoldReleased](),
	"ImportCompleted":     of[ImportCompleted](),
	"ImportStarted":       of[ImportStarted](),
	"InteractionRecorded": of[InteractionRecorded](),
	"JobCompleted":        of[JobCompleted](),
	"JobListed":           of[JobListed](),
	"JobProgressed":       of[JobProgressed](),
	"JobStarted":          of[JobStarted](),
	"JobStopped":          of[JobStopped](),
	"LotExpired":          of[LotExpired](),
	"LotExpiring":         of[LotExpiring](),
	"LotExtended":         of[LotExtended](),
	"MandateEnded":        of[MandateEnded](),
	"MandateSet":          of[MandateSet](),
	"MergeAdjusted":       of[MergeAdjusted](),
	"MergeRefused":        of[MergeRefused](),
	"OperationDeclined":   of[OperationDeclined](),
	"PersonalDataErased":  of[PersonalDataErased](),
	"PointsConverted":     of[PointsConverted](),
	"PointsEarned":        of[PointsEarned](),
	"PointsRestored":      of[PointsRestored](),
	"PointsRevoked":       of[PointsRevoked](),
	"PointsSpent":         of[PointsSpent](),
	"ProfileChanged":      of[ProfileChanged](),
	"ProgramPublished":    of[ProgramPublished](),

	"ProjectionCreated":  of[ProjectionCreated](),
	"ProjectionDeleted":  of[ProjectionDeleted](),
	"ProjectionDisabled": of[ProjectionDisabled](),
	"ProjectionDropped":  of[ProjectionDropped](),
	"ProjectionEnabled":  of[ProjectionEnabled](),
	"ProjectionPromoted": of[ProjectionPromoted](),
	"ProjectionReset":    of[ProjectionReset](),
	"ProjectionUpdated":  of[ProjectionUpdated](),

	"ReceivableOpened":   of[ReceivableOpened](),
	"ReceivableSettled":  of[ReceivableSettled](),
	"ReferenceCancelled": of[ReferenceCancelled](),
	"SegmentChanged":     of[SegmentChanged](),
	"SegmentDefined":     of[SegmentDefined](),
	"ShiftClosed":        of[ShiftClosed](),
	"ShiftOpened":        of[ShiftOpened](),
	"StoreChanged":       of[StoreChanged](),
	"StoreRegistered":    of[StoreRegistered](),

	"TierChanged":            of[TierChanged](),
	"TierDowngradeScheduled": of[TierDowngradeScheduled](),
	"TierOverridden":         of[TierOverridden](),
	"TierOverrideEnded":      of[TierOverrideEnded](),
	"TierRetained":           of[TierRetained](),

	"TopUpFailed":         of[TopUpFailed](),
	"TopUpInitiated":      of[TopUpInitiated](),
	"TopUpPosted":         of[TopUpPosted](),
	"TopUpReversed":       of[TopUpReversed](),
	"TransferReceived":    of[TransferReceived](),
	"TransferReturned":    of[TransferReturned](),
	"TransferSent":        of[TransferSent](),
	"UnitRegistered":      of[UnitRegistered](),
	"WebhookChanged":      of[WebhookChanged](),
	"WebhookRegistered":   of[WebhookRegistered](),
	"WebhookRemoved":      of[WebhookRemoved](),
	"WithdrawalApproved":  of[WithdrawalApproved](),
	"WithdrawalFailed":    of[WithdrawalFailed](),
	"WithdrawalPaidOut":   of[WithdrawalPaidOut](),
	"WithdrawalRejected":  of[WithdrawalRejected](),
	"WithdrawalRequested": of[WithdrawalRequested](),
}

// stored is an event type of the catalogue: one with nothing in it, and what reads one.
type stored struct {
	zero Event
	read func([]byte) (Event, error)
}

func of[E Event]() stored {
	var zero E
	return stored{zero, decode[E]}
}

// Prefixes begin the names of all streams that the ledger writes.
var Prefixes = []string{
	"account-",
	"batch-",
	"campaign-",
	"code-",
	"customer-",
	"import-",
	"job-",
	"key-",
	"program-",
	"projection-",
	"segment-",
	"shift-",
	"store-",
	"unit-",
	"webhook-",
}

// Owns reports whether a stream is the ledger's, or is an EventStoreDB metastream ($$name) of such a
// stream.
func Owns(stream string) bool {
	name := strings.TrimPrefix(stream, "$$")
	return slices.ContainsFunc(Prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// EventTypes are the stored names, sorted.
func EventTypes() []string {
	var names []string
	for name := range catalogue {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ZeroEvent is an event of that stored name with nothing in it, nil for an unknown name: the
// service prints its own catalogue from the Go types.
func ZeroEvent(name string) Event {
	return catalogue[name].zero
}

// TypeOf is an event's stored name: its Go type's.
func TypeOf(e Event) string { return reflect.TypeOf(e).Name() }

// Encode is what is stored of p: its type, data and metadata.
func Encode(p Posted) (kind string, data, metadata []byte, err error) {
	return newEncoder(eventBytes).Encode(&p)
}

// appender is an event that writes its own JSON; see jsonText.
type appender interface{ appendJSON(jsonText) jsonText }

// Decode reads back what Encode wrote. An unknown name, damaged JSON, or metadata that is not ours
// is an error: nothing is skipped.
func Decode(kind string, data, metadata []byte, revision int64) (Posted, error) {
	entry, ok := catalogue[kind]
	if !ok {
		return Posted{}, fmt.Errorf("event type %.40q is unknown", kind)
	}
	e, err := entry.read(data)
	if err != nil {
		return Posted{}, fmt.Errorf("decode %s: %w", kind, err)
	}
	m, err := DecodeMetadata(metadata)
	if err != nil {
		return Posted{}, fmt.Errorf("decode metadata of %s: %w", kind, err)
	}
	return Posted{Event: e, Metadata: m, Revision: revision}, nil
}

// DecodeMetadata reads the metadata alone.
func DecodeMetadata(metadata []byte) (Metadata, error) {
	var m Metadata
	if err := json.Unmarshal(metadata, &m); err != nil {
		return Metadata{}, err
	}
	if m.Schema != 1 || m.EventID == noID || m.RecordedAt.IsZero() {
		return Metadata{}, fmt.Errorf("schema %d is not ours", m.Schema)
	}
	return m, nil
}

func decode[E Event](data []byte) (Event, error) {
	var e E
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	if c, ok := any(e).(checked); ok {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	return e, nil
}
