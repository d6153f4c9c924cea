package esdbserver

import (
	"math"
	"testing"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// One thing that is malformed spoils all metadata; a number that makes no sense only itself.
func TestParseMetadata(t *testing.T) {
	all := metadata{
		maxAge: 30 * time.Second, maxCount: 3, truncateBefore: 4, cacheControl: 5 * time.Second,
	}
	for _, row := range []struct {
		data string
		want metadata
	}{
		{`{"$maxAge":30,"$maxCount":3,"$tb":4,"$cacheControl":5}`, all},
		{` { "$maxAge" : 30 , "$maxCount":3,"$tb":4,"$cacheControl":5,"own":{"$tb":"x"},"$tmp":true} `, all},
		{`{"$maxAge":30,"$maxCount":3,"$tb":4,"$cacheControl":5,
			"$acl":{"$r":"a","$w":["b","c"],"$d":[],"$mr":"$all","$mw":["d"]}}`, all},
		{`{"$maxCount":3,"$acl":"$userStreamAcl"}`, metadata{maxCount: 3}},
		{`{"$maxCount":3,"$acl":"$systemStreamAcl"}`, metadata{maxCount: 3}},
		{`{"$maxCount":1,"$maxCount":3}`, metadata{maxCount: 3}},
		{`{"$tb":9223372036854775807}`, metadata{truncateBefore: softDeleted}},
		{`{"$maxCount":9223372036854775807}`, metadata{maxCount: math.MaxInt64}},
		{`{"$maxAge":9223372036}`, metadata{maxAge: 9223372036 * time.Second}},
		{`{"$maxAge":9223372037}`, metadata{maxAge: math.MaxInt64}},
		{`{"$maxAge":922337203685,"$maxCount":3}`, metadata{maxAge: math.MaxInt64, maxCount: 3}},

		{`{"$maxCount":0,"$tb":4}`, metadata{truncateBefore: 4}},
		{`{"$maxCount":-1,"$tb":4}`, metadata{truncateBefore: 4}},
		{`{"$maxAge":0,"$tb":4}`, metadata{truncateBefore: 4}},
		{`{"$maxAge":-7,"$tb":4}`, metadata{truncateBefore: 4}},
		{`{"$cacheControl":-7,"$tb":4}`, metadata{truncateBefore: 4}},
		{`{"$tb":-1,"$maxCount":3}`, metadata{maxCount: 3}},

		{``, metadata{}},
		{`{}`, metadata{}},
		{`null`, metadata{}},
		{`[]`, metadata{}},
		{`"$maxCount"`, metadata{}},
		{`{"$maxCount":3`, metadata{}},
		{`{"$maxCount":3}}`, metadata{}},
		{`{"$maxCount":3} 4`, metadata{}},
		{`{"$maxCount":3,}`, metadata{}},
		{`{"$maxCount":3,"own":}`, metadata{}},
		{`{"$maxCount":3,"$tb":"4"}`, metadata{}},
		{`{"$maxCount":3,"$tb":4.0}`, metadata{}},
		{`{"$maxCount":3,"$tb":4e0}`, metadata{}},
		{`{"$maxCount":3,"$tb":null}`, metadata{}},
		{`{"$maxCount":3,"$tb":true}`, metadata{}},
		{`{"$maxCount":3,"$tb":[4]}`, metadata{}},
		{`{"$maxCount":3,"$tb":9223372036854775808}`, metadata{}},
		{`{"$maxCount":3,"$tb":9223372036854776000}`, metadata{}},
		{`{"$maxCount":"3","$tb":4}`, metadata{}},
		{`{"$maxCount":3,"$maxAge":"30"}`, metadata{}},
		{`{"$maxCount":3,"$maxAge":922337203686}`, metadata{}},
		{`{"$maxCount":3,"$maxAge":-922337203686}`, metadata{}},
		{`{"$maxCount":3,"$cacheControl":"1"}`, metadata{}},
		{`{"$maxCount":3,"$tmp":1}`, metadata{}},
		{`{"$maxCount":3,"$acl":null}`, metadata{}},
		{`{"$maxCount":3,"$acl":"other"}`, metadata{}},
		{`{"$maxCount":3,"$acl":{"$r":5}}`, metadata{}},
		{`{"$maxCount":3,"$acl":{"$r":null}}`, metadata{}},
		{`{"$maxCount":3,"$acl":{"$r":["a",null]}}`, metadata{}},
		{`{"$maxCount":3,"$acl":{"$x":"a"}}`, metadata{}},
	} {
		if got := parseMetadata([]byte(row.data)); got != row.want {
			t.Errorf("%s: got %+v, want %+v", row.data, got, row.want)
		}
	}
	bytes := eventstore.Event{Data: []byte(`{"$maxCount":3}`), Binary: true}
	if got := metadataOf(&bytes); got != (metadata{}) {
		t.Errorf("what is not said to be JSON: got %+v, want none", got)
	}
}

func TestWithTruncateBefore(t *testing.T) {
	for _, row := range []struct{ data, want string }{
		{`{}`, `{"$tb":7}`},
		{`{"$tb":9223372036854775807}`, `{"$tb":7}`},
		{`{"$tb":1,"a":{"$tb":2} ,"$tb":3, "ä\n":1e400,"$maxCount":5}`,
			`{"a":{"$tb":2},"ä\n":1e400,"$maxCount":5,"$tb":7}`},
		{`[]`, ``},
		{`{"a"`, ``},
		{``, ``},
	} {
		got, err := withTruncateBefore([]byte(row.data), 7)
		if string(got) != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: got %s, %v, want %s", row.data, got, err, row.want)
		}
	}
}

// What $maxCount and $tb leave.
func TestFirst(t *testing.T) {
	for _, row := range []struct {
		st   streamState
		want int64
	}{
		{streamState{last: 9}, 0},
		{streamState{last: -1, metadata: metadata{maxCount: 3}}, 0},
		{streamState{last: 9, metadata: metadata{maxCount: 3}}, 7},
		{streamState{last: 9, metadata: metadata{maxCount: 30}}, 0},
		{streamState{last: 9, metadata: metadata{truncateBefore: 4}}, 4},
		{streamState{last: 9, metadata: metadata{truncateBefore: 4, maxCount: 3}}, 7},
		{streamState{last: 9, metadata: metadata{truncateBefore: 8, maxCount: 3}}, 8},
		{streamState{last: 9, metadata: metadata{maxCount: math.MaxInt64}}, 0},
		{streamState{last: 9, metadata: metadata{truncateBefore: softDeleted}}, math.MaxInt64},
		{streamState{last: 9, metaLast: 4}.of("$$s"), 4},
	} {
		if got := row.st.first(); got != row.want {
			t.Errorf("%+v: got %d, want %d", row.st, got, row.want)
		}
	}
}

// Metadata is what a client likes to write.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"$tb":1,"a":{"$tb":2} ,"$tb":3, "ä\n":1e400,"$acl":{"$r":["a"]}}`))
	f.Add([]byte(`{"$maxAge":922337203685,"$maxCount":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := parseMetadata(data)
		if m.maxAge < 0 || m.maxCount < 0 || m.truncateBefore < 0 || m.cacheControl < 0 {
			t.Errorf("%s: got %+v, want no negative number", data, m)
		}
		changed, err := withTruncateBefore(data, 7)
		if err != nil {
			return
		}
		m.truncateBefore = 7
		if got := parseMetadata(changed); got != m && parseMetadata(data) != (metadata{}) {
			t.Errorf("%s: got %+v, want %+v", changed, got, m)
		}
	})
}
