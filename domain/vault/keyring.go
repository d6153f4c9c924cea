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
//
// A customer's personal data is sealed with a key of the customer's own, which Customers keeps,
// sealed with a master key, and can destroy: what it sealed is then gone wherever it was copied to.
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
	"sync"
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
	keys    []key
	hashing sync.Map // by a purpose of Hashes, of which there are few: [][]byte, as keys
}

// key is 256 bits, and what is derived from them.
type key struct {
	id    string
	bytes []byte
}

// newKey is a key with its id.
func newKey(b []byte) key {
	sum := sha256.Sum256(b)
	return key{hex.EncodeToString(sum[:4]), b}
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
		k.keys = append(k.keys, newKey(b))
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
	return k.keys[0].seal(purpose, plain)
}

// Open is the text that Seal sealed for a purpose. It is ErrSealed where no key opens it.
func (k *Keyring) Open(purpose, sealed string) ([]byte, error) {
	if k == nil {
		return nil, ErrNoMasterKey
	}
	for _, key := range k.keys {
		if plain, err := key.open(purpose, sealed); !errors.Is(err, ErrSealed) {
			return plain, err
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
	derived, err := k.hashKeys(purpose)
	if err != nil {
		return nil, err
	}
	hashes := make([]string, len(derived))
	for i, key := range derived {
		hashes[i] = keyedHash(key, value)
	}
	return hashes, nil
}

// hashKeys are what the master keys hash with for a purpose.
func (k *Keyring) hashKeys(purpose string) ([][]byte, error) {
	if derived, ok := k.hashing.Load(purpose); ok {
		return derived.([][]byte), nil
	}
	var derived [][]byte
	for _, key := range k.keys {
		d, err := key.derive("hash/" + purpose)
		if err != nil {
			return nil, err
		}
		derived = append(derived, d)
	}
	k.hashing.Store(purpose, derived)
	return derived, nil
}

// Secrets are 256 bits for a purpose, those of each master key, the one that seals first.
func (k *Keyring) Secrets(purpose string) ([][]byte, error) {
	if k == nil {
		return nil, ErrNoMasterKey
	}
	var secrets [][]byte
	for _, key := range k.keys {
		secret, err := key.derive("secret/" + purpose)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// Secret are 256 bits for a purpose, those of the master key with an id: ErrSealed where it is not here.
func (k *Keyring) Secret(id, purpose string) ([]byte, error) {
	if k == nil {
		return nil, ErrNoMasterKey
	}
	for _, key := range k.keys {
		if key.id == id {
			return key.derive("secret/" + purpose)
		}
	}
	return nil, ErrSealed
}

func (k key) seal(purpose string, plain []byte) (string, error) {
	aead, err := k.aead(purpose)
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(nil, nil, plain, []byte(purpose))
	return "v1." + k.id + "." + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// open is ErrSealed for what k did not seal for that purpose.
func (k key) open(purpose, sealed string) ([]byte, error) {
	version, rest, _ := strings.Cut(sealed, ".")
	id, text, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if version != "v1" || id != k.id || err != nil {
		return nil, ErrSealed
	}
	aead, err := k.aead(purpose)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, b, []byte(purpose))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// hash is a keyed hash (HMAC-SHA-256) in hexadecimal.
func (k key) hash(purpose, value string) (string, error) {
	derived, err := k.derive("hash/" + purpose)
	if err != nil {
		return "", err
	}
	return keyedHash(derived, value), nil
}

func keyedHash(key []byte, value string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(value)) // it never fails
	return hex.EncodeToString(mac.Sum(nil))
}

func (k key) aead(purpose string) (cipher.AEAD, error) {
	derived, err := k.derive("seal/" + purpose)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (k key) derive(info string) ([]byte, error) {
	return hkdf.Key(sha256.New, k.bytes, nil, "tillbook/"+info, 32)
}
