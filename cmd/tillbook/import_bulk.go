package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// bulkAnswer is what the service says to one item; its zero value, that it did not answer.
type bulkAnswer struct {
	Index    int  `json:"index"`
	Status   int  `json:"status"`
	Replayed bool `json:"replayed"`
	Body     struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"body"`
}

func (a bulkAnswer) isPosted() bool { return a.Status >= 200 && a.Status < 300 }

// isTransient reports that the same request, with the same key, may be answered later.
func (a bulkAnswer) isTransient() bool {
	return a.Status == 0 || a.Status == http.StatusTooManyRequests || a.Status >= 500
}

// exchange asks for rows in one bulk request, and answers in their order. An error is one that
// asking again does not mend.
func (l *lane) exchange(
	ctx context.Context, rows []*importRow, dryRun bool,
) ([]bulkAnswer, error) {
	answers := make([]bulkAnswer, len(rows))
	if len(rows) == 0 {
		return answers, nil
	}
	var items bytes.Buffer
	lines := json.NewEncoder(&items)
	for _, row := range rows {
		row.item.Key = row.current()
		if err := lines.Encode(row.item); err != nil {
			return nil, fmt.Errorf("line %d: %w", row.line, err)
		}
	}
	path := "/v1/bulk"
	if dryRun {
		path += "?dry_run=true"
	}
	a, err := l.request(ctx, http.MethodPost, path, &items, answers)
	if err == nil && !a.isPosted() && !a.isTransient() {
		err = l.client.refusal(a.Status, a.Body.Code, a.Body.Detail)
	}
	if err == nil && a.isTransient() {
		l.blame(a)
	}
	return answers, err
}

// request sends one request, and reads a success into into: bulk answers, each at its index, or
// JSON. Where there is no whole answer, the one returned is transient. Its error is ctx's.
func (l *lane) request(
	ctx context.Context, method, path string, body io.Reader, into any,
) (a bulkAnswer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, l.client.base+path, body)
	if err != nil {
		return a, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-ndjson")
	}
	if l.client.key != "" {
		req.Header.Set("Authorization", "Bearer "+l.client.key)
	}
	res, err := l.client.http.Do(req)
	if err != nil {
		a.Body.Code, a.Body.Detail = "no answer", err.Error()
		return a, ctx.Err()
	}
	defer res.Body.Close()
	a.Status = res.StatusCode
	switch answers, isBulk := into.([]bulkAnswer); {
	case !a.isPosted():
		err = json.NewDecoder(res.Body).Decode(&a.Body)
	case isBulk:
		err = readAnswers(res.Body, answers)
	default:
		err = json.NewDecoder(res.Body).Decode(into)
	}
	if err != nil {
		a.Body.Code, a.Body.Detail = "no answer", fmt.Sprintf("status %d, then %v", a.Status, err)
		if a.isPosted() {
			a.Status = 0
		}
	}
	return a, ctx.Err()
}

// readAnswers puts each answer at its index. Those that do not come stay as they are.
func readAnswers(body io.Reader, answers []bulkAnswer) error {
	lines := json.NewDecoder(body)
	for range answers {
		var a bulkAnswer
		if err := lines.Decode(&a); err != nil {
			return err
		}
		if a.Index < 0 || a.Index >= len(answers) {
			return errors.New("an answer to no item")
		}
		answers[a.Index] = a
	}
	_, err := io.Copy(io.Discard, body)
	return err
}
