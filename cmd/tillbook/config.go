package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tillbook/tillbook/projections"
)

// config is what a service is started with. Every setting has a flag, an environment name (TILLBOOK_
// and the flag's name), a default and a limit; see settings.
type config struct {
	listen, data, logLevel string
	masterKeyFile          string
	eventstore             string // esdb://…; empty for the data folder's own log
	esdb                   protocol
	readmodels             string // postgres://…; empty for the data folder's own
	patient                bool   // that database may be away at the start; of verbs that serve
	followers              bool
	webhooks, webhookAny   bool
	cacheMB, blockCacheMB  int
	maxWaiting, bodyKB     int
	ratePerKey             int
	sweepEvery, drain      time.Duration
	selectionTime          time.Duration
	disk                   vfs.FS // no setting: a bench's child has a slow one, all else the machine's, nil
}

// defaultData is the folder of a service that is not told another one.
const defaultData = "./tillbook-data"

// settings binds every setting to a flag of its own.
func (c *config) settings(f *pflag.FlagSet) {
	bind(f, hostPort(&c.listen, "127.0.0.1:8080"), "listen", "address to serve on")
	f.StringVar(&c.data, "data", defaultData, "folder of the data; limit: one process at a time")
	bind(f, esdbAddress(&c.eventstore), "eventstore",
		"EventStoreDB that holds the log, in place of the data folder; best given by the environment\n"+
			"    where it holds a password")
	c.esdb.settings(f, "esdb-", "")
	f.StringVar(&c.esdb.analysts, "esdb-analysts", "",
		"which of them may manage projections, commas between; limit: users, none lets all of them")
	bind(f, postgresAddress(&c.readmodels), "readmodels",
		"PostgreSQL database that holds the read models, in place of the data folder; all nodes on one log\n"+
			"    name the same one, and nobody else uses it. Its password is best given by the environment,\n"+
			"    in the address, by PGPASSWORD or by the file that PGPASSFILE names")
	f.StringVar(&c.masterKeyFile, "master-key-file", "", "file of the master keys that seal personal data "+
		"and secrets;\n    limit: 32 bytes each in base64, the first seals, all of them open")
	bind(f, oneOf(&c.logLevel, "info", "debug", "info", "warn", "error"), "log-level",
		"what is logged to standard error")
	bind(f, yesNo(&c.followers, true), "followers",
		"keep read models, and by them do what time brings about: holds, lots, reminders, charges, jobs")
	bind(f, between(&c.cacheMB, 256, 1, 1<<20), "cache-mb", "memory for account states, MiB")
	bind(f, between(&c.blockCacheMB, 64, 1, 1<<20), "block-cache-mb", "memory for read blocks, MiB")
	bind(f, between(&c.maxWaiting, 10_000, 1, 1_000_000), "max-waiting",
		"commands that may wait before 503")
	bind(f, between(&c.bodyKB, 64, 4, 4096), "body-kb", "largest request body, KiB; bulk arrays,\n"+
		"    batches and shift closes may take 8 MiB, programs 512 KiB")
	bind(f, between(&c.ratePerKey, 0, 0, 1_000_000), "rate-per-key",
		"requests a second of one key, 0 for no limit")
	bind(f, lasting(&c.sweepEvery, 10*time.Second, time.Second, time.Hour), "sweep-every",
		"time between two looks at what time brings about")
	bind(f, lasting(&c.selectionTime, projections.DefaultSelectionTime, time.Second, 10*time.Minute),
		"selection-time", "longest query of a segment, or a page of its export, before 503")
	bind(f, yesNo(&c.webhooks, true), "webhooks",
		"send webhooks; of several nodes on one log each that does sends everything, so one should")
	bind(f, yesNo(&c.webhookAny, false), "webhook-private",
		"let webhooks have private addresses, plain http and every port: --webhook-private=true")
	bind(f, lasting(&c.drain, 30*time.Second, time.Second, 10*time.Minute), "drain",
		"time that a stop gives to requests under way")
}

// setting is a flag's value that knows its limit.
type setting struct {
	get   func() string
	set   func(string) error
	limit string
}

func (s setting) String() string { return s.get() }
func (s setting) Type() string   { return "value" }

// Set refuses what is not within the limit.
func (s setting) Set(text string) error {
	if err := s.set(text); err != nil {
		return fmt.Errorf("want %s", s.limit)
	}
	return nil
}

func bind(f *pflag.FlagSet, s setting, name, usage string) {
	f.Var(s, name, usage+"; limit: "+s.limit)
}

var errLimit = fmt.Errorf("out of range")

func between(n *int, standard, low, high int) setting {
	*n = standard
	return setting{
		get:   func() string { return strconv.Itoa(*n) },
		limit: fmt.Sprintf("%d to %d", low, high),
		set: func(text string) error {
			v, err := strconv.Atoi(text)
			if err != nil || v < low || v > high {
				return errLimit
			}
			*n = v
			return nil
		},
	}
}

