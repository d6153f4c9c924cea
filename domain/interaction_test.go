package domain

import "testing"

var _ = telling(func(e InteractionRecorded) string { return string(e.Kind) + e.SealedText })

func TestRecordInteraction(t *testing.T) {
	full := RecordInteraction{Kind: InteractionComplaint, Channel: "phone", Rating: 1, About: "T-77",
		TextHash: "h", SealedText: ", sealed", KeyID: "k"}
	alter := func(edit func(*RecordInteraction)) ask { r := full; edit(&r); return asks(r) }
	message := RecordInteraction{Kind: InteractionMessage}
	allowed := message
	allowed.Consented = true
	run(t, []row{
		{"a complaint", []step{opened}, asks(full), "InteractionRecorded complaint, sealed"},
		{"a visit alone", []step{opened}, asks(RecordInteraction{Kind: InteractionVisit}),
			"InteractionRecorded visit"},
		{"unknown kind before channel", nil, alter(func(r *RecordInteraction) { r.Kind, r.Channel = "x", "X" }),
			"malformed kind"},
		{"a channel that is no label", nil, alter(func(r *RecordInteraction) { r.Channel = "By Phone" }),
			"malformed channel"},
		{"a channel that is a phone", nil, alter(func(r *RecordInteraction) { r.Channel = "13800138000" }),
			"malformed channel"},
		{"six stars", nil, alter(func(r *RecordInteraction) { r.Rating = 6 }), "malformed rating"},
		{"fewer than none", nil, alter(func(r *RecordInteraction) { r.Rating = -1 }), "malformed rating"},
		{"about in clear text", nil, alter(func(r *RecordInteraction) { r.About = "her dog" }),
			"malformed about"},
		{"about a phone", nil, alter(func(r *RecordInteraction) { r.About = "13800138000" }),
			"malformed about"},
		{"no account before consent", nil, asks(message), "not_found"},
		{"consent before reference", []step{opened, ref("7"), did(full)}, asks(message), "consent_missing"},
		{"a message that is allowed", []step{opened}, asks(allowed), "InteractionRecorded message"},
		{"reference used", []step{opened, ref("7"), did(full)}, asks(full), "reference_used"},
		{"while frozen", []step{opened, frozen(FreezeLegal)}, asks(full),
			"InteractionRecorded complaint, sealed"},
	})
}

func TestInteractionRepeats(t *testing.T) {
	b := newBook(t)
	opened(b)
	first := RecordInteraction{Kind: InteractionMessage, Channel: "sms", Rating: 3, TextHash: "h",
		About: "T-1", SealedText: "sealed", KeyID: "k", Consented: true}
	posted, err := b.do(first)
	if err != nil {
		t.Fatal(err)
	}
	same := first
	same.SealedText, same.Consented = "sealed anew", false
	differs(t, posted[0], same, Context{}, "")
	for want, edit := range map[string]func(*RecordInteraction){
		"kind":      func(r *RecordInteraction) { r.Kind = InteractionCall },
		"about":     func(r *RecordInteraction) { r.About = "" },
		"channel":   func(r *RecordInteraction) { r.Channel = "mail" },
		"rating":    func(r *RecordInteraction) { r.Rating = 0 },
		"text_hash": func(r *RecordInteraction) { r.TextHash = "other" },
	} {
		other := first
		edit(&other)
		differs(t, posted[0], other, Context{}, want)
	}
	for _, e := range []InteractionRecorded{{Kind: "x"}, {Kind: InteractionCall, Rating: 6},
		{Kind: InteractionCall, SealedText: "s"}} {
		if e.check() == nil {
			t.Errorf("got %+v as sound", e)
		}
	}
}
