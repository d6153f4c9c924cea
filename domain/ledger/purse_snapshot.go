package ledger

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// A purse's snapshot lies beside its campaign's stream: part 0 is purseHead, the parts from 1 on are the
// JSON of purseBody, cut.
type purseHead struct {
	Version int    `json:"version"` // domain.SnapshotVersion
	Bytes   int    `json:"bytes"`
	Sum     uint64 `json:"sum"` // xxhash of the body
}

type purseBody struct {
	Budget   domain.Budget       `json:"budget"`
	Life     []livedEvent        `json:"life"`
	Released []byte              `json:"released"` // entries
	Hash     domain.Hash         `json:"hash"`
	Position eventstore.Position `json:"position"`
}

type livedEvent struct {
	Revision int64               `json:"revision"`
	Position eventstore.Position `json:"position"`
	Type     string              `json:"type"`
	Data     json.RawMessage     `json:"data"`
	Metadata json.RawMessage     `json:"metadata"`
}

// snapshotPurseEvery are the events between two snapshots, at least: a campaign's is read once a start.
const snapshotPurseEvery = 4096

// savePurse writes a snapshot, if the last one is long enough ago: the more there is to write, the
// longer.
func (l *Ledger) savePurse(s *purseState) {
	if s == nil || s.budget.Revision-s.saved < max(snapshotPurseEvery, int64(s.released.size()/100)) {
		return
	}
	s.saved = s.budget.Revision
	parts, err := s.parts()
	if err == nil {
		err = l.store.PutSnapshot(l.deadline(), s.stream, parts)
	}
	if err != nil {
		l.opts.Logger.Warn("snapshot not written", "stream", s.stream, "err", err)
	}
}

func (s *purseState) parts() (map[int][]byte, error) {
	body := purseBody{Budget: s.budget, Hash: s.hash, Position: s.position,
		Released: sealed(s.released.recent)}
	for _, r := range s.released.runs {
		body.Released = append(body.Released, r.entries...)
	}
	for _, e := range s.life {
		kind, data, metadata, err := domain.Encode(e.Posted)
		if err != nil {
			return nil, err
		}
		body.Life = append(body.Life, livedEvent{e.Revision, e.position, kind, data, metadata})
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	parts := map[int][]byte{}
	for part := range slices.Chunk(text, partBytes) {
		parts[len(parts)+1] = part
	}
	parts[0], err = json.Marshal(purseHead{domain.SnapshotVersion, len(text), xxhash.Sum64(text)})
	return parts, err
}

// restorePurse is a campaign's state as its snapshot has it, or before its first event.
func (l *Ledger) restorePurse(ctx context.Context, campaign string) *purseState {
	s := &purseState{stream: domain.CampaignStream(campaign)}
	err := s.restore(ctx, l)
	if err != nil {
		l.opts.Logger.Warn("snapshot not used", "stream", s.stream, "err", err)
	}
	if err != nil || s.released == nil {
		return &purseState{stream: s.stream, budget: domain.NewBudget(), released: newNames(), saved: -1}
	}
	return s
}

var errCut = errors.New("a part of the snapshot is not as it was written")

// restore reads the snapshot, if there is one.
func (s *purseState) restore(ctx context.Context, l *Ledger) error {
	part, err := l.store.Snapshot(ctx, s.stream, 0)
	if err != nil || part == nil {
		return err
	}
	var head purseHead
	if err := json.Unmarshal(part, &head); err != nil || head.Version != domain.SnapshotVersion {
		return err
	}
	text := make([]byte, 0, head.Bytes)
	for i := 1; len(text) < head.Bytes; i++ {
		part, err := l.store.Snapshot(ctx, s.stream, i)
		if err != nil {
			return err
		}
		if part == nil {
			break
		}
		text = append(text, part...)
	}
	if len(text) != head.Bytes || xxhash.Sum64(text) != head.Sum {
		return errCut
	}
	var body purseBody
	if err := json.Unmarshal(text, &body); err != nil {
		return err
	}
	for _, e := range body.Life {
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, e.Revision)
		if err != nil {
			return err
		}
		s.life = append(s.life, located{p, e.Position})
	}
	s.budget, s.hash, s.position, s.saved = body.Budget, body.Hash, body.Position, body.Budget.Revision
	s.released = newNames()
	for e := range slices.Chunk(body.Released, entryBytes) {
		s.released.add([]entry{{hash: binary.BigEndian.Uint64(e),
			revision: binary.BigEndian.Uint32(e[8:])}})
	}
	return nil
}
