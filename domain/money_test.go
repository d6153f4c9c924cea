package domain

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestParseMoney(t *testing.T) {
	for _, c := range []struct{ unit, amount, want string }{
		{"CNY", "12.50", "12.50 CNY"}, {"CNY", "12.5", "12.50 CNY"}, {"CNY", "12", "12.00 CNY"},
		{"CNY", "0", "0.00 CNY"}, {"CNY", "0.01", "0.01 CNY"}, {"JPY", "12", "12 JPY"},
		{"KWD", "1.234", "1.234 KWD"}, {"CLF", "1.2345", "1.2345 CLF"}, {"CUT", "10", "10 CUT"},
		{"CNY", "999999999999999", "999999999999999.00 CNY"},
		{"CNY", "999999999999999.99", "999999999999999.99 CNY"},
		{"CNY", "1000000000000000", "malformed"}, {"CNY", "12.500", "amount_scale"},
		{"CNY", "12.000", "amount_scale"}, {"JPY", "12.0", "amount_scale"}, {"KWD", "1.2345",
			"amount_scale"},
		{"CNY", "", "malformed"}, {"CNY", " 1", "malformed"}, {"CNY", "1 ", "malformed"},
		{"CNY", "1\n", "malformed"}, {"CNY", "1,5", "malformed"}, {"CNY", "1_0", "malformed"},
		{"CNY", "+1", "malformed"}, {"CNY", "-1", "malformed"}, {"CNY", "-0", "malformed"},
		{"CNY", "01", "malformed"}, {"CNY", "00", "malformed"}, {"CNY", ".5", "malformed"},
		{"CNY", "5.", "malformed"}, {"CNY", "1.2.3", "malformed"}, {"CNY", "1e2", "malformed"},
		{"CNY", "1E2", "malformed"}, {"CNY", "1e2000000", "malformed"}, {"CNY", "0x10", "malformed"},
		{"CNY", "NaN", "malformed"}, {"CNY", "Inf", "malformed"}, {"CNY", "１２", "malformed"},
		{"CNY", "१२", "malformed"}, {"CNY", "−1", "malformed"}, {"CNY", "1\x00", "malformed"},
		{"CNY", strings.Repeat("9", 1<<20), "malformed"},
		{"CNY", "0." + strings.Repeat("0", 1<<20), "malformed"},
	} {
		m, err := ParseMoney(c.amount, unit(c.unit))
		got := m.String()
		var r *Refusal
		if errors.As(err, &r) {
			got = string(r.Code)
		}
		if got != c.want {
			t.Errorf("%.40q: got %s, want %s", c.amount, got, c.want)
		}
	}
}

func TestMoneyJSON(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"amount":"12.50","unit":"CNY"}`, "12.50 CNY"}, {`{"amount":"-0.01","unit":"CNY"}`,
			"-0.01 CNY"},
		{`{"amount":"123456789012345678901234567890.1234","unit":"CNY"}`,
			"123456789012345678901234567890.1234 CNY"},
		{`{"amount":12.5,"unit":"CNY"}`, ""}, {`{"amount":"1e5","unit":"CNY"}`, ""},
		{`{"amount":"12.50"}`, ""}, {`{"amount":"1","unit":"cny"}`, ""},
		{`{"amount":"1","unit":"\"\"\""}`, ""},
		{`{"amount":"-0.00","unit":"CNY"}`, ""}, {`{"amount":"01","unit":"CNY"}`, ""},
		{`{"amount":"1.23456","unit":"CNY"}`, ""}, {`null`, ""}, {`"1 CNY"`, ""}, {`{}`, ""},
		{`{"amount":"1234567890123456789012345678901","unit":"CNY"}`, ""},
	} {
		var m Money
		if err := json.Unmarshal([]byte(c.text), &m); err != nil {
			m = Money{}
			if c.want != "" {
				t.Errorf("%s: got %v, want %s", c.text, err, c.want)
			}
			continue
		}
		if got := m.String(); got != c.want {
			t.Errorf("%s: got %s, want %q", c.text, got, c.want)
		}
		if again, _ := json.Marshal(m); string(again) != c.text {
			t.Errorf("got %s back, want %s", again, c.text)
		}
	}
}

// Amounts of two units never meet, and never compare as equal.
func TestUnitsNeverMeet(t *testing.T) {
	yen := MustMoney("5", unit("JPY"))
	for name, meet := range map[string]func(){
		"add": func() { cny("5").Add(yen) }, "sub": func() { cny("5").Sub(yen) },
		"less": func() { cny("5").Less(yen) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got an answer, want a panic", name)
				}
			}()
			meet()
		}()
	}
	if cny("5").Equal(yen) {
		t.Error("got 5.00 CNY equal to 5 JPY")
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, seed := range []string{"0", "12.50", "1e9", "-1", "999999999999999.99", "１", "0.000"} {
		f.Add(seed, int32(2))
	}
	f.Fuzz(func(t *testing.T, amount string, scale int32) {
		u := Unit{Code: "CNY", Scale: (scale%5 + 5) % 5}
		m, err := ParseMoney(amount, u)
		if err != nil {
			return
		}
		if m.IsNegative() || m.Scale() != u.Scale || len(m.minor().String()) > 15+int(u.Scale) {
			t.Fatalf("got %s of %q", m, amount)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Money
		if err := json.Unmarshal(text, &back); err != nil || !back.Equal(m) || back.Scale() != m.Scale() {
			t.Fatalf("got %s back and %v, want %s", back, err, m)
		}
	})
}

func FuzzMoneyJSON(f *testing.F) {
	for _, seed := range []string{`{"amount":"12.50","unit":"CNY"}`, `{"amount":"-1","unit":"JPY"}`,
		`null`,
		`{"unit":"CNY","amount":"1","amount":null}`, `"1.00 CNY"`, `{"amount":"\u0031","unit":"CNY"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var m Money
		if json.Unmarshal(text, &m) == nil {
			roundTrip(t, m)
		}
		var q Quantity
		if json.Unmarshal(text, &q) == nil {
			roundTrip(t, q)
		}
	})
}

// roundTrip holds that what was read is written, and read again, as the same.
func roundTrip[V any](t *testing.T, v V) {
	t.Helper()
	first, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var again V
	if err := json.Unmarshal(first, &again); err != nil {
		t.Fatalf("%s: %v", first, err)
	}
	if second, _ := json.Marshal(again); string(second) != string(first) {
		t.Fatalf("got %s, want %s", second, first)
	}
}
