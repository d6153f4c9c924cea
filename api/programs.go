package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// programmers publish programs.
var programmers = []domain.Role{domain.RoleMarketing, domain.RoleAdmin}

func (s *Server) programRoutes() []*route {
	return []*route{
		{method: "POST", path: "/v1/programs", id: "createProgram", roles: programmers, query: dry,
			serve: createProgram, unbound: true},
		{method: "POST", path: "/v1/programs/{program_id}/versions", id: "publishProgram",
			roles: programmers, query: slices.Concat(dry, []string{"from", "to"}),
			serve: publishProgram, unbound: true},
		{method: "GET", path: "/v1/programs", id: "listPrograms", roles: staff, serve: listPrograms},
		{method: "GET", path: "/v1/programs/{program_id}", id: "getProgram", roles: staff,
			serve: getProgram},
		{method: "GET", path: account + "/terms", id: "getTerms", roles: readers,
			query: slices.Concat(fresh, []string{"language"}), serve: getTerms},
	}
}

// programBytes bounds a program's text: lists of accounts are long.
const programBytes = 512 << 10

type programBody struct {
	ID            string            `json:"id"`
	EffectiveFrom string            `json:"effective_from"`
	Accounts      []string          `json:"accounts"`
	Terms         termsBody         `json:"terms"`
	TermsText     map[string]string `json:"terms_text"`
}

// createProgram publishes a program's first version, which its body names.
func createProgram(c *call) error {
	p, err := c.program()
	if err != nil {
		return err
	}
	p.New = true
	a, dryRun, err := c.registering(p)
	return c.answer(a, err, dryRun)
}

// publishProgram publishes a further version of the program of the path, or rehearses it.
func publishProgram(c *call) error {
	p, err := c.program()
	if err != nil {
		return err
	}
	id := c.Params("program_id")
	if p.ID != "" && p.ID != id {
		return domain.ErrMalformed.Field("id", "is not the program of the path")
	}
	p.ID = id
	from, to, err := c.window()
	if err != nil {
		return err
	}
	a, dryRun, err := c.registering(p)
	if err == nil && !to.IsZero() {
		return c.rehearsed(a, from, to)
	}
	return c.answer(a, err, dryRun)
}

// program reads a version that is to be published.
func (c *call) program() (domain.PublishProgram, error) {
	body, err := c.body(programBytes)
	if err != nil {
		return domain.PublishProgram{}, err
	}
	r := &reading{s: c.s, who: c.who}
	var b programBody
	if !r.decode(body, &b) {
		return domain.PublishProgram{}, r.err()
	}
	p := domain.PublishProgram{ID: b.ID, EffectiveFrom: r.time("effective_from", b.EffectiveFrom),
		Accounts: r.ids("accounts", b.Accounts), Terms: r.terms(b.Terms), TermsText: b.TermsText}
	return p, r.err()
}

func (o *out) programPublished(a ledger.Answer, e domain.ProgramPublished) {
	o.program(e.Rules())
	o.some("previous", e.Previous)
	o.plain("approved_by", e.ApprovedBy)
	o.time("recorded_at", a.First().Metadata.RecordedAt)
	o.integer("revision", a.Last().Revision)
}

func programPlace(a ledger.Answer) string {
	return "/v1/programs/" + a.First().Event.(domain.ProgramPublished).ID // it is found by its type
}

// program writes a version of a program. Its terms stand as they are stored.
func (o *out) program(p *domain.Program) {
	o.plain("id", p.ID)
	o.integer("version", int64(p.Version))
	o.plain("name", p.Name())
	o.time("effective_from", p.EffectiveFrom)
	o.open("accounts", '[')
	for _, id := range p.Accounts {
		o.quote(id.String())
	}
	o.end(']')
	o.json("terms", p.Terms)
	if p.TermsText == nil {
		o.open("terms_text", '{')
		o.end('}')
	} else {
		o.json("terms_text", p.TermsText)
	}
}

// json writes what is plain fields as encoding/json does.
func (o *out) json(name string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("api: %T has no JSON: %w", value, err)) // plain fields always have one
	}
	o.raw(name, text)
}

// listPrograms lists every program with the version in force, or with the first one to come.
func listPrograms(c *call) error {
	return registered(c, func() []*domain.Program {
		now := time.Now()
		all := []*domain.Program{}
		for _, versions := range c.s.Ledger.Programs() {
			all = append(all, cmp.Or(ledger.InForce(versions, now), versions[0]))
		}
		return all
	}, (*out).program)
}

// getProgram answers all versions of a program, and which of them is in force.
func getProgram(c *call) error {
	at, err := c.caughtUp()
	if err != nil {
		return err
	}
	versions := c.s.Ledger.ProgramVersions(c.Params("program_id"))
	if len(versions) == 0 {
		return domain.ErrNotFound.Because("there is no such program")
	}
	o := c.out()
	o.begin('{')
	o.plain("id", versions[0].ID)
	if p := ledger.InForce(versions, time.Now()); p != nil {
		o.integer("in_force", int64(p.Version))
	} else {
		o.null("in_force")
	}
	o.open("versions", '[')
	for _, p := range versions {
		o.begin('{')
		o.program(p)
		o.end('}')
	}
	o.end(']')
	o.position("as_of_position", uint64(at))
	o.end('}')
	return c.ok(o)
}
