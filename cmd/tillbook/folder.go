package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// A data folder holds the log, where it is not in an EventStoreDB, the read models beside it, and, while
// a service runs, its socket.
const (
	logFolder  = "log"
	socketFile = "tillbook.sock"
)

// openLog opens the folder's log for this process alone.
func openLog(data string, opts embedded.Options) (*embedded.Store, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	store, err := embedded.Open(filepath.Join(data, logFolder), opts)
	return store, named(data, err)
}

// named names the data folder in the error of a taken one.
func named(data string, err error) error {
	if taken := (*eventstore.InUse)(nil); errors.As(err, &taken) {
		return &eventstore.InUse{Folder: data}
	}
	return err
}

// shortSocket is a path of the folder's socket that fits into a socket's address, which holds some
// hundred bytes, wherever the folder is: through a link that forget removes.
func shortSocket(data string) (path string, forget func(), err error) {
	folder, err := filepath.Abs(data)
	if err != nil {
		return "", nil, err
	}
	link, err := os.MkdirTemp("", "tillbook")
	if err != nil {
		return "", nil, err
	}
	forget = func() { _ = os.RemoveAll(link) }
	if err := os.Symlink(folder, filepath.Join(link, "data")); err != nil {
		forget()
		return "", nil, err
	}
	return filepath.Join(link, "data", socketFile), forget, nil
}

// listenSocket listens on the folder's socket. The caller owns the folder, so a socket that is there
// was left by a process that is gone.
func listenSocket(data string) (net.Listener, error) {
	path, forget, err := shortSocket(data)
	if err != nil {
		return nil, err
	}
	defer forget()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // its path goes through the link, which is gone
	return ln, os.Chmod(path, 0o600)
}

// dialSocket connects to the service that owns the folder.
func dialSocket(data string) (net.Conn, error) {
	path, forget, err := shortSocket(data)
	if err != nil {
		return nil, err
	}
	defer forget()
	return net.Dial("unix", path)
}
