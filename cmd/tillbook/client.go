package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// client speaks to a service: over its folder's socket, which needs no key, or at a URL.
type client struct {
	http *http.Client
	base string
	key  string
}

// connect finds the service that runs on a data folder, or opens the folder itself and serves it on
// its socket alone; so every verb that writes does so through the service. Close what it returns.
func connect(ctx context.Context, at place) (*client, func(), error) {
	if conn, err := dialSocket(at.data); err == nil {
		_ = conn.Close()
		return socketClient(at.data), func() {}, nil
	}
	cfg := defaultConfig()
	cfg.data, cfg.eventstore, cfg.readmodels, cfg.listen = at.data, at.eventstore, at.readmodels, ""
	cfg.webhooks = false // they are sent under settings that this service does not know
	s, err := openService(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	if err := s.ledger.Ready(ctx); err != nil {
		cancel()
		return nil, nil, errors.Join(err, <-done)
	}
	return socketClient(at.data), func() { s.catchUp(ctx); cancel(); <-done }, nil
}

// lastWait bounds how long a verb that opened the folder waits for its read models at its end.
const lastWait = 10 * time.Second

// catchUp has the read models hold all that was written, for who asks them next may find no service that
// would do it. What is missing, a service brings.
func (s *service) catchUp(ctx context.Context) {
	if s.models == nil || s.models.Opened() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastWait)
	defer cancel()
	if err := s.models.WaitHead(ctx); err != nil {
		s.logger.Warn("read models do not hold all that was written", "err", err)
	}
}

func socketClient(data string) *client {
	dial := func(context.Context, string, string) (net.Conn, error) { return dialSocket(data) }
	transport := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 16}
	return &client{http: &http.Client{Transport: transport}, base: "http://tillbook"}
}

// do sends a request with a JSON body, where there is one, and reads a JSON answer into into. An
// answer that is a problem is an error that says its code and detail.
func (c *client) do(
	ctx context.Context, method, path, idempotencyKey string, body, into any,
) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if idempotencyKey != "" {
		req.Header.Set("Idempotency-Key", idempotencyKey)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return c.problem(res.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

func (c *client) problem(status int, answer []byte) error {
	var p struct{ Code, Detail string }
	if err := json.Unmarshal(answer, &p); err != nil || p.Code == "" {
		return fmt.Errorf("the service answered %d", status)
	}
	return c.refusal(status, p.Code, p.Detail)
}

// refusal is an answer that refuses. Over the socket no key is asked for.
func (c *client) refusal(status int, code, detail string) error {
	if status == http.StatusUnauthorized {
		return fmt.Errorf("%s does not know the key that the environment gives as %s, or it was revoked", c.base,
			importKeyVariable)
	}
	return fmt.Errorf("%s: %s", code, detail)
}

// isTaken reports that another process owns the data folder.
func isTaken(err error) bool {
	var taken *eventstore.InUse
	return errors.As(err, &taken)
}
