package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// asOf is the part of an answer that says what it knows of the log.
type asOf struct {
	Position string `json:"as_of_position"`
}

func (a asOf) number() (int64, error) { return strconv.ParseInt(a.Position, 10, 64) }

// catchUp says by how many events the read models are behind the log now, and how long they take to
// reach where it stands now. Nobody writes meanwhile.
func (c *contender) catchUp(ctx context.Context) (lag int64, took time.Duration, err error) {
	began := time.Now()
	head, err := c.position(ctx, c.books.paths[0]+"/balances") // current at once
	if err != nil {
		return 0, 0, err
	}
	model, err := c.position(ctx, "/v1/accounts?limit=1")
	if err != nil {
		return 0, 0, err
	}
	// Each question waits at the server, a second at most, and is 503 while that is not enough.
	reached := fmt.Sprintf("/v1/accounts?limit=1&min_position=%d", head)
	for {
		_, err = c.position(ctx, reached)
		if err == nil || ctx.Err() != nil || time.Since(began) > catchUpTime {
			return max(0, head-model), time.Since(began), err
		}
	}
}

func (c *contender) position(ctx context.Context, path string) (int64, error) {
	var a asOf
	if err := c.client().do(ctx, http.MethodGet, path, "", nil, &a); err != nil {
		return 0, err
	}
	return a.number()
}
