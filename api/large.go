package api

import (
	"errors"
	"sync/atomic"
)

// How many large bodies are in memory at once: of a key, and in all.
const (
	largeOfKey = 4
	largeInAll = 32
)

var errManyLarge = errors.New("too many large requests at once")

// largeBody reads a body of at most BulkLimit bytes. One that is larger than BodyLimit, or may be, needs a
// place: done gives it back, when the body is no longer needed.
func (c *call) largeBody() (text []byte, done func(), err error) {
	done = func() {}
	if length := c.Context().Request.Header.ContentLength(); length < 0 || length > c.s.BodyLimit {
		if done, err = c.s.place(c.who.large); err != nil {
			return nil, nil, err
		}
	}
	if text, err = c.body(c.s.BulkLimit); err != nil {
		done()
		return nil, nil, err
	}
	return text, done, nil
}

// place takes a place for a large body of a key, of which there are so many; nil counts none.
func (s *Server) place(ofKey *atomic.Int32) (done func(), err error) {
	if ofKey == nil {
		ofKey = new(atomic.Int32)
	}
	if ofKey.Add(1) <= largeOfKey {
		select {
		case s.large <- struct{}{}:
			return func() { <-s.large; ofKey.Add(-1) }, nil
		default:
		}
	}
	ofKey.Add(-1)
	return nil, errManyLarge
}
