package main

import (
	"fmt"
	"os"

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
