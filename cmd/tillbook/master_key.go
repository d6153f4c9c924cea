package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tillbook/tillbook/domain/vault"
)

// masterKeyVariable names the environment variable that gives the master keys.
const masterKeyVariable = "TILLBOOK_MASTER_KEY"

// openKeyring reads the master keys from the environment, else from the file that the settings name.
// Without either it is nil: what would have to be sealed is refused.
func openKeyring(file string) (*vault.Keyring, error) {
	if text := os.Getenv(masterKeyVariable); text != "" {
		k, err := vault.NewKeyring(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", masterKeyVariable, err)
		}
		return k, nil
	}
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--master-key-file: %w", err)
	}
	k, err := vault.NewKeyring(string(text))
	if err != nil || k == nil {
		return nil, fmt.Errorf("--master-key-file %s: want a master key, 32 bytes in base64", file)
	}
	return k, nil
}

// demoMasterKey gives the demo a master key in its own folder, where the settings name none.
func demoMasterKey(c *config) error {
	if c.masterKeyFile != "" || os.Getenv(masterKeyVariable) != "" {
		return nil
	}
	c.masterKeyFile = filepath.Join(c.data, "demo-master.key")
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(c.masterKeyFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never fails
	_, err = fmt.Fprintln(file, base64.StdEncoding.EncodeToString(random))
	return errors.Join(err, file.Close())
}
