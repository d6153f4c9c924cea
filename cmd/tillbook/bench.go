package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tillbook/tillbook/projections"
)

// benchOptions are what a bench was asked for.
type benchOptions struct {
	url, data, profile string
	eventstore         string
	connections        []int
	distributions      []string
	workloads          []string
	followers          string
	accounts, runs     int
	requests, events   int64
	duration, diskSync time.Duration
	ceiling, rebuild   bool
	smoke, json        bool
	folded             int64  // events to fold, 0 for a bench of requests
	readmodels         string // of the folding, beside SQLite
}

// newBench is `tillbook bench`.
func newBench() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure durable debits and balance reads over HTTP, and prove the books",
		Long: "Starts a server on a folder of its own, which does not log each request, or uses the\n" +
			"one at --url, with an admin key in TILLBOOK_KEY; it must be on this machine. Connections\n" +
			"are kept alive, and each sends its next request when it has the last one's answer. A row\n" +
			"is the median of its runs, which take turns with those of the other rows. At the end\n" +
			"every account must have lost a cent for each debit that was answered with success, or\n" +
			"the bench fails. Sales are of three lines, with three coupons, points and stored value;\n" +
			"their coupons, budgets and claims must add up as well.\n" +
			"With --projections it measures who folds a log instead, each reader in a process of its\n" +
			"own: a scan, a read model in Go, JavaScript, and all read models on SQL.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.smoke {
				if err := makeSmall(cmd.Flags()); err != nil {
					return err
				}
			}
			if err := o.check(); err != nil {
				return err
			}
			b := &bench{benchOptions: o, progress: cmd.ErrOrStderr()}
			if o.folded > 0 {
				return b.measureFolding(cmd.Context(), cmd.OutOrStdout())
			}
			return b.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "", "service to measure, http://127.0.0.1:PORT; none starts one")
	f.StringVar(&o.data, "data", "", "where to make the servers' folders; none is the system's own")
	f.IntSliceVar(&o.connections, "connections", []int{1, 16, 64, 256}, "connections, up to 4096")
	f.StringSliceVar(&o.distributions, "distribution", distributions, "uniform, zipf, hot")
	f.StringSliceVar(&o.workloads, "workload", basic,
		"debit, balance, checkout, checkout-capped, quote, claim")
	f.StringVar(&o.followers, "followers", "both", "read models while measuring: on, off or both")
	f.IntVar(&o.accounts, "accounts", 10_000, "accounts, up to 1000000")
	f.DurationVar(&o.duration, "duration", 2*time.Second, "time of one run, up to 10m")
	f.DurationVar(&o.diskSync, "disk-sync", 0,
		"let each sync of a disk last at least so long, ceilings' too, as on a slower disk; up to 1s")
	f.Int64Var(&o.requests, "requests", 0, "requests of one run, instead of --duration")
	f.IntVar(&o.runs, "runs", 3, "runs of each row, up to 99")
	f.BoolVar(&o.ceiling, "ceiling", false, "also measure servers that do the least one can")
	f.Int64Var(&o.events, "open", 0, "also restart on one account with so many events")
	f.Lookup("open").NoOptDefVal = "1000000"
	f.StringVar(&o.eventstore, "eventstore", "",
		"also measure on the EventStoreDB at this esdb:// address, or on a "+standIn)
	f.BoolVar(&o.rebuild, "rebuild", false, "also rebuild the read models on one core")
	f.Int64Var(&o.folded, "projections", 0,
		"instead, write so many events and measure who folds them: Go, JavaScript and read models")
	f.Lookup("projections").NoOptDefVal = "400000"
	f.StringVar(&o.readmodels, "readmodels", "",
		"with --projections: PostgreSQL database, on this machine, that is the bench's own, postgres://…")
	f.BoolVar(&o.json, "json", false, "print the rows as JSON")
	f.BoolVar(&o.smoke, "smoke", false, "a little of everything, in seconds")
	f.StringVar(&o.profile, "profile", "", "folder for the servers' CPU profiles")
	_ = f.MarkHidden("profile")
	cmd.AddCommand(newCeiling(), newFold(), newProfiled(), newRebuild(), newSlowServe())
	return cmd
}

// small are the flags of a bench that does a little of everything in a few seconds.
var small = map[string]string{"connections": "1,8", "accounts": "20", "requests": "200",
	"workload": strings.Join(workloads, ","), "runs": "1", "ceiling": "true",
	"rebuild": "true", "open": "2000", "eventstore": standIn}

