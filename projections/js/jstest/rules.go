package jstest

const two = "a-1 A {\"n\":1}\na-2 B {\"n\":2}\na-1 A {\"n\":3}"

// mixed is a log of streams of several kinds.
const mixed = `a-1 A {}
b-1 B {}
$sys S {}
$$a-1 $metadata {}
$$$sys $metadata {}
plain P {}
links $> 0@b-1`

// Rules are the dialect, a row for each. Want is all that a run shows, a line each:
//
//	PARTITION=STATE [-> RESULT]   the result where it is not the state; nothing: there is none
//	shared=STATE                  of all partitions
//	STREAM <- TYPE DATA [META]    an emitted event, before all other lines
//	log TEXT                      at the end, those of the script's own statements first
//	FILE:LINE:COLUMN …            the fault, after what was emitted until then; the file is test.js
var Rules = []Rule{
	{"$init begins the state",
		`fromAll().when({$init() { return {sum: 10}; }, A(s, e) { s.sum += e.body.n; }})`,
		two, `={"sum":14}`},
	{"without $init the state begins empty",
		`fromAll().when({A(s, e) { s.n = e.body.n; }})`, two, `={"n":3}`},
	{"returning nothing keeps the changed state",
		`fromAll().when({A(s, e) { s.n = e.body.n; return undefined; }})`, two, `={"n":3}`},
	{"what is returned becomes the state",
		`fromAll().when({A(s, e) { return [e.body.n]; }})`, two, `=[3]`},
	{"null, too",
		`fromAll().when({A(s, e) { return null; }})`, two, `=null -> nothing`},
	{"null stays until another is returned",
		`fromAll().when({A(s, e) { return s === null ? {again: 1} : null; }})`, two, `={"again":1}`},
	{"a number or a text is a state",
		`fromAll().when({$init: () => 0, A: (s, e) => s + e.body.n})`, two, `=4`},
	{"a named handler switches off all others",
		`fromAll().foreachStream().when({A() {}})`, two, `a-1={}`},
	{"$any takes what has no handler of its own",
		`fromAll().when({$init: () => "", A: s => s + "A", $any: (s, e) => s + "?" + e.eventType})`, two,
		`="A?BA"`},
	{"a handler named after $any switches $any off",
		`fromAll().when({$init: () => "", $any: s => s + "?", A: s => s + "A"})`, two, `="AA"`},
	{"event types are matched exactly",
		`fromAll().when({a() { return 1; }})`, two, ``},
	{"handlers have no this",
		`fromAll().when({A() { "use strict"; return {self: typeof this}; }})`,
		two, `={"self":"undefined"}`},
	{"only functions among the handlers count",
		`fromAll().when({A: 1, B: (s, e) => e.body})`, two, `={"n":2}`},
	{"without a handler the body is the state",
		`fromAll().when({})`, two, `={"n":3}`},
	{"and so without when",
		`fromAll()`, two, `={"n":3}`},
	{"a handler may be an arrow, a method or a function",
		`fromAll().when({A: function (s, e) { s.a = 1; }, B: (s, e) => { s.b = 1; }})`,
		two, `={"a":1,"b":1}`},
	{"on_event and on_any do without when",
		`fromAll(); on_event("A", s => ({a: (s.a || 0) + 1})); on_any((s, e) => ({other: e.eventType}))`,
		two,
		`={"a":1}`},

	{"foreachStream has a state per stream",
		`fromAll().foreachStream().when({$any(s, e) { s.n = e.body.n; s.p = e.partition; }})`, two,
		"a-1={\"n\":3,\"p\":\"a-1\"}\na-2={\"n\":2,\"p\":\"a-2\"}"},
	{"foreachStream counts a metastream to its stream",
		`fromAll().foreachStream().when({$any(s, e) { s[e.eventType] = e.streamId; }})`,
		"a-1 A {}\n$$a-1 $metadata {\"x\":1}", `a-1={"A":"a-1","$metadata":"$$a-1"}`},
	{"foreachStream takes a link's origin",
		`fromCategory("links").foreachStream().when({$any(s, e) { s.seen = e.streamId; }})`,
		"b-1 A {}\nlinks-1 $> 0@b-1 | {\"$o\":\"a-9\"}", `a-9={"seen":"b-1"}`},
	{"what a link leads to keeps its own stream and number",
		`fromStream("links").when({$any: (s, e) => [e.streamId, e.sequenceNumber, e.category]})`,
		"b-1 A {}\nb-1 A {}\nlinks $> 1@b-1", `=["b-1",1,"b"]`},
	{"partitionBy takes texts and numbers",
		`fromAll().partitionBy(e => e.body.n == 2 ? "two" : e.body.n).when({$any(s, e) { s.p = e.partition; }})`,
		two, "1={\"p\":\"1\"}\n3={\"p\":\"3\"}\ntwo={\"p\":\"two\"}"},
	{"partitionBy passes over null, undefined, objects and the empty text",
		`let all = [null, undefined, {}, "", true, new String("x")];
		fromAll().partitionBy(e => all[e.sequenceNumber]).when({$any: () => 1})`,
		"a A {}\na A {}\na A {}\na A {}\na A {}\na A {}", ``},
	{"the partition is not known to partitionBy",
		`fromAll().partitionBy(e => "p" + e.partition).when({A: (s, e) => e.partition})`, two, `p="p"`},

	{"$created runs when a partition is first seen, after $init",
		`fromAll().foreachStream().when({$init: () => ({log: "i"}),
			$created(s, e) { s.log += "c" + e.body.n; }, $any(s, e) { s.log += "h"; }})`, two,
		"a-1={\"log\":\"ic1hh\"}\na-2={\"log\":\"ic2h\"}"},
	{"what $created returns is not the state",
		`fromAll().when({$created: () => 5, A: s => { s.kept = true; }})`, two, `={"kept":true}`},
	{"$deleted learns of a tombstone",
		`fromAll().foreachStream().when({A(s) { s.n = 1; },
			$deleted(s, e, partition, soft) { s.gone = [e, partition, soft]; }})`,
		"a-1 A {}\na-1 $streamDeleted {}", `a-1={"n":1,"gone":[null,"a-1",false]}`},
	{"$deleted learns of a soft delete",
		`fromAll().foreachStream().when({$any(s) { s.n = 1; }, $deleted(s) { s.gone = true; }})`,
		"a-1 A {}\n$$a-1 $metadata {\"$tb\":9223372036854775807}", `a-1={"n":1,"gone":true}`},
	{"metadata that cuts a stream off is no deletion",
		`fromAll().foreachStream().when({$any(s) { s.n = (s.n || 0) + 1; }, $deleted(s) { s.gone = true; }})`,
		"a-1 A {}\n$$a-1 $metadata {\"$tb\":5}", `a-1={"n":2}`},
	{"$deleted of a stream that was never seen is nothing",
		`fromAll().foreachStream().when({A() {}, $deleted(s) { s.gone = true; }})`,
		"b-1 $streamDeleted {}", ``},
	{"what deletes a stream is no event for handlers",
		`fromAll().when({$any(s, e) { s[e.eventType] = 1; }})`, "a-1 A {}\na-1 $streamDeleted {}",
		`={"A":1}`},

	{"a shared state stands beside each partition's",
		`fromAll().foreachStream().when({$init: () => ({n: 0}), $initShared: () => ({all: 0}),
			$any(s, e) { s[0].n += e.body.n; s[1].all += e.body.n; }})`, two,
		"a-1={\"n\":4}\na-2={\"n\":2}\nshared={\"all\":6}"},
	{"options can ask for a shared state",
		`options({biState: true}); fromAll().when({A(s, e) { s[1].n = e.body.n; }})`,
		two, "={}\nshared={\"n\":3}"},
	{"both may be returned anew",
		`options({biState: true}); fromAll().when({A: (s, e) => [e.body.n, {was: s[0]}]})`, two,
		"=3\nshared={\"was\":1}"},
	{"the partition's may be null beside a shared one",
		`options({biState: true}); fromAll().when({$created(s) { s[0] = null; }, A(s) { s[1].n = s[0]; }})`, two,
		"=null -> nothing\nshared={\"n\":null}"},
	{"$created may change the shared state",
		`fromAll().foreachStream().when({$initShared: () => ({n: 0}), $created(s) { s[1].n++; }, $any() {}})`, two,
		"a-1={}\na-2={}\nshared={\"n\":2}"},
	{"beside a shared state another kind of value is a fault",
		`options({biState: true}); fromAll().when({A: () => ({})})`, two,
		`test.js in handler "A", event 0@a-1: wrong kind of value: ` +
			`beside a shared state a handler returns [state, shared] or nothing`},

	{"transformBy makes the result and leaves the state",
		`fromAll().when({A: (s, e) => e.body}).transformBy(s => { s.n *= 2; return s; })`, two,
		`={"n":3} -> {"n":6}`},
	{"transforms and filters follow each other",
		`fromAll().foreachStream().when({$any: (s, e) => e.body}).transformBy(s => s.n)
			.filterBy(n => n > 2).transformBy(n => ({n}))`, two,
		"a-1={\"n\":3}\na-2={\"n\":2} -> nothing"},
	{"filterBy wants true itself",
		`fromAll().when({A: (s, e) => e.body}).filterBy(s => 1)`, two, `={"n":3} -> nothing`},
	{"transformBy that returns nothing has no result",
		`fromAll().when({A: (s, e) => e.body}).transformBy(s => undefined)`, two, `={"n":3} -> nothing`},
	{"transformBy is given both states",
		`fromAll().when({$initShared: () => 1, A() {}}).transformBy(s => s)`,
		two, "={} -> [{},1]\nshared=1"},

	{"outputState writes a result whenever an event changes it",
		`fromAll().when({$init: () => ({n: 0}), A(s, e) { s.n += e.body.n; }}).outputState()`, two,
		`$projections-test-result <- Result {"n":1}
$projections-test-result <- Result {"n":4}
={"n":4}`},
	{"and none where nothing has changed",
		`fromAll().when({$any(s, e) { s.seen = true; }}).outputState()`, two,
		`$projections-test-result <- Result {"seen":true}
={"seen":true}`},
	{"each partition's to a stream of its own",
		`fromCategory("a").foreachStream().when({$any: (s, e) => e.body}).outputState()`, two,
		`$projections-test-a-1-result <- Result {"n":1}
$projections-test-a-2-result <- Result {"n":2}
$projections-test-a-1-result <- Result {"n":3}
a-1={"n":3}
a-2={"n":2}`},
	{"what transforms make is written",
		`fromAll().when({A: (s, e) => e.body}).transformBy(s => ({twice: s.n * 2})).outputState()`, two,
		`$projections-test-result <- Result {"twice":2}
$projections-test-result <- Result {"twice":6}
={"n":3} -> {"twice":6}`},
	{"a transform alone writes nothing",
		`fromAll().when({A: (s, e) => e.body}).transformBy(s => s.n)`, two, `={"n":3} -> 3`},
	{"a result that there is no more is removed, once",
		`fromAll().when({$any: (s, e) => e.body.n}).filterBy(n => n === 2).outputState()`,
		"a-1 A {\"n\":1}\na-1 A {\"n\":2}\na-1 A {\"n\":3}\na-1 A {\"n\":4}\na-1 A {\"n\":2}",
		`$projections-test-result <- Result 2
$projections-test-result <- ResultRemoved
$projections-test-result <- Result 2
=2`},
	{"without a handler the body is the result",
		`fromStream("a-1").outputState()`, two,
		`$projections-test-result <- Result {"n":1}
$projections-test-result <- Result {"n":3}
={"n":3}`},
	{"a state of null is no result",
		`fromAll().when({A: (s, e) => e.body.n === 3 ? null : e.body}).outputState()`, two,
		`$projections-test-result <- Result {"n":1}
$projections-test-result <- ResultRemoved
=null -> nothing`},
	{"outputTo names the stream",
		`fromAll().when({A: (s, e) => e.body}).outputTo("analytics-last")`, two,
		`analytics-last <- Result {"n":1}
analytics-last <- Result {"n":3}
={"n":3}`},
	{"and a pattern for those of partitions",
		`fromAll().foreachStream().when({$any: (s, e) => e.body})
			.outputTo("analytics-all", "analytics-{0}-last")`, two,
		`analytics-a-1-last <- Result {"n":1}
analytics-a-2-last <- Result {"n":2}
analytics-a-1-last <- Result {"n":3}
a-1={"n":3}
a-2={"n":2}`},
	{"options can name it, too",
		`options({resultStreamName: "analytics-last"}); fromAll().when({A: (s, e) => e.body}).outputState()`,
		two,
		`analytics-last <- Result {"n":1}
analytics-last <- Result {"n":3}
={"n":3}`},
	{"a result stands behind what its event has emitted",
		`fromAll().when({A(s, e) { emit("analytics-out", "Seen", e.body); s.n = e.body.n; }}).outputState()`, two,
		`analytics-out <- Seen {"n":1}
$projections-test-result <- Result {"n":1}
analytics-out <- Seen {"n":3}
$projections-test-result <- Result {"n":3}
={"n":3}`},
	{"a shared state is in no result",
		`fromAll().foreachStream().when({$initShared: () => ({n: 0}), $any(s, e) {
			s[0].n = e.body.n; s[1].n += e.body.n; }}).outputState()`, two,
		`$projections-test-a-1-result <- Result {"n":1}
$projections-test-a-2-result <- Result {"n":2}
$projections-test-a-1-result <- Result {"n":3}
a-1={"n":3}
a-2={"n":2}
shared={"n":6}`},
	{"unless a transform puts it there, when the partition's own changes",
		`fromAll().foreachStream().when({$initShared: () => ({n: 0}), $any(s, e) {
			s[0].n = Math.max(s[0].n || 0, e.body.n); s[1].n += e.body.n; }})
			.transformBy(s => s[1].n).outputState()`,
		"a-1 A {\"n\":1}\na-2 B {\"n\":2}\na-1 A {\"n\":1}\na-1 A {\"n\":3}",
		`$projections-test-a-1-result <- Result 1
$projections-test-a-2-result <- Result 3
$projections-test-a-1-result <- Result 7
a-1={"n":3} -> 7
a-2={"n":2} -> 7
shared={"n":7}`},
	{"and then whatever it was before, as others may have changed what is shared",
		`fromAll().foreachStream().when({$initShared: () => ({n: 0}), $any(s, e) {
			s[0].seen = e.sequenceNumber; s[1].n += e.body.n; }}).transformBy(s => s[1].n % 2).outputState()`,
		"a-1 A {\"n\":1}\na-2 A {\"n\":1}\na-1 A {\"n\":2}", `$projections-test-a-1-result <- Result 1
$projections-test-a-2-result <- Result 0
$projections-test-a-1-result <- Result 0
a-1={"seen":1} -> 0
a-2={"seen":0} -> 0
shared={"n":4}`},
	{"$deleted may change a result",
		`fromAll().foreachStream().when({A(s) { s.n = 1; }, $deleted(s) { s.gone = true; }}).outputState()`,
		"a-1 A {}\na-1 $streamDeleted {}",
		`$projections-test-a-1-result <- Result {"n":1}
$projections-test-a-1-result <- Result {"n":1,"gone":true}
a-1={"n":1,"gone":true}`},
	{"a transform that fails at an event is a fault",
		`fromAll().when({A: (s, e) => e.body}).transformBy(s => s.x.y).outputState()`, two,
		`test.js:1:60 in handler "transformBy", event 0@a-1: TypeError: Cannot read property 'y' of undefined`},

	{"undefined members are dropped, and NaN is null",
		`fromAll().when({A: () => ({a: undefined, b: NaN, c: Infinity, d: [undefined], f() {}})})`, two,
		`={"b":null,"c":null,"d":[null]}`},
	{"a dropped member is gone for the next event",
		`fromAll().when({$init: () => ({gone: undefined}), A: s => ({had: "gone" in s, gone: undefined})})`,
		two, `={"had":false}`},
	{"what two members share is two things for the next event",
		`fromAll().when({A(s) { s.a = s.a || {n: 0}; s.b = s.b || s.a; s.a.n++; }})`, two,
		`={"a":{"n":2},"b":{"n":1}}`},
	{"a moment becomes its text",
		`fromAll().when({A: (s, e) => ({at: new Date(e.created)})})`,
		two, `={"at":"2026-01-02T03:04:02.000Z"}`},
	{"numbers are written as JavaScript writes them",
		`fromAll().when({A: () => [1e21, 0.1 + 0.2, -0, 1e-7, 9223372036854775807]})`, two,
		`=[1e+21,0.30000000000000004,0,1e-7,9223372036854776000]`},
	{"members with numbers for names come first",
		`fromAll().when({A: s => ({b: 1, 2: 1, a: 1, 1: 1})})`, two, `={"1":1,"2":1,"b":1,"a":1}`},

	{"emit posts an event with its metadata",
		`fromAll().when({A(s, e) { emit("analytics-out", "Seen", {n: e.body.n}, {by: "me"}); }})`,
		"a-1 A {\"n\":1}",
		"analytics-out <- Seen {\"n\":1} {\"by\":\"me\"}\n={}"},
	{"linkTo posts a link",
		`fromAll().when({A(s, e) { linkTo("analytics-out", e, {by: 1}); }})`, two,
		"analytics-out <- $> 0@a-1 {\"by\":1}\nanalytics-out <- $> 1@a-1 {\"by\":1}\n={}"},
	{"linkTo takes anything that names an event",
		`fromAll().when({A(s, e) { linkTo("analytics-out", {sequenceNumber: 7, streamId: "x"}); }})`,
		"a-1 A {}",
		"analytics-out <- $> 7@x\n={}"},
	{"linkStreamTo posts a link to a stream",
		`fromAll().when({A(s, e) { linkStreamTo("analytics-out", e.streamId); }})`, "a-1 A {}",
		"analytics-out <- $@ a-1\n={}"},
	{"copyTo does nothing",
		`fromAll().when({A(s, e) { copyTo("analytics-out", e); }})`, "a-1 A {}", "={}"},
	{"$created may emit",
		`fromAll().when({$created(s, e) { emit("analytics-out", "New", {}); }, A() {}})`, two,
		"analytics-out <- New {}\n={}"},
	{"emit wants an object",
		`fromAll().when({A() { emit("analytics-out", "Seen", "text"); }})`, two,
		`test.js:1:27 in handler "A", ` +
			`event 0@a-1: wrong kind of value: emit wants an object as body, got text`},
	{"emit wants a stream",
		`fromAll().when({A() { emit(" ", "Seen", {}); }})`, two, `test.js:1:27 in handler "A", ` +
			`event 0@a-1: ` +
			`wrong kind of value: emit wants the name of a stream, got " "`},
	{"linkTo wants an event",
		`fromAll().when({A() { linkTo("analytics-out", {}); }})`, two,
		`test.js:1:29 in handler "A", event 0@a-1: ` +
			`wrong kind of value: linkTo wants an event with streamId and sequenceNumber`},
	{"log takes texts and objects, in both phases",
		`log("start"); fromAll().when({A(s, e) { log("n is", e.body.n, e.body); }})`, "a-1 A {\"n\":1}",
		"={}\nlog start\nlog n is 1 {\"n\":1}"},

	{"events show these properties",
		`fromAll().when({A: (s, e) => Object.keys(e)})`, "a-1 A {}",
		`=["streamId","sequenceNumber","eventType",` +
			`"eventId","isJson","bodyRaw","body","data","metadataRaw","metadata","linkMetadataRaw",` +
			`"linkMetadata","partition","category","created"]`},
	{"they hold what was recorded",
		`fromStream("links").when({A: (s, e) => e})`,
		"a-1 A {\"n\":1} | {\"m\":2}\nlinks $> 0@a-1 | {\"l\":3}",
		`={"streamId":"a-1","sequenceNumber":0,"eventType":"A",` +
			`"eventId":"00000000-0000-0000-0000-000000000001","isJson":true,"bodyRaw":"{\"n\":1}",` +
			`"body":{"n":1},"data":{"n":1},"metadataRaw":"{\"m\":2}","metadata":{"m":2},` +
			`"linkMetadataRaw":"{\"l\":3}","linkMetadata":{"l":3},"partition":"","category":"a",` +
			`"created":"2026-01-02T03:04:00.000000Z"}`},
	{"they cannot be changed",
		`fromAll().when({A(s, e) { e.streamId = "x"; e.more = 1; delete e.body;
			return [e.streamId, e.more, e.body]; }})`,
		"a-1 A {}", `=["a-1",null,{}]`},
	{"data is body",
		`fromAll().when({A: (s, e) => e.data === e.body})`, "a-1 A {}", `=true`},
	{"what is no JSON has no body",
		`fromAll().when({A: (s, e) => [e.isJson, typeof e.body, e.bodyRaw]})`, "a-1 A <xml>",
		`=[false,"undefined","<xml>"]`},
	{"metadata that is no JSON is null",
		`fromAll().when({A: (s, e) => [e.metadata, e.metadataRaw]})`, "a-1 A {} | plain",
		`=[null,"plain"]`},
	{"created is the moment our metadata gives",
		`fromAll().when({A: (s, e) => e.created})`, `a-1 A {} | {"recorded_at":"2020-02-03T04:05:06.789Z"}`,
		`="2020-02-03T04:05:06.789000Z"`},
	{"category is the text before the first dash",
		`fromAll().when({$init: () => [], A(s, e) { s.push(e.category); }})`,
		"a-b-c A {}\nabc A {}\n$$a-1 A {}",
		`=["a","",""]`},
	{"JSON that is blank or broken is passed over",
		`fromAll().when({$init: () => 0, $any: s => s + 1})`, "a-1 A\na-1 A {\na-1 A {}", `=1`},
	{"links are passed over",
		`fromAll().when({$init: () => 0, $any: s => s + 1})`, "a-1 A {}\nb-1 $> 0@a-1", `=1`},
	{"unless the script asks for them",
		`options({$includeLinks: true}); fromAll().when({$any: (s, e) => e.bodyRaw})`,
		"a-1 A {}\nb-1 $> 0@a-1",
		`="0@a-1"`},
	{"fromAll reads streams without $ and their metastreams, in the order of the log",
		`fromAll().when({$init: () => [], $any(s, e) { s.push(e.streamId); }})`, mixed,
		`=["a-1","b-1","$$a-1","plain"]`},
	{"fromStream reads one stream",
		`fromStream("b-1").when({$any: (s, e) => e.streamId})`, mixed, `="b-1"`},
	{"its name may begin with $",
		`fromStream("$sys").when({$any: (s, e) => e.streamId})`, mixed, `="$sys"`},
	{"fromStreams reads several in the order of the log",
		`fromStreams("plain", "b-1", "a-1").when({$init: () => [], $any(s, e) { s.push(e.streamId); }})`, mixed,
		`=["a-1","b-1","plain"]`},
	{"they may stand in a list",
		`fromStreams(["plain", "a-1"]).when({$init: () => [], $any(s, e) { s.push(e.streamId); }})`,
		mixed, `=["a-1","plain"]`},
	{"fromCategory reads the streams whose names have it before the first dash",
		`fromCategory("a").foreachStream().when({$any: (s, e) => 1})`,
		"a-1 A {}\na-b-2 A {}\nab-3 A {}\na A {}", "a-1=1\na-b-2=1"},
	{"several categories are merged",
		`fromCategory("b", "a").when({$init: () => [], $any(s, e) { s.push(e.streamId); }})`, mixed,
		`=["a-1","b-1"]`},
	{"fromCategories of one is fromCategory",
		`fromCategories("b").when({$any: (s, e) => e.streamId})`, mixed, `="b-1"`},
	{"the lists of a category and of a type are streams",
		`fromStreams("$ce-a", "$et-B").when({$init: () => [], $any(s, e) { s.push(e.streamId); }})`, mixed,
		`=["a-1","b-1"]`},

	{"every step replaces what the one before it allowed",
		`fromAll().when({}).when({})`, two, `test.js:1:24: TypeError: Object has no member 'when'`},
	{"foreachStream goes with fromAll and fromCategory alone",
		`fromStream("a-1").foreachStream().when({})`, two,
		`test.js:1:32: TypeError: Object has no member 'foreachStream'`},
	{"options are of any case",
		`options({BISTATE: true, $INCLUDELINKS: false}); fromAll().when({A(s, e) { s[1].n = 1; }})`, two,
		"={}\nshared={\"n\":1}"},
	{"and known",
		`options({speed: 9}); fromAll()`, two, `test.js:1:8: not allowed: option speed is unknown`},
	{"sources are named by the script's own statements alone",
		`fromAll().when({A() { fromStream("b-1"); }})`, two,
		`test.js:1:33 in handler "A", event 0@a-1: ReferenceError: fromStream is not defined`},
	{"a script has a source", `1`, two, `test.js: wrong kind of value: the script names no source, such as fromAll()`},
	{"text is no code",
		`fromAll().when({A: () => eval("1")})`, two,
		`test.js:1:30 in handler "A", event 0@a-1: ReferenceError: eval is not defined`},
	{"nor made into a function",
		`fromAll().when({A: () => new Function("return 1")()})`, two,
		`test.js:1:26 in handler "A", event 0@a-1: not allowed: code made of text`},
	{"$deleted goes with no shared state",
		`options({biState: true}); fromAll().foreachStream().when({A() {}, $deleted() {}})`, two,
		`test.js:1:57: not allowed: $deleted beside a shared state`},
	{"$created may be several",
		`fromAll().when({A() {}}); on_event("$created", s => { s.n = 1; }); on_event("$created", s => { s.n++; })`,
		two, `={"n":2}`},
	{"what a handler throws is a fault",
		`fromAll().when({A(s, e) { if (e.body.n === 3) throw new Error("three"); }})`, two,
		`test.js:1:53 in handler "A", event 1@a-1: Error: three`},
	{"and so is one that does not end",
		`fromAll().when({A() { for (;;) {} }})`, two,
		`test.js:1:17 in handler "A", event 0@a-1: took too long: more than 250ms`},
	{"a byte order mark is no code", "\ufefffromAll().when({A: () => 1})", two, `=1`},
}
