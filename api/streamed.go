package api

import (
	"bufio"
	"io"
	"sync/atomic"
)

// streamed is an answer that a goroutine of its own writes, which may go on reading the request. The
// HTTP server closes it when the answer is sent or the caller is gone, and gives the request's
// buffers to another connection after that: so Close waits for the goroutine.
type streamed struct {
	*io.PipeReader
	stop    func()      // has the goroutine end soon
	written atomic.Bool // to its end
	ended   chan struct{}
}

// stream answers with what write writes. stop must make write end soon, whatever it waits for but for
// writing.
func (c *call) stream(write func(*bufio.Writer), stop func()) {
	reader, writer := io.Pipe()
	s := &streamed{PipeReader: reader, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		w := bufio.NewWriter(writer)
		write(w)
		_ = w.Flush()
		s.written.Store(true)
		_ = writer.Close() // it never fails
	}()
	c.Context().SetBodyStream(s, -1)
}

// Close ends the writing and waits for its end.
func (s *streamed) Close() error {
	err := s.PipeReader.Close()
	if !s.written.Load() {
		s.stop()
	}
	<-s.ended
	return err
}
