package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// adminKeyVariable names the environment variable that gives the first admin key.
const adminKeyVariable = "TILLBOOK_ADMIN_KEY"

// firstAdminKey registers the key that the environment gives, unless its hash is known: a revoked one
// stays revoked. Without one, a ledger that never had an admin key gets a new one, printed once.
func (s *service) firstAdminKey(ctx context.Context, out io.Writer) error {
	if err := s.ledger.Ready(ctx); err != nil {
		return err
	}
	if secret := os.Getenv(adminKeyVariable); secret != "" {
		if _, known := s.ledger.KeyByHash(sha256.Sum256([]byte(secret))); known {
			return nil
		}
		return s.register(ctx, secret, adminKeyVariable, domain.RoleAdmin)
	}
	for _, k := range s.ledger.Keys() {
		if k.Role == domain.RoleAdmin {
			return nil
		}
	}
	secret, err := s.newKey(ctx, "first admin", domain.RoleAdmin)
	if err == nil {
		fmt.Fprintf(out, "Admin key, shown this once: %s\n", secret)
	}
	return err
}

// checkAdminKey refuses a key that the environment gives and that anybody could guess.
func checkAdminKey() error {
	secret := os.Getenv(adminKeyVariable)
	if secret != "" && (len(secret) < 24 || len(secret) > 256 || strings.ContainsAny(secret, " \t\r\n")) {
		return fmt.Errorf("%s: want 24 to 256 characters without blanks", adminKeyVariable)
	}
	return nil
}

// newKey makes an API key and answers its secret, which nobody can read again.
func (s *service) newKey(ctx context.Context, name string, role domain.Role) (string, error) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never fails
	secret := "tb_" + base64.RawURLEncoding.EncodeToString(random)
	return secret, s.register(ctx, secret, name, role)
}

// secretSpace is the name space of the ids of keys that the service itself registers.
var secretSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/secrets"))

// register makes a secret a key, whose id comes from it: of nodes that start at once with the same
// secret one registers it, and the others find it registered, perhaps revoked.
func (s *service) register(ctx context.Context, secret, name string, role domain.Role) error {
	hash := sha256.Sum256([]byte(secret))
	_, err := s.ledger.Register(ctx, ledger.Registering{
		Registration: domain.CreateKey{APIKey: domain.APIKey{
			ID: uuid.NewSHA1(secretSpace, hash[:]), Name: name, Role: role,
			Hash: hash, Last4: secret[len(secret)-4:],
		}},
		Caller: caller,
	})
	if err != nil && !errors.Is(err, domain.ErrReferenceUsed) {
		return fmt.Errorf("register key %q: %w", name, err)
	}
	return nil
}

// newKeys is `tillbook keys`.
func newKeys() *cobra.Command {
	var at place
	cmd := &cobra.Command{Use: "keys", Short: "Create, list and revoke API keys"}
	at.flags(cmd.PersistentFlags())
	cmd.AddCommand(newKeysCreate(&at), newKeysList(&at), newKeysRevoke(&at))
	return cmd
}

func newKeysCreate(at *place) *cobra.Command {
	var request struct {
		Name      string   `json:"name"`
		Role      string   `json:"role"`
		Stores    []string `json:"stores,omitempty"`
		AccountID string   `json:"account_id,omitempty"`
	}
	cmd := &cobra.Command{
		Use: "create", Short: "Create a key and print its secret, this once", Args: cobra.NoArgs,
		RunE: withClient(at, func(cmd *cobra.Command, _ []string, c *client) error {
			var key struct {
				ID  string `json:"id"`
				Key string `json:"key"`
			}
			err := c.do(cmd.Context(), "POST", "/v1/keys", uuid.NewString(), request, &key)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", key.ID, key.Key)
			}
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&request.Name, "name", "", "what the key is for")
	f.StringVar(&request.Role, "role", "", "admin, pos, finance, approver, support, marketing, analyst or customer")
	f.StringSliceVar(&request.Stores, "stores", nil, "stores it may post in; none: all")
	f.StringVar(&request.AccountID, "account", "", "the account that a customer's key reads")
	_ = cmd.MarkFlagRequired("name") // fails for unknown flags only
	_ = cmd.MarkFlagRequired("role")
	return cmd
}

func newKeysList(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the keys, without secrets", Args: cobra.NoArgs,
		RunE: withLedger(at, func(cmd *cobra.Command, _ []string, c *client) error {
			var page struct{ Data []map[string]json.RawMessage }
			if err := c.do(cmd.Context(), "GET", "/v1/keys", "", nil, &page); err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			columns := []string{"id", "role", "name", "last4", "created_at", "revoked_at"}
			fmt.Fprintln(w, strings.ToUpper(strings.Join(columns, "\t")))
			for _, key := range page.Data {
				for _, column := range columns {
					text := strings.TrimPrefix(string(key[column]), "null") // of revoked_at
					fmt.Fprint(w, strings.Trim(text, `"`), "\t")
				}
				fmt.Fprintln(w)
			}
			return w.Flush()
		}),
	}
}

func newKeysRevoke(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a key for good", Args: cobra.ExactArgs(1),
		RunE: withLedger(at, func(cmd *cobra.Command, args []string, c *client) error {
			path := "/v1/keys/" + url.PathEscape(args[0])
			return c.do(cmd.Context(), "DELETE", path, uuid.NewString(), nil, nil)
		}),
	}
}

// withLedger is withClient for verbs that would say nothing of a new folder, and so make none of a name
// that was misspelt.
func withLedger(
	at *place, verb func(*cobra.Command, []string, *client) error,
) func(*cobra.Command, []string) error {
	run := withClient(at, verb)
	return func(cmd *cobra.Command, args []string) error {
		if err := at.fromEnvironment(cmd.Flags()); err != nil {
			return err
		}
		if conn, err := dialSocket(at.data); err == nil { // wherever its log is
			_ = conn.Close()
		} else if _, err := os.Stat(filepath.Join(at.data, logFolder)); at.eventstore == "" && err != nil {
			return noLedger(at.data, err)
		}
		return run(cmd, args)
	}
}

// errNoLedger: a folder has no log.
var errNoLedger = errors.New("there is no ledger in the folder")

// noLedger is err, in plain words where a folder has no log.
func noLedger(data string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w %s: --data names another, --eventstore a log elsewhere", errNoLedger, data)
	}
	return err
}

// withClient runs a verb with a client of the folder's service, or of the folder itself.
func withClient(
	at *place, verb func(*cobra.Command, []string, *client) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := at.fromEnvironment(cmd.Flags()); err != nil {
			return err
		}
		c, done, err := connect(cmd.Context(), *at)
		if err != nil {
			return err
		}
		defer done()
		return verb(cmd, args, c)
	}
}
