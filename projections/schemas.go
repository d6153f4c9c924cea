package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// schemas is a shelf of schemas of a PostgreSQL database:
//
//	readmodels_<format>_<fingerprint>_<generation>
//
// Who has one open holds an advisory lock on its use, shared; whoever drops one holds it alone. Who
// writes into one holds another, alone: of several processes on one database one leads, and where it
// ends or loses its connection the server gives the lock, and so the lead, to the next.
type schemas struct {
	config *pgx.ConnConfig
	all    []Projection
	common *sql.DB // of no schema
}

func newSchemas(place string, all []Projection) (*schemas, error) {
	config, err := pgx.ParseConfig(place)
	if err != nil {
		return nil, errAddress // pgx's error may show a password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	s := &schemas{config: config, all: all}
	s.common = s.pool("")
	return s, nil
}

// connectTime is how long a server may take to let somebody in, where its URL does not say.
const connectTime = 5 * time.Second

var errAddress = errors.New("want postgres://user@host:port/database, and files that it names to be there")

// CheckPostgres refuses a text that is not the URL of a PostgreSQL database. It does not connect, and its
// error does not show the text, which may hold a password.
func CheckPostgres(place string) error {
	if _, err := pgx.ParseConfig(place); err != nil || !IsPostgres(place) {
		return errAddress
	}
	return nil
}

func (s *schemas) place() string {
	host := net.JoinHostPort(s.config.Host, strconv.Itoa(int(s.config.Port)))
	return (&url.URL{Scheme: "postgres", Host: host, Path: s.config.Database}).String()
}

func (s *schemas) close() error { return s.common.Close() }

func (s *schemas) name(generation int) string {
	return fmt.Sprintf("readmodels_%s_%04d", strings.ReplaceAll(fingerprint(s.all), "-", "_"), generation)
}

func (s *schemas) open(ctx context.Context, generation int) (*database, error) {
	d, err := s.connect(ctx, generation)
	if err != nil {
		return nil, err
	}
	d.write = d.read
	_, err = d.write.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+d.name)
	if err == nil {
		err = d.create(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create tables of %s: %w", d.name, err), d.close())
	}
	return d, nil
}

func (s *schemas) openToRead(ctx context.Context, generation int) (*database, error) {
	return s.connect(ctx, generation)
}

// connect opens a pool of connections whose tables are a generation's, and holds the lock on its use.
func (s *schemas) connect(ctx context.Context, generation int) (*database, error) {
	name := s.name(generation)
	pool := s.pool(name)
	pool.SetMaxOpenConns(readers + 2) // one writes, one holds the lock
	pool.SetMaxIdleConns(readers)
	d := &database{name: name, shelf: s, tables: s.all, read: pool, postgres: true}
	var err error
	if d.lock, err = pool.Conn(ctx); err == nil {
		_, err = d.lock.ExecContext(ctx, "SELECT pg_advisory_lock_shared("+lockOf(useOf, name)+")")
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// pool opens connections to a schema.
func (s *schemas) pool(schema string) *sql.DB {
	config := s.config.Copy()
	config.RuntimeParams["search_path"] = schema
	config.RuntimeParams["application_name"] = "tillbook"
	for name, value := range vanished {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	return sql.OpenDB(translating{config})
}

// vanished has the server look, after ten seconds of silence, whether a client is still there: one that
// vanished keeps its locks until then. A URL may say otherwise.
var vanished = map[string]string{"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5",
	"tcp_keepalives_count": "3"}

func (s *schemas) generations(ctx context.Context) (all []int, err error) {
	prefix := strings.TrimSuffix(s.name(0), "0000")
	names, err := s.list(ctx, prefix)
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, prefix)); err == nil && n > 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, err
}

// connection is a connection of its own, to be discarded.
func (s *schemas) connection(ctx context.Context) (*sql.Conn, error) { return s.common.Conn(ctx) }

// list are the schemas whose names begin with a prefix.
func (s *schemas) list(ctx context.Context, prefix string) (names []string, err error) {
	err = s.once(ctx, func(conn *sql.Conn) error {
		names, err = ReadNames(conn.QueryContext(ctx,
			"SELECT nspname FROM pg_namespace WHERE starts_with(nspname, ?)", prefix))
		return err
	})
	return names, err
}

// once does something on a connection of its own.
func (s *schemas) once(ctx context.Context, do func(*sql.Conn) error) error {
	conn, err := s.connection(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), discard(conn))
}

// remove drops a schema, unless another process has it open: then the last of them drops it.
func (s *schemas) remove(ctx context.Context, name string) error {
	return s.once(ctx, func(conn *sql.Conn) error {
		var alone bool
		err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock("+lockOf(useOf, name)+")").Scan(&alone)
		if err != nil || !alone {
			return err
		}
		_, err = conn.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE")
		return err
	})
}

func (s *schemas) clear(ctx context.Context, but string) error {
	names, err := s.list(ctx, "readmodels_")
	for _, name := range names {
		if name != but && err == nil {
			err = s.remove(ctx, name)
		}
	}
	return err
}
