package domain

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Projection is an analysts' question that is answered live: a script that the service runs over the
// log. A new version of it is built beside the one that answers, until it is promoted or dropped.
type Projection struct {
	Name      string
	Current   ProjectionVersion
	Candidate *ProjectionVersion // nil: there is none
	Enabled   bool
	EnabledAt int64 // revision of the event that last enabled it, or that created it
	CreatedAt time.Time
	ChangedAt time.Time // of the last event
	Revision  int64     // likewise

	First    int   // the version that it was created with
	Versions int   // how many there have ever been under the name
	Promoted int64 // revision of the event that made a candidate the current one; 0: never
}

// ProjectionVersion is one script of a projection.
type ProjectionVersion struct {
	Version int    // from 1; never given twice under one name
	Query   string // the script
	Emit    bool   // it may emit events
	Began   int64  // revision of the event from which on it folds the log anew
}

// The bounds of a projection's script, in bytes: as it is, and as JSON.
const (
	maxQuery       = 256 << 10
	maxQueryStored = 512 << 10
)

// ProjectionScript is what a projection is, or is to become.
type ProjectionScript struct {
	Name  string `json:"name"`  // 1 to 64 of [A-Za-z0-9._-], no dot or dash first
	Query string `json:"query"` // the script, at most 256 KiB of UTF-8
	Emit  bool   `json:"emit,omitempty"`
}

// CreateProjection makes a projection of a name that none has. It begins at the log's start.
type CreateProjection struct{ ProjectionScript }

// UpdateProjection has a new version built beside the one that answers, in the place of another that
// was being built.
type UpdateProjection struct{ ProjectionScript }

// ProjectionCreated records a new projection.
type ProjectionCreated struct {
	ProjectionScript
	Version int `json:"version"`
}

// ProjectionUpdated records a version that is built beside the one that answers.
type ProjectionUpdated struct {
	ProjectionScript
	Version int `json:"version"`
}

func (ProjectionCreated) event() {}
func (ProjectionUpdated) event() {}

// ProjectionStream is the stream of a projection.
func ProjectionStream(name string) string { return "projection-" + name }

// Stream is projection-<name>.
func (s ProjectionScript) Stream() string { return ProjectionStream(s.Name) }

// Operation is create_projection.
func (CreateProjection) Operation() Operation { return "create_projection" }

// Operation is update_projection.
func (UpdateProjection) Operation() Operation { return "update_projection" }

var projectionName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$`)

// IsProjectionName reports whether a text can be a projection's name.
func IsProjectionName(text string) bool { return projectionName.MatchString(text) }

var errNoProjection = ErrNotFound.Because("there is no such projection")

// Decide refuses what is no projection, then a name that is taken.
func (c CreateProjection) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	p := foldProjection(before)
	if p.Current.Version > 0 {
		return nil, ErrReferenceUsed.By(before[p.Current.Began])
	}
	return []Event{ProjectionCreated{c.ProjectionScript, p.Versions + 1}}, nil
}

// Decide refuses what is no projection, then one that does not exist.
func (u UpdateProjection) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	p := foldProjection(before)
	if p.Current.Version == 0 {
		return nil, errNoProjection
	}
	return []Event{ProjectionUpdated{u.ProjectionScript, p.Versions + 1}}, nil
}

func (s ProjectionScript) check() error {
	stored, err := json.Marshal(s.Query)
	bad := strings.ContainsFunc(s.Query, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\r", r) })
	switch {
	case !IsProjectionName(s.Name):
		return ErrMalformed.Field("name", "want 1 to 64 of [A-Za-z0-9._-], no dot or dash first")
	case strings.TrimSpace(s.Query) == "", len(s.Query) > maxQuery, len(stored) > maxQueryStored:
		return ErrMalformed.Field("query", "want a script of at most 256 KiB")
	case err != nil, bad, !utf8.ValidString(s.Query):
		return ErrMalformed.Field("query", "want UTF-8 without control characters")
	}
	return nil
}

func (e ProjectionCreated) command() any { return CreateProjection{e.ProjectionScript} }
func (e ProjectionUpdated) command() any { return UpdateProjection{e.ProjectionScript} }

// ProjectionOf is what a projection's stream adds up to, nil of one that is empty or ends with its
// deletion.
func ProjectionOf(past []Posted) *Projection {
	p := foldProjection(past)
	if p.Current.Version == 0 {
		return nil
	}
	return &p
}

func foldProjection(past []Posted) (p Projection) {
	for _, e := range past {
		p.Apply(e)
	}
	return p
}

// Exists reports whether it was created and not deleted.
func (p *Projection) Exists() bool { return p.Current.Version > 0 }

// Apply makes the stream's next event part of p.
func (p *Projection) Apply(e Posted) {
	switch e := e.Event.(type) {
	case ProjectionCreated:
		*p = Projection{Name: e.Name, First: e.Version, Versions: p.Versions}
		p.Current = ProjectionVersion{Version: e.Version, Query: e.Query, Emit: e.Emit}
		p.Enabled = true
	case ProjectionUpdated:
		p.Candidate = &ProjectionVersion{Version: e.Version, Query: e.Query, Emit: e.Emit}
	case ProjectionPromoted:
		if p.Candidate != nil {
			p.Current, p.Candidate = *p.Candidate, nil
		}
	case ProjectionDropped:
		p.Candidate = nil
	case ProjectionEnabled:
		p.Enabled = true
	case ProjectionDisabled:
		p.Enabled = false
	case ProjectionDeleted:
		*p = Projection{Name: p.Name, Versions: p.Versions}
	}
	p.mark(e)
}

// mark takes down when and at which revision an event changed p.
func (p *Projection) mark(e Posted) {
	at := e.Metadata.RecordedAt
	switch event := e.Event.(type) {
	case ProjectionCreated:
		p.CreatedAt, p.EnabledAt, p.Current.Began, p.Versions = at, e.Revision, e.Revision, event.Version
	case ProjectionUpdated:
		p.Candidate.Began, p.Versions = e.Revision, event.Version
	case ProjectionPromoted:
		p.Promoted = e.Revision
	case ProjectionEnabled:
		p.EnabledAt = e.Revision
	case ProjectionReset:
		p.Current.Began, p.EnabledAt = e.Revision, e.Revision
	}
	p.ChangedAt, p.Revision = at, e.Revision
}
