package domain

// NamedProjection is what a command says that is about a projection as it stands.
type NamedProjection struct {
	Name string `json:"name"`
}

// Stream is projection-<name>.
func (n NamedProjection) Stream() string { return ProjectionStream(n.Name) }

// The commands on a projection that exists. To enable one that is enabled has it try again where a
// fault stopped it; to reset one has it fold the log anew.
type (
	// PromoteProjection puts the version that was built beside in the place of the one that answers.
	PromoteProjection struct{ NamedProjection }
	// DropProjection gives up the version that was built beside.
	DropProjection struct{ NamedProjection }
	// EnableProjection has a projection run.
	EnableProjection struct{ NamedProjection }
	// DisableProjection stops a projection, which keeps what it has.
	DisableProjection struct{ NamedProjection }
	// ResetProjection has the current version fold the log anew.
	ResetProjection struct{ NamedProjection }
	// DeleteProjection ends a projection. What it has emitted stays.
	DeleteProjection struct{ NamedProjection }
)

// VersionedProjection is what an event says that is about one version.
type VersionedProjection struct {
	NamedProjection
	Version int `json:"version"`
}

// What becomes of a projection.
type (
	// ProjectionPromoted records that a version answers from now on.
	ProjectionPromoted struct{ VersionedProjection }
	// ProjectionDropped records that a version was given up.
	ProjectionDropped struct{ VersionedProjection }
	// ProjectionEnabled records that a projection runs from now on, or tries again.
	ProjectionEnabled struct{ NamedProjection }
	// ProjectionDisabled records that a projection stands still from now on.
	ProjectionDisabled struct{ NamedProjection }
	// ProjectionReset records that a version folds the log anew.
	ProjectionReset struct{ VersionedProjection }
	// ProjectionDeleted records a projection's end.
	ProjectionDeleted struct{ NamedProjection }
)

func (ProjectionPromoted) event() {}
func (ProjectionDropped) event()  {}
func (ProjectionEnabled) event()  {}
func (ProjectionDisabled) event() {}
func (ProjectionReset) event()    {}
func (ProjectionDeleted) event()  {}

// Operation is promote_projection.
func (PromoteProjection) Operation() Operation { return "promote_projection" }

// Operation is drop_projection.
func (DropProjection) Operation() Operation { return "drop_projection" }

// Operation is enable_projection.
func (EnableProjection) Operation() Operation { return "enable_projection" }

// Operation is disable_projection.
func (DisableProjection) Operation() Operation { return "disable_projection" }

// Operation is reset_projection.
func (ResetProjection) Operation() Operation { return "reset_projection" }

// Operation is delete_projection.
func (DeleteProjection) Operation() Operation { return "delete_projection" }

// Decide refuses a projection that does not exist, then one of which no version is being built.
func (c PromoteProjection) Decide(before []Posted, _ Moment) ([]Event, error) {
	built, err := c.candidate(before)
	return []Event{ProjectionPromoted{built}}, err
}

// Decide refuses what PromoteProjection does.
func (c DropProjection) Decide(before []Posted, _ Moment) ([]Event, error) {
	built, err := c.candidate(before)
	return []Event{ProjectionDropped{built}}, err
}

// Decide refuses a projection that does not exist.
func (c EnableProjection) Decide(before []Posted, _ Moment) ([]Event, error) {
	_, err := c.existing(before)
	return []Event{ProjectionEnabled(c)}, err
}

// Decide refuses a projection that does not exist.
func (c DisableProjection) Decide(before []Posted, _ Moment) ([]Event, error) {
	_, err := c.existing(before)
	return []Event{ProjectionDisabled(c)}, err
}

// Decide refuses a projection that does not exist.
func (c ResetProjection) Decide(before []Posted, _ Moment) ([]Event, error) {
	p, err := c.existing(before)
	return []Event{ProjectionReset{VersionedProjection{c.NamedProjection, p.Current.Version}}}, err
}

// Decide refuses a projection that does not exist.
func (c DeleteProjection) Decide(before []Posted, _ Moment) ([]Event, error) {
	_, err := c.existing(before)
	return []Event{ProjectionDeleted(c)}, err
}

// existing is the projection as it stands.
func (n NamedProjection) existing(before []Posted) (Projection, error) {
	p := foldProjection(before)
	if !p.Exists() {
		return p, errNoProjection
	}
	return p, nil
}

// candidate is the version that is being built.
func (n NamedProjection) candidate(before []Posted) (VersionedProjection, error) {
	p, err := n.existing(before)
	if err == nil && p.Candidate == nil {
		err = ErrNoCandidate
	}
	if err != nil {
		return VersionedProjection{}, err
	}
	return VersionedProjection{n, p.Candidate.Version}, nil
}

func (e ProjectionPromoted) command() any { return PromoteProjection{e.NamedProjection} }
func (e ProjectionDropped) command() any  { return DropProjection{e.NamedProjection} }
func (e ProjectionEnabled) command() any  { return EnableProjection(e) }
func (e ProjectionDisabled) command() any { return DisableProjection(e) }
func (e ProjectionReset) command() any    { return ResetProjection{e.NamedProjection} }
func (e ProjectionDeleted) command() any  { return DeleteProjection(e) }
