package esdb

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAddress(t *testing.T) {
	for _, row := range []struct {
		text     string
		seeds    []string
		discover bool
		plain    bool
	}{
		{"esdb://one:1000?tls=false", []string{"one:1000"}, false, true},
		{"esdb://one", []string{"one:2113"}, false, false},
		{"esdb://user:pass@one:1000/", []string{"one:1000"}, false, false},
		{"esdb+discover://dns.name:1000?tls=false", []string{"dns.name:1000"}, true, true},
		{"esdb://user:pass@one:1000,two:2000,three?tls=true&tlsVerifyCert=false",
			[]string{"one:1000", "two:2000", "three:2113"}, true, false},
	} {
		a, err := parseAddress(row.text)
		if err != nil || !slices.Equal(a.seeds, row.seeds) || a.discover != row.discover ||
			(a.tls == nil) != row.plain {
			t.Errorf("%s: got %+v, %v, want %v", row.text, a, err, row)
		}
	}
	a, err := parseAddress("esdb://u%40x:p%3Aw@one?keepAliveInterval=20000&gossipTimeout=7" +
		"&nodePreference=follower&maxDiscoverAttempts=3")
	if err != nil || a.user != "u@x" || a.password != "p:w" || a.preference != "Follower" ||
		a.keepaliveInterval != 20*time.Second || a.gossipTimeout != 7*time.Second {
		t.Errorf("settings: got %+v, %v, want what was given", a, err)
	}
}

// TestAddressRefused wants an error that names what is wrong, and never the password.
func TestAddressRefused(t *testing.T) {
	for _, row := range []struct{ text, says string }{
		{"http://user:s3cret@one", "scheme"},
		{"esdb://", "host"},
		{"esdb://:s3cret@one", "username"},
		{"esdb://user:s3 cret@one", "percent-encoded"},
		{"esdb://user:s3cret/@one", "percent-encoded"},
		{"esdb://user:1/s3cret@one", "percent-encoded"},
		{"esdb://user:1?s3cret@one", "percent-encoded"},
		{"esdb://user:1#s3cret@one", "percent-encoded"},
		{"esdb://user:s3cret@one:x", "percent-encoded"},
		{"esdb://one:x", "port"},
		{"esdb://user:s3cret@one:70000", "70000"},
		{"esdb://one,two:0", "port 0"},
		{"esdb://one?tsl=false", `"tsl"`},
		{"esdb://one?tls=maybe", "tls"},
		{"esdb://one?gossipTimeout=0", "gossipTimeout"},
		{"esdb://one?userCertFile=/a", "userKeyFile"},
		{"esdb://one?userCertFile=/nowhere&userKeyFile=/nowhere", "/nowhere"},
		{"esdb://one?tlsCAFile=/nowhere", "/nowhere"},
		{"esdb://one?keepAliveInterval=-7", "keepAliveInterval"},
	} {
		_, err := Open(t.Context(), Options{Address: row.text})
		if err == nil || !strings.Contains(err.Error(), row.says) ||
			strings.Contains(err.Error(), "s3") {
			t.Errorf("%s: got %v, want an error about %s", row.text, err, row.says)
		}
	}
}
