package domain

import "slices"

// Scope names where a sale is; an empty list is no limit.
type Scope struct {
	Stores   []string `json:"stores,omitempty"`
	Channels []string `json:"channels,omitempty"`
}

// IsZero reports a scope without limits.
func (s Scope) IsZero() bool { return len(s.Stores) == 0 && len(s.Channels) == 0 }

func (s Scope) valid() bool {
	return len(s.Stores) <= 100 && !slices.ContainsFunc(s.Stores, notAName) &&
		len(s.Channels) <= 100 && !slices.ContainsFunc(s.Channels, notAName)
}

// notAName reports what storeID does not match, a few times as fast: sales have many names.
func notAName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= ':', c == '.', c == '_', c == '-':
		default:
			return true
		}
	}
	return s == "" || len(s) > 64
}

// matches reports whether s holds a context; nil asks for what no scope bars.
func (s Scope) matches(c *Context) bool {
	return c == nil || (len(s.Stores) == 0 || slices.Contains(s.Stores, c.Store)) &&
		(len(s.Channels) == 0 || slices.Contains(s.Channels, c.Channel))
}

// LotScope limits where a lot can be spent, and on which goods; an empty list is no limit. A lot that is
// limited to goods pays lines that name them and nothing else: a debit, a hold and a transfer of an
// amount are one line without a name, and match none.
type LotScope struct {
	Scope
	Products   []string `json:"products,omitempty"`   // beside Categories
	Categories []string `json:"categories,omitempty"` // beside Products
}

// mostNames says what valid wants of a LotScope.
const mostNames = "want at most 100 stores, channels, products and categories each, by their names"

// IsZero reports a scope without limits.
func (s LotScope) IsZero() bool { return s.Scope.IsZero() && !s.ofGoods() }

func (s LotScope) valid() bool {
	return s.Scope.valid() && len(s.Products) <= 100 && !slices.ContainsFunc(s.Products, notAName) &&
		len(s.Categories) <= 100 && !slices.ContainsFunc(s.Categories, notAName)
}

// ofGoods reports whether s limits the goods.
func (s *LotScope) ofGoods() bool { return len(s.Products)+len(s.Categories) > 0 }

// lets reports whether s lets value be spent on a product of that category.
func (s *LotScope) lets(product, category string) bool {
	return !s.ofGoods() || names(s.Products, s.Categories, product, category)
}
