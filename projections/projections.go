// Package projections keeps the read models: SQL tables that are folded from the log, may lag
// behind it, and can always be thrown away and folded again.
//
// Its promise: a table holds exactly what the events up to the checkpoint add up to. Tables and
// checkpoint move in one transaction, so whatever ends the process, no event is left out and none
// counts twice. What lists and reports show may be old, and says how old; decisions never read it.
//
// The models live in one SQLite file in the data folder, or in one schema of a PostgreSQL database:
//
//	readmodels-<format>-<fingerprint>-<generation>.db
//	readmodels_<format>_<fingerprint>_<generation>
//
// The fingerprint covers names and versions of the projections: another one is another file or schema,
// built from the start. A rebuild writes the next generation beside the one that serves, and takes its
// place when it has caught up. One process writes; any number may read. Processes that share a database
// of PostgreSQL agree among themselves who it is.
//
// SQL is written once, as SQLite has it; what PostgreSQL has otherwise stands in translate.
//
// # A read model of your own
//
// A read model is a Projection, and one file is enough: see the example. It is opened with
//
//	projections.Open(ctx, place, store, projections.Options{
//		Projections: append(projections.Builtin(), mine{}),
//	})
//
// and asked with Models.Read. Follow is the log without tables, for whoever keeps his own. The read models
// that come with Tillbook are written with nothing else: a test holds that.
//
// Apply may read and write the tables of its projection, through a Table or by Tx's Exec, Insert and Query,
// and read those of projections that stand before it in Options.Projections. It goes by the events alone: no
// clock, no randomness, no other place to read or write, for a rebuild must make the same tables. It gets
// events in batches of any size, cut anywhere, and each of them once; what it writes counts with the
// checkpoint or not at all.
//
// An event that can never be folded, such as the end of something that never began, is no reason to stop:
// Apply reports it with Tx.Damaged and passes it over. It is listed in the table damaged, with those that
// could not be decoded at all, and is told to Options.Damaged. An error of Apply is for what may succeed
// later, such as a full disk: the transaction is taken back, and the events come again.
//
// A projection's Version changes with its tables, and whenever the same events would make other rows. As
// the fingerprint is then another, Open builds new tables from the start, and the old ones go; a rebuild of
// tables that serve (Models.Rebuild) folds the next generation beside them, while they are read and
// followed, and takes their place once it has caught up. What fails on the way leaves the old ones serving.
package projections

import (
	"context"
	"fmt"
	"hash/crc32"
)

// Projection is one read model: its tables and how events change them. The ones that come with
// Tillbook use nothing but what is exported here.
//
// A Projection has no state of its own: what Apply remembers between batches it keeps in Tx, so one
// Projection serves several files at once.
type Projection interface {
	// Name is the projection's name and that of its main table.
	Name() string
	// Version changes whenever the same events would make other tables.
	Version() int
	// Tables is the SQL that creates the tables where they are not.
	Tables() string
	// Indexes is the SQL that creates what only queries need. A rebuild runs it last.
	Indexes() string
	// Apply folds events, in the order of the log, into the tables. All events of a transaction
	// come at once: it should read what they touch once and write each touched row once. An error
	// ends the transaction, and the same events come again; an event that can never be folded must
	// be reported with Tx.Damaged and passed over instead.
	Apply(ctx context.Context, tx *Tx, events []Event) error
}

// Builtin are the projections that come with Tillbook, in the order in which they fold a batch:
// history reads what accounts has not folded yet.
func Builtin() []Projection {
	return []Projection{history{}, accounts{}, balances{}, lots{}, holds{}, stores{},
		codes{},
		credentials{},
		adjustments,
		checkouts,
		coupons,
		couponUses{},
		customers{},
		mandates,
		jobs{},
		tiers{},
		reservations{},
		transfers{},
		interactions{},
		occasions{},
		points{},
		purchases{},
		segments{},
		exceptions{}, settlement{}, shifts{},
		withdrawals,
	}
}

// format is the version of the files' own tables.
const format = 1

// fingerprint names a set of projections with their versions.
func fingerprint(all []Projection) string {
	sum := crc32.NewIEEE()
	for _, p := range all {
		fmt.Fprintf(sum, "%s@%d\n", p.Name(), p.Version())
	}
	return fmt.Sprintf("%d-%08x", format, sum.Sum32())
}
