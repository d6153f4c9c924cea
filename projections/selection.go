package projections

import (
	"strings"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// selected is the query of columns of the accounts a, as they stand at an instant, that a selection
// holds: members' that have not ended. It ends with a condition in brackets. What was asked stands in
// its parameters alone; its text comes from the tables here.
func selected(columns string, s domain.Selection, at time.Time) (string, []any) {
	c := selecting{at: at}
	return "SELECT " + columns + " FROM accounts a WHERE " + selectable + " AND (" + c.part(&s) + ")", c.args
}

// selectable are the accounts that a selection can hold.
const selectable = "a.kind = 'member' AND a.status <> 'closed' AND a.status <> 'merged'"

// selecting makes SQL of a selection.
type selecting struct {
	at   time.Time
	args []any
}

func (c *selecting) part(s *domain.Selection) string {
	switch {
	case s.Field != "":
		return c.condition(s)
	case s.Not != nil:
		return "NOT (" + c.part(s.Not) + ")"
	case s.All != nil:
		return c.joined(s.All, " AND ")
	}
	return c.joined(s.Any, " OR ")
}

func (c *selecting) joined(parts []domain.Selection, by string) string {
	all := make([]string, len(parts))
	for i := range parts {
		all[i] = "(" + c.part(&parts[i]) + ")"
	}
	return strings.Join(all, by)
}

// comparisons are the operators that there are.
var comparisons = map[domain.SelectionOp]string{
	domain.SelectEQ: "=", domain.SelectNE: "<>", domain.SelectLT: "<", domain.SelectLE: "<=",
	domain.SelectGT: ">", domain.SelectGE: ">=",
}

// nobody is the condition that no account satisfies.
const nobody = "false"

// condition is a condition's SQL, which is never NULL.
func (c *selecting) condition(s *domain.Selection) string {
	if label, ok := labels[s.Field]; ok {
		return c.label(label, s)
	}
	if figure, ok := scores[s.Field]; ok {
		return "a.id IN (SELECT account_id FROM (" + c.quintiles(figure, s) + ") AS scored WHERE score " +
			c.compared(s) + ")"
	}
	if figure, ok := figures[s.Field]; ok {
		return "coalesce((" + figure(c, s) + ") " + c.compared(s) + ", false)"
	}
	return nobody
}

// compared is a comparison's operator and right side.
func (c *selecting) compared(s *domain.Selection) string {
	if s.Op == domain.SelectIn {
		for _, v := range s.Values {
			c.args = append(c.args, c.value(s, v))
		}
		return "IN (" + marks(len(s.Values)) + ")"
	}
	c.args = append(c.args, c.value(s, s.Value))
	return comparisons[s.Op] + " ?"
}

// marks are the places of n parameters.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// value is what a figure is compared with: a number, of an amount in smallest steps, or an instant.
func (c *selecting) value(s *domain.Selection, v domain.SelectionValue) any {
	if s.Field == domain.SelectOpened {
		t, _ := time.Parse(time.RFC3339, string(v)) // as it was checked
		return NullTime(t)
	}
	var q domain.Quantity
	_ = q.UnmarshalText([]byte(v)) // likewise
	n := q.Decimal().Coefficient()
	if !n.IsInt64() {
		return int64(1<<63 - 1)
	}
	return n.Int64()
}

// figures are the SQL of what a condition compares: a number, or an instant as text, of account a; NULL
// where the account has none.
var figures = map[domain.SelectionField]func(*selecting, *domain.Selection) string{
	domain.SelectBalance: func(c *selecting, s *domain.Selection) string {
		c.args = append(c.args, s.Unit)
		return `coalesce((SELECT CAST(replace(total, '.', '') AS INTEGER) FROM balances
			WHERE account_id = a.id AND unit = ?), 0)`
	},
	domain.SelectSpend: func(c *selecting, s *domain.Selection) string {
		c.args = append(c.args, s.Unit)
		return "SELECT coalesce(sum(amount), 0) FROM purchases WHERE account_id = a.id AND unit = ?" +
			c.window(s)
	},
	domain.SelectFrequency: func(c *selecting, s *domain.Selection) string {
		return "SELECT coalesce(sum(sales), 0) FROM purchases WHERE account_id = a.id" + c.window(s)
	},
	domain.SelectRecency: func(c *selecting, s *domain.Selection) string {
		c.args = append(c.args, c.today(), c.today())
		return `SELECT CASE WHEN max(day) > ? THEN 0
			ELSE CAST(julianday(?) - julianday(max(day)) AS INTEGER) END FROM purchases
			WHERE account_id = a.id AND sales > 0`
	},
	domain.SelectDormancy: func(*selecting, *domain.Selection) string { return "a.dormant_step" },
	domain.SelectOpened:   func(*selecting, *domain.Selection) string { return "a.opened_at" },
	domain.SelectCoupons: func(c *selecting, s *domain.Selection) string {
		c.args = append(c.args, NullTime(c.at))
		text := `SELECT count(*) FROM coupons WHERE account_id = a.id AND status IN ('active', 'reserved')
			AND (valid_until IS NULL OR valid_until > ?)`
		if s.Of != "" {
			c.args = append(c.args, s.Of)
			text += " AND campaign = ?"
		}
		return text
	},
	domain.SelectInteractions: func(c *selecting, s *domain.Selection) string {
		text := "SELECT count(*) FROM interactions WHERE account_id = a.id"
		if s.Kind != "" {
			c.args = append(c.args, string(s.Kind))
			text += " AND kind = ?"
		}
		if s.Days > 0 {
			c.args = append(c.args, NullTime(c.at.AddDate(0, 0, -s.Days)), NullTime(c.at))
			text += " AND occurred_at > ? AND occurred_at <= ?"
		}
		return text
	},
}

// labels are the SQL of the labels of account a, one a row in the column label.
var labels = map[domain.SelectionField]string{
	domain.SelectTag: `SELECT t.value AS label FROM customers c, json_each(c.tags) t
		WHERE c.id = a.id`,
	domain.SelectConsent: `SELECT t.key AS label FROM customers c, json_each(c.consents) t
		WHERE c.id = a.id AND t.value ->> '$.granted_at' IS NOT NULL`,
	domain.SelectTier: "SELECT tier AS label FROM tiers WHERE account_id = a.id",
}

// label is that an account has a label, or one of several; of ne that it has it not.
func (c *selecting) label(labels string, s *domain.Selection) string {
	values := s.Values
	if s.Op != domain.SelectIn {
		values = []domain.SelectionValue{s.Value}
	}
	for _, v := range values {
		c.args = append(c.args, string(v))
	}
	text := "EXISTS (SELECT 1 FROM (" + labels + ") AS l WHERE label IN (" +
		marks(len(values)) + "))"
	if s.Op == domain.SelectNE {
		return "NOT " + text
	}
	return text
}

func (c *selecting) today() string { return c.at.Format(time.DateOnly) }

// window is the rest of a condition on purchases: the last days, today included, or dates.
func (c *selecting) window(s *domain.Selection) (text string) {
	from, to := s.From, s.To
	if s.Days > 0 {
		from, to = c.at.AddDate(0, 0, 1-s.Days).Format(time.DateOnly), c.today()
	}
	if from != "" {
		text += " AND day >= ?"
		c.args = append(c.args, from)
	}
	if to != "" {
		text += " AND day <= ?"
		c.args = append(c.args, to)
	}
	return text
}

// scores are the SQL of the figures by which accounts are scored.
var scores = map[domain.SelectionField]string{
	domain.SelectRFMRecency:   "max(CASE WHEN sales > 0 THEN day END)",
	domain.SelectRFMFrequency: "sum(sales)",
	domain.SelectRFMMoney:     "sum(CASE WHEN unit = ? THEN amount ELSE 0 END)",
}

// quintiles are the scores, 1 to 5, of all accounts that can be selected and bought something in the
// window: 1 and the fifths of them that have less. Equals have the same score, so where many are equal
// some scores are nobody's.
func (c *selecting) quintiles(figure string, s *domain.Selection) string {
	if s.Unit != "" {
		c.args = append(c.args, s.Unit)
	}
	return `SELECT account_id, 1 + 5 * (rank() OVER (ORDER BY figure) - 1) / count(*) OVER () AS score
		FROM (SELECT account_id, ` + figure + ` AS figure FROM purchases WHERE account_id IN (
			SELECT a.id FROM accounts a WHERE ` + selectable + `)` + c.window(s) + `
		GROUP BY account_id HAVING max(sales) > 0) AS bought`
}
