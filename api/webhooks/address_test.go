package webhooks

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestIsPrivate(t *testing.T) {
	for _, text := range []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255",
		"192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
		"255.255.255.255",
		"::", "::1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12::1", "ff02::1",
		"2001:db8::1", "2001::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
		"::ffff:127.0.0.1", "::ffff:0:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1",
	} {
		if !isPrivate(netip.MustParseAddr(text)) {
			t.Errorf("%s passes", text)
		}
	}
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1",
		"169.253.0.1", "198.17.0.1", "223.255.255.255", "::ffff:8.8.8.8", "2606:4700::1111",
		"2a00:1450:4001::1",
	} {
		if isPrivate(netip.MustParseAddr(text)) {
			t.Errorf("%s is refused", text)
		}
	}
	if !isPrivate(netip.Addr{}) {
		t.Error("no address passes")
	}
}

func TestCheck(t *testing.T) {
	for url, want := range map[string]string{
		"https://h.example/x": "", "https://h.example:443": "", "https://h.example:8443": "",
		"https://1.1.1.1/": "", "https://[2606:4700::1111]/": "",
		"http://h.example": "want https", "https://127.0.0.1/": "private", "https://[::1]:8443/": "private",
		"https://[::ffff:10.0.0.1]/": "private", "https://169.254.169.254/latest": "private",
		"https://h.example:22": "port", "https://h.example:80": "port",
	} {
		err := Check(url, false)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
		if err := Check(url, true); err != nil {
			t.Errorf("%s, private: got %v", url, err)
		}
	}
}

// TestDial: names are looked at where they lead to, a proxy of the environment is not asked, and what
// is allowed is reached.
func TestDial(t *testing.T) {
	reached := make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		reached <- struct{}{}
	}))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HTTP_PROXY", s.URL)
	t.Setenv("HTTPS_PROXY", s.URL)
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"} {
		for _, scheme := range []string{"http", "https"} {
			_, err := newClient(false).Get(scheme + "://" + host + ":" + port + "/")
			var resolving *net.DNSError // 2130706433 is no name here, elsewhere an address
			if !errors.Is(err, errPrivate) && !errors.As(err, &resolving) {
				t.Errorf("%s://%s: got %v, want %v", scheme, host, err, errPrivate)
			}
		}
	}
	if len(reached) > 0 {
		t.Errorf("%d requests reached a private address", len(reached))
	}
	answer, err := newClient(true).Get("http://localhost:" + port + "/")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if len(reached) != 1 {
		t.Error("what is allowed was not reached")
	}
	if newClient(true).Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy would be asked")
	}
}
