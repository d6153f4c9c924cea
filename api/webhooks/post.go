package webhooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// answerBytes bounds what is read of a receiver's answer: enough to use the connection again.
const answerBytes = 4 << 10

// newClient is a client that follows no redirect, asks no proxy, and without private connects to no
// private address.
func newClient(private bool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:       nil, // a proxy would resolve names itself
			DialContext: newDialer(private).DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 5 * time.Second, MaxResponseHeaderBytes: 16 << 10,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// signer is a key that signs, until it expires.
type signer struct {
	key     []byte
	expires time.Time // zero: never
}

// sign is the header webhook-signature (Standard Webhooks 1.0, symmetric): a signature of each key.
func sign(keys []signer, id string, at time.Time, body []byte) string {
	var all []string
	for _, k := range keys {
		if !k.expires.IsZero() && !at.Before(k.expires) {
			continue
		}
		mac := hmac.New(sha256.New, k.key)
		fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " ")
}

// post sends an event once and answers with the receiver's status, 0 where there was none.
func (e *endpoint) post(ctx context.Context, d Delivery, event eventstore.Recorded) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, e.s.opts.Timeout)
	defer cancel()
	if err := Check(e.hook.URL, e.s.opts.Private); err != nil {
		return 0, err
	}
	body := e.s.opts.Body(event, e.hook.Personal)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.hook.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	now := time.Now()
	id := d.EventID.String()
	for name, value := range map[string]string{
		"Content-Type":      "application/json",
		"User-Agent":        "Tillbook/" + e.s.opts.Version,
		"Webhook-Id":        id,
		"Webhook-Timestamp": strconv.FormatInt(now.Unix(), 10),
		"Webhook-Signature": sign(e.keys, id, now, body),
		"Tillbook-Sequence": strconv.FormatInt(d.Sequence, 10),
		"Tillbook-Position": strconv.FormatUint(uint64(d.Position), 10),
		"Tillbook-Webhook":  e.hook.ID.String(),
	} {
		r.Header.Set(name, value)
	}
	answer, err := e.s.client.Do(r)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, answerBytes) // its status is all that counts
	if answer.StatusCode/100 != 2 {
		return answer.StatusCode, fmt.Errorf("answered %d", answer.StatusCode)
	}
	return answer.StatusCode, nil
}

// withoutURL is what was wrong with a request, without its address: that may hold a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
