// Package vault seals what must not be read from a log, a read model or a backup: personal data and
// secrets. What it seals opens again only with a master key, which comes from a file or the
// environment and is never stored.
//
// A sealed text is
//
//	v1.<key id>.<base64url of a 96-bit nonce and AES-256-GCM's output>
//
// where the AES key is HKDF-SHA-256 (RFC 5869) of the master key with the purpose as info, and the
// purpose is authenticated too. The key id is the first 8 hexadecimal digits of the master key's
// SHA-256: after a rotation it says which key opens the text.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Errors of this package, by errors.Is.
var (
	// ErrNoMasterKey: nothing can be sealed or opened, as no master key was given.
	ErrNoMasterKey = errors.New("no master key was given")
	// ErrSealed: the text was sealed under another key or for another purpose, or was changed.
	ErrSealed = errors.New("the sealed text cannot be opened")
)

// Keyring are master keys: the first seals, all of them open. All methods may be called at once. A nil
// Keyring answers ErrNoMasterKey.
type Keyring struct {
	keys []masterKey
}

type masterKey struct {
	id    string
	bytes []byte
}

// NewKeyring reads master keys: each 32 bytes in standard base64, with commas or line ends between
// them. The first seals; to rotate, put the new one in front and keep the old ones. Text without a
// key is no Keyring, and no error.
func NewKeyring(text string) (*Keyring, error) {
	var k Keyring
	between := func(r rune) bool { return strings.ContainsRune(", \r\n\t", r) }
	for _, part := range strings.FieldsFunc(text, between) {
		b, err := base64.StdEncoding.DecodeString(part)
		if err != nil || len(b) != 32 {
			return nil, errors.New("a master key is 32 bytes in base64: openssl rand -base64 32")
		}
		sum := sha256.Sum256(b)
		k.keys = append(k.keys, masterKey{hex.EncodeToString(sum[:4]), b})
	}
	if len(k.keys) == 0 {
		return nil, nil
	}
	return &k, nil
}

// ID is the id of the key that seals.
func (k *Keyring) ID() string {
	if k == nil {
		return ""
	}
	return k.keys[0].id
}

// Seal seals a text for a purpose, such as "webhook/<id>": it opens for the same purpose alone.
func (k *Keyring) Seal(purpose string, plain []byte) (string, error) {
	if k == nil {
		return "", ErrNoMasterKey
	}
	aead, err := k.keys[0].aead(purpose)
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(nil, nil, plain, []byte(purpose))
	return "v1." + k.keys[0].id + "." + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open is the text that Seal sealed for a purpose. It is ErrSealed where no key opens it.
func (k *Keyring) Open(purpose, sealed string) ([]byte, error) {
	if k == nil {
		return nil, ErrNoMasterKey
	}
	version, rest, _ := strings.Cut(sealed, ".")
	id, text, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if version != "v1" || err != nil {
		return nil, ErrSealed
	}
	for _, key := range k.keys {
		if key.id != id {
			continue
		}
		aead, err := key.aead(purpose)
		if err != nil {
			return nil, err
		}
		if plain, err := aead.Open(nil, nil, b, []byte(purpose)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

// Hashes are keyed hashes (HMAC-SHA-256) of a value for a purpose, one for each master key, the one to
// store first: whoever looks a value up looks for all of them.
func (k *Keyring) Hashes(purpose, value string) ([]string, error) {
	if k == nil {
		return nil, ErrNoMasterKey
	}
	var hashes []string
	for _, key := range k.keys {
		derived, err := key.derive("hash/" + purpose)
		if err != nil {
			return nil, err
		}
		mac := hmac.New(sha256.New, derived)
		mac.Write([]byte(value)) // it never fails
		hashes = append(hashes, hex.EncodeToString(mac.Sum(nil)))
	}
	return hashes, nil
}

func (m masterKey) aead(purpose string) (cipher.AEAD, error) {
	derived, err := m.derive("seal/" + purpose)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (m masterKey) derive(info string) ([]byte, error) {
	return hkdf.Key(sha256.New, m.bytes, nil, "tillbook/"+info, 32)
}
