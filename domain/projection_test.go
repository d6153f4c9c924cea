package domain

import (
	"strings"
	"testing"
)

// TestProjection tells a projection's life, and every refusal in the order of the checks.
func TestProjection(t *testing.T) {
	script := func(query string) ProjectionScript { return ProjectionScript{Name: "spend", Query: query} }
	named := NamedProjection{"spend"}
	create, update := CreateProjection{script("fromAll()")}, UpdateProjection{script("fromStream('x')")}
	var (
		promote, drop   = PromoteProjection{named}, DropProjection{named}
		enable, disable = EnableProjection{named}, DisableProjection{named}
		reset, end      = ResetProjection{named}, DeleteProjection{named}
	)
	for _, row := range []struct {
		name  string
		given []Registration
		when  Registration
		then  string
	}{
		{"creates", nil, create, "ProjectionCreated"},
		{"a name", nil, CreateProjection{ProjectionScript{Name: ".x"}}, "malformed name"},
		{"a long name", nil, CreateProjection{ProjectionScript{Name: strings.Repeat("x", 65)}}, "malformed name"},
		{"no script", nil, CreateProjection{script(" \n")}, "malformed query"},
		{"a long script", nil, CreateProjection{script(strings.Repeat("x", 256<<10+1))}, "malformed query"},
		{"one that is long as JSON", nil, CreateProjection{script(strings.Repeat("<", 100<<10))}, "malformed query"},
		{"control characters", nil, CreateProjection{script("from\x01")}, "malformed query"},
		{"not UTF-8", nil, CreateProjection{script("from\xff")}, "malformed query"},
		{"lines and tabs", nil, CreateProjection{script("from\n\r\tAll()")}, "ProjectionCreated"},
		{"a name that is taken", []Registration{create}, create, "reference_used"},
		{"a name that is free again", []Registration{create, end}, create, "ProjectionCreated"},

		{"updates", []Registration{create}, update, "ProjectionUpdated"},
		{"updates what is being updated", []Registration{create, update}, update, "ProjectionUpdated"},
		{"a script", nil, UpdateProjection{script("")}, "malformed query"},
		{"updates nothing", nil, update, "not_found"},
		{"updates what is deleted", []Registration{create, end}, update, "not_found"},

		{"promotes", []Registration{create, update}, promote, "ProjectionPromoted"},
		{"promotes of nothing", nil, promote, "not_found"},
		{"promotes nothing", []Registration{create}, promote, "no_candidate"},
		{"promotes twice", []Registration{create, update, promote}, promote, "no_candidate"},
		{"drops", []Registration{create, update}, drop, "ProjectionDropped"},
		{"drops nothing", []Registration{create}, drop, "no_candidate"},
		{"drops twice", []Registration{create, update, drop}, drop, "no_candidate"},

		{"enables what is enabled", []Registration{create}, enable, "ProjectionEnabled"},
		{"enables nothing", nil, enable, "not_found"},
		{"disables", []Registration{create}, disable, "ProjectionDisabled"},
		{"disables nothing", nil, disable, "not_found"},
		{"resets", []Registration{create}, reset, "ProjectionReset"},
		{"resets nothing", nil, reset, "not_found"},
		{"deletes", []Registration{create}, end, "ProjectionDeleted"},
		{"deletes twice", []Registration{create, end}, end, "not_found"},
	} {
		var h history
		for _, r := range row.given {
			h.tell(t, r)
		}
		if got := h.tell(t, row.when); !strings.HasPrefix(got, row.then) {
			t.Errorf("%s: got %s, want %s", row.name, got, row.then)
		} else if last := len(h) - 1; len(h) > len(row.given) {
			if differing := DifferingRegistration(h[last], row.when); len(differing) > 0 {
				t.Errorf("%s: a repeat differs in %v", row.name, differing)
			}
		}
	}
}

// TestProjectionOf: versions are counted under a name for ever, and what folds anew has another
// beginning.
func TestProjectionOf(t *testing.T) {
	var h history
	named := NamedProjection{"spend"}
	script := func(query string) ProjectionScript { return ProjectionScript{"spend", query, true} }
	for _, r := range []Registration{CreateProjection{script("one")}, UpdateProjection{script("two")},
		PromoteProjection{named}, UpdateProjection{script("three")}, ResetProjection{named}, DisableProjection{named}} {
		h.tell(t, r)
	}
	p := ProjectionOf(h)
	if p == nil || p.Current != (ProjectionVersion{2, "two", true, 4}) || p.Enabled || p.First != 1 ||
		*p.Candidate != (ProjectionVersion{3, "three", true, 3}) || p.Promoted != 2 || p.Revision != 5 {
		t.Fatalf("got %+v", p)
	}
	h.tell(t, DeleteProjection{named})
	if ProjectionOf(h) != nil || ProjectionOf(nil) != nil {
		t.Error("got a projection that is deleted, or never was")
	}
	h.tell(t, CreateProjection{script("four")})
	if p := ProjectionOf(h); p.Current != (ProjectionVersion{4, "four", true, 7}) || p.First != 4 || !p.Enabled ||
		p.Candidate != nil {
		t.Errorf("got %+v", p)
	}
}
