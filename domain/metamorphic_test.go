package domain

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// askedAt is a command with the time and the context it was asked at.
type askedAt struct {
	command Command
	now     time.Time
	context Context
}

// What happens does not depend on when it happens: a history that is asked for again, all of it a time
// later, tells the same.
func TestShiftedTime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		first := newMachine(t)
		first.TB = fatal{t, r}
		var asked []askedAt
		var told []string
		ask := func(m *machine, a askedAt) string {
			m.now, m.context = a.now, a.context
			posted, err := m.do(a.command)
			m.enterAll(posted)
			return answer(posted, err)
		}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			pass := rapid.SampledFrom([]time.Duration{0, time.Minute, 11 * time.Minute, 20 * day}).
				Draw(r, "pass")
			a := askedAt{Command(OpenAccount{CustomerRef: "C-1"}), first.now.Add(pass), first.drawContext(r)}
			if len(asked) > 0 {
				first.now = a.now
				a.command = first.draw(r)
			}
			asked, told = append(asked, a), append(told, ask(first, a))
		}
		by := time.Duration(rapid.Int64Range(1, 4000).Draw(r, "days")) * day
		second := newMachine(t)
		second.TB = first.TB
		for i, a := range asked {
			a.now, a.command = a.now.Add(by), shifted(a.command, by)
			if got := ask(second, a); unshifted(got, by) != unshifted(told[i], 0) {
				r.Fatalf("%#v: %s later got\n%s\nwant\n%s", a.command, by, got, told[i])
			}
		}
	})
}

// shifted is a command with its own instants moved.
func shifted(c Command, by time.Duration) Command {
	move := func(t *time.Time) {
		if !t.IsZero() {
			*t = t.Add(by)
		}
	}
	switch c := c.(type) {
	case TopUp:
		move(&c.ExpiresAt)
		move(&c.BonusExpiresAt)
		return c
	case GrantCredit:
		move(&c.ExpiresAt)
		return c
	case FreezeAccount:
		move(&c.Until)
		return c
	}
	return c
}

// unshifted is what was told with the days in it moved back.
func unshifted(told string, by time.Duration) string {
	const marker = "reopened until "
	for i := 0; i+len(marker)+len(time.DateOnly) <= len(told); i++ {
		if told[i:i+len(marker)] != marker {
			continue
		}
		from, to := i+len(marker), i+len(marker)+len(time.DateOnly)
		if at, err := time.Parse(time.DateOnly, told[from:to]); err == nil {
			told = told[:from] + at.Add(-by).Format(time.DateOnly) + told[to:]
		}
	}
	return told
}
