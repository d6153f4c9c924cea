package domain

import (
	"fmt"
	"slices"
	"strings"
)

// Ladder names the step of a program's ladder that gave a top-up its bonus.
type Ladder struct {
	Version string `json:"version"` // program_id@version
	Step    string `json:"step"`
}

// key is what a step is counted under: by the program's id, so that a new version of it goes on
// counting.
func (l *Ladder) key() string {
	id, _, _ := strings.Cut(l.Version, "@")
	return id + "/" + l.Step
}

// resolve puts what the program says where the request says nothing, and answers the step that gave
// the bonus. An import brings what was: no bonus and no expiry but its own.
func (t *TopUp) resolve(d *Draft) *Ladder {
	p := d.program()
	or(&t.Draw, p.Terms.Draw)
	or(&t.Terms, p.Name())
	if d.Context.Channel == ChannelImport {
		return nil
	}
	if t.ExpiresAt.IsZero() {
		t.ExpiresAt = p.expiry(Principal, d.Decided)
	}
	var ladder *Ladder
	if t.Bonus.IsZero() && !t.NoBonus {
		t.Bonus, ladder = p.bonus(d, t.Amount)
	}
	if !t.Bonus.IsZero() && t.BonusExpiresAt.IsZero() {
		t.BonusExpiresAt = p.expiry(Bonus, d.Decided)
	}
	return ladder
}

// bonus is what the ladder gives for a principal: of the steps that match, the one with the highest
// From, among equals the first. A bonus that rounds to zero is none, and its step is not taken.
func (p *Program) bonus(d *Draft, principal Money) (Money, *Ladder) {
	var best *LadderStep
	for i := range p.Terms.Ladder {
		s := &p.Terms.Ladder[i]
		if s.matches(p, d, principal) && (best == nil || best.From.Less(s.From)) {
			best = s
		}
	}
	if best == nil {
		return Money{}, nil
	}
	bonus := best.of(principal)
	if bonus.IsZero() {
		return Money{}, nil
	}
	return bonus, &Ladder{Version: p.Name(), Step: best.ID}
}

// matches reports whether the step is there for a top-up of that principal, now and here.
func (s *LadderStep) matches(p *Program, d *Draft, principal Money) bool {
	return s.From.Unit() == principal.Unit() && !principal.Less(s.From) &&
		within(d.Decided, s.Begins, s.Ends) && s.Scope.matches(&d.Context) &&
		(len(s.Accounts) == 0 || listed(s.Accounts, d.id)) &&
		(!s.FirstTopUp || d.bonuses.TopUps == 0) &&
		(s.PerCustomer == 0 || d.bonuses.count(p.ID+"/"+s.ID) < s.PerCustomer)
}

// of is the bonus for a principal: fixed, or the percentage, rounded half up at the unit's scale, and
// no more than the cap.
func (s *LadderStep) of(principal Money) Money {
	if s.Fixed.Unit() != "" {
		return s.Fixed
	}
	bonus := percentOf(principal, s.Percent)
	if s.Cap.Unit() != "" && s.Cap.Less(bonus) {
		return s.Cap
	}
	return bonus
}

// percentOf is a percentage, at most 100, of an amount: rounded half up at the unit's scale.
func percentOf(m Money, percent Quantity) Money {
	all := fromSteps(100, 0)
	for all.scale < percent.scale {
		all = fromSteps(all.steps*10, all.scale+1)
	}
	return m.With(portion(m.Quantity, percent, all))
}

// bonuses are what a ladder asks about an account's past. Steps never change in place.
type bonuses struct {
	TopUps int        `json:"top_ups"` // posted, and not reversed unused
	Steps  []stepUses `json:"steps,omitempty"`
}

// stepUses says how often an account has had a step, named as Ladder.key does.
type stepUses struct {
	Step  string `json:"step"`
	Times int    `json:"times"`
}

// mostStepUses bounds the steps that an account remembers: two whole ladders. The one that was used
// least lately is forgotten.
const mostStepUses = 2 * mostSteps

func (b *bonuses) count(step string) int {
	for _, s := range b.Steps {
		if s.Step == step {
			return s.Times
		}
	}
	return 0
}

// topUp notes a top-up, and the step it took.
func (b *bonuses) topUp(ladder *Ladder) {
	b.TopUps++
	if ladder != nil {
		b.use(ladder.key(), 1)
	}
}

// reverse notes that a top-up was reversed of which nothing was used: the step it took may be had again.
// Otherwise it stays taken, or a bonus could be spent as often as its top-up is charged back.
func (b *bonuses) reverse(ladder *Ladder) {
	b.TopUps--
	if ladder != nil && b.count(ladder.key()) > 0 {
		b.use(ladder.key(), -1)
	}
}

func (b *bonuses) use(step string, times int) {
	times += b.count(step)
	steps := slices.DeleteFunc(slices.Clone(b.Steps), func(s stepUses) bool { return s.Step == step })
	if len(steps) >= mostStepUses {
		steps = steps[1:]
	}
	if times > 0 {
		steps = append(steps, stepUses{step, times})
	}
	if b.Steps = steps; len(steps) == 0 {
		b.Steps = nil // as its snapshot brings it back
	}
}

func (t *Terms) ladderFaults(f *faults) {
	f.want(len(t.Ladder) <= mostSteps, "terms.ladder", fmt.Sprint("want at most ", mostSteps))
	ids := map[string]bool{}
	for i, s := range t.Ladder {
		at := fmt.Sprintf("terms.ladder.%d.", i)
		f.want(storeID.MatchString(s.ID) && !ids[s.ID], at+"id",
			"want 1 to 64 of [A-Za-z0-9._:-], each once")
		ids[s.ID] = true
		f.want(s.From.unit != "" && !s.From.IsNegative(), at+"from", "is required")
		byPercent, fixed := !s.Percent.IsZero(), s.Fixed.unit != ""
		f.want(byPercent != fixed, at+"percent", "want it or fixed, not both")
		f.want(!byPercent || isPercent(s.Percent), at+"percent", wantPercent)
		f.amount(s.Fixed, s.From.unit, at+"fixed")
		f.amount(s.Cap, s.From.unit, at+"cap")
		f.want(byPercent || s.Cap.unit == "", at+"cap", "goes with percent")
		f.window(s.Begins, s.Ends, at)
		f.whom(s.Scope, s.Accounts, at)
		f.want(s.PerCustomer >= 0 && s.PerCustomer <= 1_000_000, at+"per_customer",
			"want 0 to 1000000")
	}
}
