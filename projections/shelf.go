package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// shelf is where the generations of the tables lie: as files in a folder, or as schemas of a PostgreSQL
// database.
type shelf interface {
	// open opens a generation, and makes it where it is not.
	open(ctx context.Context, generation int) (*database, error)
	// openToRead opens a generation that is there.
	openToRead(ctx context.Context, generation int) (*database, error)
	// generations are those that there are of these projections, rising.
	generations(ctx context.Context) ([]int, error)
	// remove removes a generation, by its name, which nobody here has open.
	remove(ctx context.Context, name string) error
	// clear removes what is there but the generation of a name, if any, of other projections too.
	clear(ctx context.Context, but string) error
	// name is a generation's name.
	name(generation int) string
	// place says where it is, without secrets.
	place() string
	// close ends what it holds.
	close() error
}

// shelfAt is the shelf of a place: the URL of a PostgreSQL database, or else a folder.
func shelfAt(place string, all []Projection) (shelf, error) {
	if IsPostgres(place) {
		return newSchemas(place, all)
	}
	return folder{place, all}, nil
}

// IsPostgres reports whether a place of read models is the URL of a PostgreSQL database.
func IsPostgres(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// newest is the newest generation of these projections that may serve, open for reading; nil if none may.
func (m *Models) newest(ctx context.Context) (*database, int, error) {
	all, err := m.shelf.generations(ctx)
	if err != nil {
		return nil, 0, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		d, err := m.shelf.openToRead(ctx, all[i])
		if err != nil {
			return nil, 0, fmt.Errorf("open %s: %w", m.shelf.name(all[i]), err)
		}
		serves, err := d.serves(ctx)
		if err == nil && serves {
			return d, all[i], nil
		}
		if ctx.Err() != nil {
			return nil, 0, errors.Join(ctx.Err(), d.close())
		}
		if !d.postgres { // where another process may be making them
			m.opts.Log.Warn("read models are not used", "name", d.name, "error", err)
		}
		if err := d.close(); err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, nil
}

// retire closes and removes a generation that serves no more, when nobody reads it any longer.
func (m *Models) retire(d *database) {
	d.users.Wait()
	err := errors.Join(d.close(), m.shelf.remove(context.Background(), d.name))
	if err != nil {
		m.opts.Log.Error("remove old read models", "name", d.name, "error", err)
	}
}
