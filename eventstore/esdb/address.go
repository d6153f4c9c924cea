package esdb

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// address is an EventStoreDB connection string, understood.
type address struct {
	seeds      []string // host:port, at least one
	discover   bool     // seeds are asked for the cluster's nodes
	preference client.NodePreference

	tls            *tls.Config // nil: plain text
	user, password string

	keepaliveInterval time.Duration // negative: none
	keepaliveTimeout  time.Duration
	gossipTimeout     time.Duration
}

// settings are the query parameters of a connection string that mean something. Those with false
// tune the official client's own state machine and change nothing here.
var settings = map[string]bool{
	"tls": true, "tlscafile": true, "tlsverifycert": true,
	"usercertfile": true, "userkeyfile": true, "nodepreference": true,
	"keepaliveinterval": true, "keepalivetimeout": true, "gossiptimeout": true,
	"discoveryinterval": false, "maxdiscoverattempts": false, "defaultdeadline": false,
}

// parseAddress understands a connection string as the official client does, and refuses what that
// one lets pass: settings it does not know and ports that are none. Its errors never hold the
// password.
func parseAddress(text string) (*address, error) {
	if err := checkAddress(text); err != nil {
		return nil, withoutPassword(text, err)
	}
	conf, err := client.ParseConnectionString(text)
	if err == nil {
		err = conf.Validate()
	}
	if err != nil {
		return nil, withoutPassword(text, err)
	}
	a := &address{
		seeds: seeds(conf), preference: conf.NodePreference,
		discover: conf.DnsDiscover || len(conf.GossipSeeds) > 0,
		user:     conf.Username, password: conf.Password,
		keepaliveInterval: conf.KeepAliveInterval, keepaliveTimeout: conf.KeepAliveTimeout,
		gossipTimeout: time.Duration(conf.GossipTimeout) * time.Second,
	}
	if a.gossipTimeout <= 0 {
		return nil, errors.New("gossipTimeout must be at least 1 second")
	}
	if conf.DisableTLS {
		return a, nil
	}
	a.tls = &tls.Config{
		RootCAs: conf.RootCAs, InsecureSkipVerify: conf.SkipCertificateVerification,
	}
	if conf.UserCertFile != "" {
		certificate, err := tls.LoadX509KeyPair(conf.UserCertFile, conf.UserKeyFile)
		if err != nil {
			return nil, fmt.Errorf("load the user certificate: %w", err)
		}
		a.tls.Certificates = []tls.Certificate{certificate}
	}
	return a, nil
}

func seeds(conf *client.Configuration) []string {
	if len(conf.GossipSeeds) == 0 {
		return []string{conf.Address}
	}
	var seeds []string
	for _, s := range conf.GossipSeeds {
		seeds = append(seeds, s.String())
	}
	return seeds
}

// checkAddress refuses unknown settings and ports above 65535, which the official client's parser
// would drop and wrap around.
func checkAddress(text string) error {
	if strings.Contains(text, "#") {
		return errForm
	}
	rest, query, _ := strings.Cut(text, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the settings behind ? cannot be read")
	}
	for name := range values {
		if _, ok := settings[strings.ToLower(name)]; !ok {
			return fmt.Errorf("setting %q is none of %s", name,
				strings.Join(slices.Sorted(maps.Keys(settings)), ", "))
		}
	}
	_, hosts, _ := strings.Cut(rest, "://")
	hosts = hosts[strings.LastIndexByte(hosts, '@')+1:]
	for host := range strings.SplitSeq(strings.TrimSuffix(hosts, "/"), ",") {
		_, port, ok := strings.Cut(host, ":")
		if n, err := strconv.Atoi(port); ok && err == nil && (n < 1 || n > 65535) {
			return fmt.Errorf("port %d is none", n)
		}
	}
	return nil
}

var errForm = errors.New("not of the form esdb://user:password@host:port,… with special " +
	"characters of user and password percent-encoded")

// withoutPassword is err in words that hold nothing of text, if text may hold a password: one with a
// special character in plain ends early, and its rest is taken for another part of the address.
func withoutPassword(text string, err error) error {
	_, rest, _ := strings.Cut(text, "://")
	user, _, named := strings.Cut(rest, "@")
	var bad *url.Error
	if named && (errors.As(err, &bad) || strings.ContainsAny(user, "/?")) {
		return errForm
	}
	return err
}