func lasting(d *time.Duration, standard, low, high time.Duration) setting {
	*d = standard
	return setting{
		get:   func() string { return d.String() },
		limit: fmt.Sprintf("%s to %s", low, high),
		set: func(text string) error {
			v, err := time.ParseDuration(text)
			if err != nil || v < low || v > high {
				return errLimit
			}
			*d = v
			return nil
		},
	}
}

func yesNo(b *bool, standard bool) setting {
	*b = standard
	return setting{
		get:   func() string { return strconv.FormatBool(*b) },
		limit: "true, false",
		set: func(text string) (err error) {
			*b, err = strconv.ParseBool(text)
			return err
		},
	}
}

func esdbAddress(s *string) setting {
	return setting{
		get:   func() string { return *s },
		limit: "esdb://… or esdb+discover://…",
		set: func(text string) error {
			if !isESDB(text) {
				return errLimit
			}
			*s = text
			return nil
		},
	}
}

func postgresAddress(s *string) setting {
	return setting{
		get:   func() string { return *s },
		limit: "postgres://user@host:port/database",
		set: func(text string) error {
			if projections.CheckPostgres(text) != nil {
				return errLimit
			}
			*s = text
			return nil
		},
	}
}

// isESDB tells the address of an EventStoreDB from a folder's or a file's name.
func isESDB(text string) bool {
	return strings.HasPrefix(text, "esdb://") || strings.HasPrefix(text, "esdb+discover://")
}

func hostPort(s *string, standard string) setting {
	*s = standard
	return setting{
		get:   func() string { return *s },
		limit: "host:port",
		set: func(text string) error {
			if text == "" && standard == "" {
				*s = ""
				return nil
			}
			if _, _, err := net.SplitHostPort(text); err != nil {
				return errLimit
			}
			*s = text
			return nil
		},
	}
}

func oneOf(s *string, standard string, choices ...string) setting {
	*s = standard
	return setting{
		get:   func() string { return *s },
		limit: strings.Join(choices, ", "),
		set: func(text string) error {
			for _, c := range choices {
				if text == c {
					*s = text
					return nil
				}
			}
			return errLimit
		},
	}
}

// envName is the environment's name of a setting.
func envName(flag string) string {
	return "TILLBOOK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets what the environment names and no flag did; only those of names, where there are
// any.
func fromEnvironment(f *pflag.FlagSet, names ...string) error {
	var bad error
	f.VisitAll(func(flag *pflag.Flag) {
		name := envName(flag.Name)
		text := os.Getenv(name)
		if text == "" || flag.Changed || bad != nil || flag.Name == "help" {
			return
		}
		if len(names) > 0 && !slices.Contains(names, flag.Name) {
			return
		}
		if err := f.Set(flag.Name, text); err != nil {
			bad = fmt.Errorf("%s: %w", name, withoutValue(err))
		}
	})
	return bad
}

// withoutValue is why a setting was refused, without what it was set to: that may hold a password.
func withoutValue(err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return invalid.Unwrap()
	}
	return err
}

// flagError is withoutValue for what the command line sets.
func flagError(cmd *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s: %w", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return fmt.Errorf("%w: %s --help lists them", err, cmd.CommandPath())
}

// newConfigHelp is `tillbook help config`.
func newConfigHelp() *cobra.Command {
	var c config
	topic := &cobra.Command{Use: "config", Short: "Every setting: flag, environment, default, limit"}
	flags := pflag.NewFlagSet("config", pflag.ContinueOnError)
	c.settings(flags)
	var text strings.Builder
	text.WriteString("Settings of serve and demo. A flag wins over the environment.\n")
	flags.VisitAll(func(f *pflag.Flag) {
		usage, limit, _ := strings.Cut(f.Usage, "; limit: ")
		standard := f.DefValue
		if standard == "" {
			standard = "none"
		}
		fmt.Fprintf(&text, "\n--%s\n    %s\n    environment %s, default %s", f.Name, usage,
			envName(f.Name), standard)
		if limit != "" {
			fmt.Fprintf(&text, ", limit: %s", limit)
		}
		text.WriteString("\n")
	})
	text.WriteString("\n" + masterKeyVariable + " (environment only)\n" +
		"    the master keys themselves, in place of --master-key-file\n")
	text.WriteString("\n" + adminKeyVariable + " (environment only, as a flag would show it)\n" +
		"    the first admin key, registered at start unless it is known; limit: 24 to 256 characters\n" +
		"    default: none, and the first start prints a new one\n")
	topic.Long = text.String()
	topic.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		fmt.Fprint(cmd.OutOrStdout(), topic.Long)
	})
	return topic
}
