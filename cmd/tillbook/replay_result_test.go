package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// resultOf makes a result of lines "partition document".
func resultOf(lines ...string) *replayResult {
	r := &replayResult{"test", map[string]json.RawMessage{}}
	for _, line := range lines {
		partition, document, _ := strings.Cut(line, " ")
		r.documents[partition] = json.RawMessage(document)
	}
	return r
}

// TestResultTable lays documents out as rows.
func TestResultTable(t *testing.T) {
	for _, row := range []struct {
		rule, want string
		documents  []string
	}{
		{"no partition, no row", "partition:text", nil},
		{"columns are the keys of all, sorted, the partition first",
			"partition:text a:integer b:integer|p,1,|q,,2", []string{`q {"b":2}`, `p {"a":1}`}},
		{"what is nested stays JSON", `partition:text a:json b:json|p,{"x":[1]},[]`,
			[]string{`p {"a":{"x":[1]},"b":[]}`}},
		{"numbers stay as they are written",
			"partition:text a:number|p,9223372036854776000|q,0.30000000000000004",
			[]string{`p {"a":9223372036854776000}`, `q {"a":0.30000000000000004}`}},
		{"whole numbers and others are numbers", "partition:text a:number|p,1|q,1.5",
			[]string{`p {"a":1}`, `q {"a":1.5}`}},
		{"of several kinds it is mixed", "partition:text a:mixed|p,1|q,one|r,",
			[]string{`p {"a":1}`, `q {"a":"one"}`, `r {"a":null}`}},
		{"a null is none and has no kind", "partition:text a:boolean b:text|p,,|q,true,",
			[]string{`p {"a":null}`, `q {"a":true,"b":null}`}},
		{"a document that is no object is a value", "partition:text n:integer value:mixed|p,,3|q,,x|r,4,",
			[]string{`p 3`, `q "x"`, `r {"n":4}`}},
		{"no two names are one to a database",
			"partition:text A:integer Partition_2:integer a_2:integer partition_3:integer|p,1,4,2,3",
			[]string{`p {"A":1,"a":2,"partition":3,"Partition":4}`}},
	} {
		table, err := resultOf(row.documents...).table()
		if err != nil {
			t.Errorf("%s: got %v", row.rule, err)
			continue
		}
		var head []string
		for _, c := range table.columns {
			head = append(head, c.Name+":"+string(c.Kind))
		}
		got := strings.Join(head, " ")
		for _, cells := range table.rows {
			var texts []string
			for _, cell := range cells {
				texts = append(texts, cellText(cell))
			}
			got += "|" + strings.Join(texts, ",")
		}
		if got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.rule, got, row.want)
		}
	}
	if _, err := resultOf("p {").table(); err == nil || !strings.Contains(err.Error(), `"p"`) {
		t.Errorf("a document that is no JSON: got %v, want an error that names its partition", err)
	}
}

// TestResultOnly leaves one partition, or none.
func TestResultOnly(t *testing.T) {
	r := resultOf("p 1", "q 2")
	for partition, want := range map[string]string{"p": "[p]", "x": "[]"} {
		if got := fmt.Sprint(r.only(partition).partitions()); got != want {
			t.Errorf("only %s: got %s, want %s", partition, got, want)
		}
	}
}
