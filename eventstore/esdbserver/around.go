package esdbserver

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"runtime/debug"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// aroundUnary lets known users in, and keeps a panic within its call.
func (s *Server) aroundUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo,
	handle grpc.UnaryHandler) (resp any, err error) {
	if err := s.authenticate(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	err = s.guard(ctx, info.FullMethod, func() (err error) {
		resp, err = handle(ctx, req)
		return err
	})
	return resp, err
}

// aroundStream does the same, and ends calls that would go on for ever when the server is closing.
func (s *Server) aroundStream(service any, call grpc.ServerStream, info *grpc.StreamServerInfo,
	handle grpc.StreamHandler) error {
	ctx := call.Context()
	if err := s.authenticate(ctx, info.FullMethod); err != nil {
		if !info.IsServerStream {
			drain(call)
		}
		return err
	}
	if !endsByItself(info.FullMethod) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.open, cancel)()
		call = &endingCall{call, ctx}
	}
	return s.guard(ctx, info.FullMethod, func() error { return handle(service, call) })
}

// endsByItself says whether a streamed call ends when its writes are done.
func endsByItself(method string) bool {
	return method == streams.Streams_Append_FullMethodName ||
		method == streams.Streams_BatchAppend_FullMethodName
}

// endingCall is a call whose context ends when the server is closing.
type endingCall struct {
	grpc.ServerStream
	ctx context.Context
}

func (c *endingCall) Context() context.Context { return c.ctx }

// guard does something for a call and turns a panic into its error.
func (s *Server) guard(ctx context.Context, call string, do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.Logger.ErrorContext(ctx, "a call panicked", "call", call, "panic", cause,
				"stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "Internal error")
		}
	}()
	return do()
}

// isPublic says whether clients call a method before they say who they are.
func isPublic(method string) bool {
	return method == serverfeatures.ServerFeatures_GetSupportedMethods_FullMethodName ||
		method == gossip.Gossip_Read_FullMethodName
}

// authenticate wants the name and password of one of Users. Over plain text nobody is asked.
func (s *Server) authenticate(ctx context.Context, method string) error {
	if s.TLS == nil || s.Users == nil {
		return nil
	}
	given := grpcmeta.ValueFromIncomingContext(ctx, "authorization")
	if len(given) == 0 {
		if isPublic(method) {
			return nil
		}
		return accessDenied(ctx)
	}
	if !s.isUser(given[0]) {
		return status.Error(codes.Unauthenticated, "Unauthenticated")
	}
	return nil
}

// isUser says whether a header authorization is that of a user. How long it takes tells nothing of
// the password.
func (s *Server) isUser(header string) bool {
	kind, encoded, _ := strings.Cut(header, " ")
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !strings.EqualFold(kind, "Basic") {
		return false
	}
	name, password, _ := strings.Cut(string(decoded), ":")
	want, known := s.Users[name]
	given, wanted := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(given[:], wanted[:]) == 1 && known
}
