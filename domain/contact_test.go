package domain

import "testing"

func TestNormal(t *testing.T) {
	for _, c := range []struct {
		normal     func(string) (string, bool)
		text, want string // want "": refused
	}{
		{NormalPhone, "+86 138-0013-8000", "+8613800138000"},
		{NormalPhone, "008613800138000", "+8613800138000"},
		{NormalPhone, "13800138000", "+8613800138000"},
		{NormalPhone, "+1 (415) 555.0100", "+14155550100"},
		{NormalPhone, "4155550100", ""}, {NormalPhone, "+", ""}, {NormalPhone, "", ""},
		{NormalPhone, "+0123456789", ""}, {NormalPhone, "+1234567890123456", ""},
		{NormalPhone, "+123456", ""}, {NormalPhone, "+86138x0138000", ""}, {NormalPhone, "12345678901", ""},
		{NormalEmail, " Anna@Example.COM ", "anna@example.com"},
		{NormalEmail, "anna", ""}, {NormalEmail, "a@b@c", ""}, {NormalEmail, "a b@c", ""},
		{NormalEmail, "@c", ""}, {NormalEmail, "a@", ""}, {NormalEmail, "a\x00@c", ""},
		{NormalCredential, "6200 1234-5678", "620012345678"},
		{NormalCredential, "abcd-efgh", "ABCDEFGH"},
		{NormalCredential, "1234567", ""}, {NormalCredential, "1234567é", ""}, {NormalCredential, "", ""},
	} {
		got, ok := c.normal(c.text)
		if ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%q: got %q, %t, want %q", c.text, got, ok, c.want)
		}
		if again, ok := c.normal(got); c.want != "" && (!ok || again != got) {
			t.Errorf("%q: made normal again it is %q", c.text, again)
		}
	}
}
