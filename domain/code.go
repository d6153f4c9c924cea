package domain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strings"
)

// A code is a bearer string of twelve characters of Crockford's base32
// (https://www.crockford.com/base32.html): 55 bits of an HMAC, first bit first, and a check character.
// That makes the characters, as elements of GF(2^5) modulo x^5+x^2+1, the coefficients of a polynomial
// that is zero at x. As x has the order 31, every wrong character and every two that changed places make
// it something else.
const (
	codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeLength   = 12
	codeBits     = 5 * (codeLength - 1)
	codeModulus  = 0b100101
)

// Codes draws codes from a key. It must not be used at once by several.
type Codes struct{ mac hash.Hash }

// NewCodes draws from a secret key.
func NewCodes(key []byte) Codes { return Codes{hmac.New(sha256.New, key)} }

// At is the code of a serial number in its normal form.
func (c Codes) At(serial uint32) string {
	return c.Of(binary.BigEndian.AppendUint32(nil, serial))
}

// Of is the code of whatever its holder has a right to, in its normal form.
func (c Codes) Of(what []byte) string {
	c.mac.Reset()
	c.mac.Write(what) // it never fails
	var sum [sha256.Size]byte
	bits := binary.BigEndian.Uint64(c.mac.Sum(sum[:0])) >> (64 - codeBits)
	var code [codeLength]byte
	for i := codeLength - 2; i >= 0; i, bits = i-1, bits>>5 {
		code[i] = codeAlphabet[bits&31]
	}
	code[codeLength-1] = codeAlphabet[codeCheck(code[:codeLength-1])]
	return string(code[:])
}

// codeCheck is the value of the check character that goes behind digits, which are of the alphabet.
func codeCheck(digits []byte) byte {
	var check byte
	for _, d := range digits {
		check ^= byte(strings.IndexByte(codeAlphabet, d))
		if check <<= 1; check >= 32 {
			check ^= codeModulus
		}
	}
	return check
}

// readCode takes what people write for what is printed.
var readCode = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1")

// ReadCode is the normal form of a code: upper case, O is 0, I and L are 1, blanks and hyphens do not
// count. It is false for what no key draws.
func ReadCode(text string) (string, bool) {
	if len(text) > 4*codeLength {
		return "", false
	}
	code := readCode.Replace(strings.ToUpper(text))
	if len(code) != codeLength || strings.Trim(code, codeAlphabet) != "" {
		return "", false
	}
	last := codeLength - 1
	return code, codeAlphabet[codeCheck([]byte(code[:last]))] == code[last]
}

// PrintCode is a code in normal form as people read it: ABCD-EFGH-JKMN.
func PrintCode(code string) string {
	return code[:4] + "-" + code[4:8] + "-" + code[8:]
}

var blanksAndHyphens = strings.NewReplacer(" ", "", "-", "")

// NormalPromoCode is a code that people chose: 4 to 32 digits and letters in upper case. Blanks and hyphens
// do not count.
func NormalPromoCode(text string) (string, bool) {
	code := strings.ToUpper(blanksAndHyphens.Replace(text))
	return code, len(code) >= 4 && len(code) <= 32 && strings.Trim(code, digitsAndLetters) == ""
}

const digitsAndLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// CodeEnd is the end of a code that may be shown: its last four characters, and no more than half of it.
func CodeEnd(code string) string { return code[len(code)-min(4, len(code)/2):] }

// NormalCode is the normal form of a code that somebody shows: of one that a key drew ReadCode's, of any
// other NormalCredential's.
func NormalCode(text string) (string, bool) {
	if code, ok := ReadCode(text); ok {
		return code, true
	}
	return NormalCredential(text)
}