// makeSmall sets what was not given.
func makeSmall(f *pflag.FlagSet) error {
	var failed []error
	for name, value := range small {
		if !f.Changed(name) {
			failed = append(failed, f.Set(name, value))
		}
	}
	return errors.Join(failed...)
}

// check refuses what is out of bounds, and any host but this one: a load is an attack on others.
func (o *benchOptions) check() error {
	for _, n := range o.connections {
		if n < 1 || n > 4096 {
			return fmt.Errorf("--connections %d: want 1 to 4096", n)
		}
	}
	for _, name := range o.distributions {
		if _, err := choose(name, 1); err != nil {
			return fmt.Errorf("--distribution: %w", err)
		}
	}
	for _, name := range o.workloads {
		if !slices.Contains(workloads, name) {
			return fmt.Errorf("--workload %s: want one of %v", name, workloads)
		}
	}
	switch {
	case o.followers != "on" && o.followers != "off" && o.followers != "both":
		return fmt.Errorf("--followers %s: want on, off or both", o.followers)
	case o.accounts < 1 || o.accounts > 1_000_000:
		return fmt.Errorf("--accounts %d: want 1 to 1000000", o.accounts)
	case o.duration <= 0 || o.duration > 10*time.Minute:
		return fmt.Errorf("--duration %s: want up to 10m", o.duration)
	case o.diskSync < 0 || o.diskSync > time.Second:
		return fmt.Errorf("--disk-sync %s: want up to 1s", o.diskSync)
	case o.diskSync > 0 && (o.url != "" || o.eventstore != ""):
		return errors.New("--disk-sync is of disks that the bench's own servers write to")
	case o.requests < 0 || o.requests > 1e9 || o.events < 0 || o.events > 1e8:
		return errors.New("want --requests up to 1000000000, --open up to 100000000")
	case o.folded < 0 || o.folded > 1e8:
		return fmt.Errorf("--projections %d: want up to 100000000", o.folded)
	case o.readmodels != "" && (o.folded == 0 || !isLoopbackURL(o.readmodels)):
		return errors.New("--readmodels: want --projections, and a PostgreSQL on this machine")
	case o.runs < 1 || o.runs > 99:
		return fmt.Errorf("--runs %d: want 1 to 99", o.runs)
	case o.rebuild && (o.url != "" || o.followers == "on"):
		return errors.New("--rebuild reads the log of a server without read models")
	case o.eventstore != "" && o.eventstore != standIn && !isLoopbackESDB(o.eventstore):
		return errors.New("--eventstore: want esdb://…, and a bench loads its own machine only")
	case o.url != "" && o.eventstore != "":
		return errors.New("want --url or --eventstore, as a service at a URL has its own log")
	case o.url != "":
		_, err := o.host()
		return err
	}
	return nil
}

// host is the host and port of --url, on this machine.
func (o *benchOptions) host() (string, error) {
	u, err := url.Parse(o.url)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return "", fmt.Errorf("--url %s: want http://127.0.0.1:PORT", o.url)
	}
	if !isLoopback(u.Hostname()) {
		return "", fmt.Errorf("--url %s: a bench loads its own machine only", o.url)
	}
	if os.Getenv(benchKeyVariable) == "" {
		return "", fmt.Errorf("--url needs an admin key in %s", benchKeyVariable)
	}
	return u.Host, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isLoopbackURL tells the address of a PostgreSQL on this machine.
func isLoopbackURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && projections.IsPostgres(address) && isLoopback(u.Hostname())
}

// isLoopbackESDB tells the address of one EventStoreDB on this machine.
func isLoopbackESDB(address string) bool {
	u, err := url.Parse(address)
	return err == nil && isESDB(address) && isLoopback(u.Hostname())
}

// benchKeyVariable is the environment's name of the key that --url is used with.
const benchKeyVariable = "TILLBOOK_KEY"

// modes are the settings of the read models to measure with.
func (o *benchOptions) modes() []string {
	if o.followers == "both" {
		return []string{"off", "on"}
	}
	return []string{o.followers}
}

// sorted connections make a table that reads from few to many.
func (o *benchOptions) sortedConnections() []int {
	return slices.Compact(slices.Sorted(slices.Values(o.connections)))
}

// within runs f with a folder that is gone afterwards.
func (o *benchOptions) within(
	ctx context.Context, f func(ctx context.Context, dir string) error,
) error {
	dir, err := os.MkdirTemp(o.data, "tillbook-bench-")
	if err != nil {
		return err
	}
	return errors.Join(f(ctx, dir), os.RemoveAll(dir))
}
