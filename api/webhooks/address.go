package webhooks

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// special are the networks that are nobody's on the internet: the IANA registries of special-purpose
// addresses (RFC 6890), multicast, and what carries an IPv4 address within an IPv6 one.
var special = func() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
		"192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		"::/8", "100::/64", "2001::/23", "2001:db8::/32",
		"2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
		"fec0::/10", "ff00::/8",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}()

// isPrivate reports whether an address is not one of the public internet. An IPv4 address that is
// mapped into IPv6 is what it maps.
func isPrivate(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range special {
		if p.Contains(a) {
			return true
		}
	}
	return !a.IsValid()
}

var errPrivate = errors.New("a private address: see --webhook-private")

// control refuses a connection to an address as it was resolved: no name and no later answer of a name
// server gets around it.
func control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	if isPrivate(at.Addr()) {
		return errPrivate
	}
	return nil
}

func newDialer(private bool) *net.Dialer {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if !private {
		d.Control = control
	}
	return d
}

// Check refuses what is never sent to: without private plain http, a private address that stands in
// the URL itself, and the ports of other services. Names are resolved when something is sent.
func Check(text string, private bool) error {
	u, err := url.Parse(text)
	if private || err != nil { // what cannot be read, the domain refuses
		return nil
	}
	bad := func(detail string) error { return domain.ErrMalformed.Field("url", detail) }
	if u.Scheme != "https" {
		return bad("want https: see --webhook-private")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && isPrivate(a) {
		return bad(errPrivate.Error())
	}
	if port, err := strconv.Atoi(u.Port()); err == nil && port != 443 && port < 1024 {
		return bad("want port 443, or one from 1024 on: see --webhook-private")
	}
	return nil
}
