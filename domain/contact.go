package domain

import (
	"regexp"
	"strings"
)

// What can be looked up by a keyed hash has one form, so that one phone has one hash.
var (
	phoneDigits  = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)
	chinesePhone = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	emailAddress = regexp.MustCompile(`^[^\s@]{1,64}@[^\s@]{1,189}$`)
	credential   = regexp.MustCompile(`^[0-9A-Z]{8,64}$`)
	separators   = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")
)

// NormalPhone is a phone number as "+" and at most 15 digits (ITU-T E.164). Blanks, hyphens, points and
// parentheses do not count. It begins with its country after "+" or "00"; an 11-digit mobile number
// of China may go without.
func NormalPhone(text string) (string, bool) {
	digits := separators.Replace(text)
	international, plus := strings.CutPrefix(digits, "+")
	if !plus {
		international, plus = strings.CutPrefix(digits, "00")
	}
	if !plus && chinesePhone.MatchString(digits) {
		international, plus = "86"+digits, true
	}
	return "+" + international, plus && phoneDigits.MatchString(international)
}

// NormalEmail is an address in lower case, without blanks around it.
func NormalEmail(text string) (string, bool) {
	address := strings.ToLower(strings.TrimSpace(text))
	return address, printable(address) && emailAddress.MatchString(address)
}

// NormalCredential is a card's number or a code: 8 to 64 digits and letters in upper case. Blanks and
// hyphens do not count.
func NormalCredential(text string) (string, bool) {
	value := strings.ToUpper(blanksAndHyphens.Replace(text))
	return value, credential.MatchString(value)
}
