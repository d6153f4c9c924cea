package esdb

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	// mostReceived bounds one message from a server, which takes appends of up to 16 MiB.
	mostReceived = 17 << 20
	// windowBytes is what a server may send ahead of a reader.
	windowBytes = 1 << 20
	// dialTimeout bounds one try to connect, handshakes included.
	dialTimeout = 5 * time.Second
	// Between tries a connection waits a moment longer each time, up to lastDial.
	firstDial, lastDial = 50 * time.Millisecond, time.Second
)

// dialer makes connections to any node of one address. Each reconnects by itself.
type dialer struct {
	options []grpc.DialOption
	refused atomic.Pointer[handshake] // what the last TLS handshake ended with
}

// handshake is how a TLS handshake ended; nil err is well.
type handshake struct{ err error }

func newDialer(a *address) *dialer {
	d := new(dialer)
	d.options = []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(mostReceived)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: firstDial, Multiplier: 1.6, Jitter: 0.2, MaxDelay: lastDial,
			},
			MinConnectTimeout: dialTimeout,
		}),
		grpc.WithInitialWindowSize(windowBytes),
		grpc.WithInitialConnWindowSize(windowBytes),
		grpc.WithDisableServiceConfig(),
	}
	if a.keepaliveInterval >= 0 {
		d.options = append(d.options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: a.keepaliveInterval, Timeout: a.keepaliveTimeout, PermitWithoutStream: true,
		}))
	}
	if a.tls == nil {
		d.options = append(d.options, grpc.WithTransportCredentials(insecure.NewCredentials()))
		return d
	}
	d.options = append(d.options, grpc.WithTransportCredentials(
		watched{credentials.NewTLS(a.tls), &d.refused}))
	if a.user != "" {
		d.options = append(d.options, grpc.WithPerRPCCredentials(newBasic(a.user, a.password)))
	}
	return d
}

// dial is a connection that begins to connect with its first call.
func (d *dialer) dial(hostPort string) (*grpc.ClientConn, error) {
	return grpc.NewClient(hostPort, d.options...)
}

// untrusted is why the last TLS handshake failed, if trying again will not help: the certificate is
// expired or not to be trusted, or the server speaks plain text.
func (d *dialer) untrusted() error {
	last := d.refused.Load()
	if last == nil {
		return nil
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	if errors.As(last.err, &certificate) || errors.As(last.err, &record) {
		return last.err
	}
	return nil
}

// watched remembers how the last handshake ended: gRPC keeps of its error only the words.
type watched struct {
	credentials.TransportCredentials
	last *atomic.Pointer[handshake]
}

func (w watched) ClientHandshake(
	ctx context.Context, authority string, raw net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, raw)
	w.last.Store(&handshake{err})
	return conn, info, err
}

func (w watched) Clone() credentials.TransportCredentials {
	return watched{w.TransportCredentials.Clone(), w.last}
}

// basic is the header of HTTP's Basic authentication. It is sent over TLS alone.
type basic string

func newBasic(user, password string) basic {
	return basic("Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

func (b basic) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": string(b)}, nil
}

func (basic) RequireTransportSecurity() bool { return true }
