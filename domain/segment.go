package domain

import (
	"regexp"
	"time"
)

// Segment is a selection of accounts with a name. Whom it holds is asked anew each time.
type Segment struct {
	ID        string    `json:"segment_id"` // 1 to 32 of [a-z0-9-], a letter first
	Name      string    `json:"name"`       // 1 to 100 bytes
	Filter    Selection `json:"filter"`
	DefinedAt time.Time `json:"-"`
	ChangedAt time.Time `json:"-"` // of the last event
	Revision  int64     `json:"-"` // likewise
}

// DefineSegment saves a selection under a new id.
type DefineSegment struct{ Segment }

// ChangeSegment says what a segment is from now on. What used it uses the change.
type ChangeSegment struct{ Segment }

// SegmentDefined records a new segment.
type SegmentDefined struct{ Segment }

// SegmentChanged records what a segment is from now on.
type SegmentChanged struct{ Segment }

func (SegmentDefined) event() {}
func (SegmentChanged) event() {}

// SegmentStream is the stream of a segment.
func SegmentStream(id string) string { return "segment-" + id }

// Stream is segment-<id>.
func (d DefineSegment) Stream() string { return SegmentStream(d.ID) }

// Stream is segment-<id>.
func (c ChangeSegment) Stream() string { return SegmentStream(c.ID) }

// Operation is define_segment.
func (DefineSegment) Operation() Operation { return "define_segment" }

// Operation is change_segment.
func (ChangeSegment) Operation() Operation { return "change_segment" }

var segmentID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// IsSegmentID reports whether a text can be a segment's id.
func IsSegmentID(text string) bool { return segmentID.MatchString(text) }

// SegmentOf is what a segment's stream adds up to, nil of an empty one.
func SegmentOf(past []Posted) *Segment {
	if len(past) == 0 {
		return nil
	}
	s := &Segment{}
	for _, p := range past {
		s.Apply(p)
	}
	return s
}

// Apply makes the stream's next event part of s.
func (s *Segment) Apply(p Posted) {
	defined := s.DefinedAt
	switch e := p.Event.(type) {
	case SegmentDefined:
		*s, defined = e.Segment, p.Metadata.RecordedAt
	case SegmentChanged:
		*s = e.Segment
	}
	s.DefinedAt, s.ChangedAt, s.Revision = defined, p.Metadata.RecordedAt, p.Revision
}

// Decide refuses what is no segment, then an id that is taken.
func (d DefineSegment) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if len(before) > 0 {
		return nil, ErrReferenceUsed.By(before[0])
	}
	return []Event{SegmentDefined(d)}, nil
}

// Decide refuses what is no segment, then one that does not exist.
func (c ChangeSegment) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if len(before) == 0 {
		return nil, ErrNotFound.Because("there is no such segment")
	}
	return []Event{SegmentChanged(c)}, nil
}

func (s Segment) check() error {
	switch {
	case !IsSegmentID(s.ID):
		return ErrMalformed.Field("id", "want 1 to 32 of [a-z0-9-], a letter first")
	case s.Name == "" || len(s.Name) > 100 || !printable(s.Name):
		return ErrMalformed.Field("name", "want 1 to 100 bytes of printable UTF-8")
	}
	return s.Filter.Check("filter")
}

func (e SegmentDefined) command() any { return DefineSegment(e) }
func (e SegmentChanged) command() any { return ChangeSegment(e) }
