package esdb

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdbserver"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// authority signs certificates for tests.
type authority struct {
	*testing.T
	file string // its own certificate, PEM
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{T: t, file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true,
		Subject: pkix.Name{CommonName: "test"}, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	a.key = newKey(t)
	der := a.sign(template, template, a.key)
	a.cert, _ = x509.ParseCertificate(der)
	a.write(a.file, "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("key: got %v, want no error", err)
	}
	return key
}

func (a *authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.Fatalf("certificate: got %v, want no error", err)
	}
	return der
}

func (a *authority) write(file, kind string, der []byte) {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		a.Fatalf("write: got %v, want no error", err)
	}
}

// issue makes a certificate for 127.0.0.1 that is good until then, in files.
func (a *authority) issue(until time.Time) (cert tls.Certificate, certFile, keyFile string) {
	key := newKey(a.T)
	der := a.sign(&x509.Certificate{SerialNumber: big.NewInt(2),
		Subject: pkix.Name{CommonName: "admin"}, IPAddresses: []net.IP{{127, 0, 0, 1}},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until}, a.cert, key)
	folder := a.TempDir()
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	keyDER, _ := x509.MarshalECPrivateKey(key)
	a.write(certFile, "CERTIFICATE", der)
	a.write(keyFile, "EC PRIVATE KEY", keyDER)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, certFile, keyFile
}

// secured is a stand-in with a certificate and the user admin, whose password is changeit.
func secured(t *testing.T, cert tls.Certificate) (hostPort string) {
	t.Helper()
	store := openEmbedded(t)
	server, err := esdbserver.New(esdbserver.Options{Store: store,
		TLS:   &tls.Config{Certificates: []tls.Certificate{cert}},
		Users: map[string]string{"admin": "changeit"}})
	if err != nil {
		t.Fatalf("serve: got %v, want no error", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: got %v, want no error", err)
	}
	s := &stand{server: server}
	s.served.Go(func() { _ = server.Serve(ln) })
	t.Cleanup(s.stop)
	return ln.Addr().String()
}

func TestPasswordOverTLS(t *testing.T) {
	a := newAuthority(t)
	cert, _, _ := a.issue(time.Now().Add(time.Hour))
	hostPort := secured(t, cert)
	s := openAt(t, "esdb://admin:changeit@"+hostPort+"?tlsCAFile="+a.file, usualPace)
	if _, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(1)); err != nil {
		t.Errorf("append: got %v, want no error", err)
	}
	s = openAt(t, "esdb://admin:changeit@"+hostPort+"?tlsVerifyCert=false", usualPace)
	if _, err := s.Append(t.Context(), "s", 0, debits(1)); err != nil {
		t.Errorf("append without verifying: got %v, want no error", err)
	}
}

// TestOpenRefused is what fails at once, and what the error says. It never says the password.
func TestOpenRefused(t *testing.T) {
	a := newAuthority(t)
	good, _, _ := a.issue(time.Now().Add(time.Hour))
	expired, _, _ := a.issue(time.Now().Add(-time.Hour))
	memory := storetest.NewMemory()
	defer memory.Close()
	trusted := "?tlsCAFile=" + a.file
	for name, row := range map[string]struct{ address, says string }{
		"wrong password": {"esdb://admin:s3cret@" + secured(t, good) + trusted,
			"does not know this user and password"},
		"no password":  {"esdb://" + secured(t, good) + trusted, "user"},
		"expired":      {"esdb://admin:s3cret@" + secured(t, expired) + trusted, "expired"},
		"unknown":      {"esdb://admin:s3cret@" + secured(t, good), "unknown authority"},
		"other's name": {"esdb://localhost:" + port(secured(t, good)) + trusted, "localhost"},
		"plain text":   {"esdb://admin:s3cret@" + serve(t, memory).hostPort + trusted, "TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), Options{Address: row.address})
			if err == nil {
				_ = s.Close()
				t.Fatalf("open: got no error, want one")
			}
			if !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("open: got %v, want it to say %q", err, row.says)
			}
		})
	}
}

func port(hostPort string) string {
	_, port, _ := net.SplitHostPort(hostPort)
	return port
}

// TestUserCertificate shows a certificate to a server that wants one.
func TestUserCertificate(t *testing.T) {
	a := newAuthority(t)
	cert, certFile, keyFile := a.issue(time.Now().Add(time.Hour))
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	memory := storetest.NewMemory()
	t.Cleanup(func() { _ = memory.Close() })
	p := serve(t, memory, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool})))
	s := openAt(t, "esdb://"+p.hostPort+"?tlsCAFile="+a.file+
		"&userCertFile="+certFile+"&userKeyFile="+keyFile, usualPace)
	if _, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(1)); err != nil {
		t.Errorf("append: got %v, want no error", err)
	}
}
