package embedded

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
)

const (
	cacheBytes    = 64 << 20
	memTableBytes = 64 << 20
	blockBytes    = 16 << 10 // a dozen events, compressed together
)

// tuned is Pebble for a log: records come once, in order, and go down the levels unchanged.
func (s *Store) tuned(opts Options) *pebble.Options {
	if opts.CacheBytes == 0 {
		opts.CacheBytes = cacheBytes
	}
	if opts.MemTableBytes == 0 {
		opts.MemTableBytes = memTableBytes
	}
	words := &words{opts.Logger, s.medium}
	if words.log == nil {
		words.log = slog.New(slog.DiscardHandler)
	}
	tuned := &pebble.Options{
		FS:                          s.medium,
		Lock:                        s.lock,
		ReadOnly:                    s.readOnly,
		ErrorIfNotExists:            s.readOnly,
		Logger:                      words,
		EventListener:               words.listener(),
		FormatMajorVersion:          pebble.FormatValueSeparation, // fixed: newer only by decision
		CacheSize:                   opts.CacheBytes,
		MemTableSize:                uint64(opts.MemTableBytes),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       40,
		LBaseMaxBytes:               memTableBytes,
	}
	// The log's part of a flush is one table in L0. Pebble then moves it down; but such as fit into a
	// compaction of the index, which may grow to 25 times the second size, it takes along and writes
	// again. They have some 20 MB, or half of it where events repeat each other.
	tuned.TargetFileSizes = [...]int64{
		memTableBytes, 256 << 10, 4 << 20, 8 << 20, 16 << 20, 32 << 20, 64 << 20,
	}
	for i := range tuned.Levels {
		tuned.Levels[i].BlockSize = blockBytes
		tuned.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // asks for names of new streams
		tuned.Levels[i].Compression = func() *sstable.CompressionProfile {
			return sstable.FastestCompression
		}
	}
	// Tables end where the kind of key changes. A table of index and log together would drag the
	// log's bytes through every compaction of the index.
	tuned.Experimental.SpanPolicyFunc = func(key []byte) (pebble.SpanPolicy, []byte, error) {
		return pebble.SpanPolicy{}, after(key[:1]), nil
	}
	return tuned
}

// words hands Pebble's log lines on. It must not end the process, whatever Pebble says.
type words struct {
	log    *slog.Logger
	medium *medium
}

func (w *words) Infof(format string, args ...any)  { w.log.Debug(fmt.Sprintf(format, args...)) }
func (w *words) Errorf(format string, args ...any) { w.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf is Pebble at a loss. At this point the process would end; the folder is left as it is
// instead, and appends stop.
func (w *words) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	w.medium.freeze(fmt.Errorf(format, args...))
}

func (w *words) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { w.log.Error("pebble in the background", "err", err) },
		DataCorruption: func(found pebble.DataCorruptionInfo) {
			w.log.Error("damaged table", "path", found.Path, "err", found.Details)
		},
		WriteStallBegin: func(stall pebble.WriteStallBeginInfo) {
			w.log.Warn("appends wait for the disk", "reason", stall.Reason)
		},
	}
}
