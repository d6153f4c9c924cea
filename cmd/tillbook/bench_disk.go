package main

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"
)

// slowFiles are the machine's files as a slower disk would keep them: a sync lasts at least so long,
// of a folder too. Writes and reads are as fast as they are; syncs of several files may overlap.
//
// A hosted machine's disk may answer a sync from its memory in some 40 µs; a drive without protection
// against power loss, and a volume over the network, take 0.5 to 2 ms.
type slowFiles struct {
	vfs.FS
	sync time.Duration
}

// slowDisk is nil, the machine's own disk, where a sync needs to last no longer.
func slowDisk(sync time.Duration) vfs.FS {
	if sync == 0 {
		return nil
	}
	return slowFiles{vfs.Default, sync}
}

func (d slowFiles) Create(name string, kind vfs.DiskWriteCategory) (vfs.File, error) {
	return d.slow(d.FS.Create(name, kind))
}

func (d slowFiles) ReuseForWrite(from, to string, kind vfs.DiskWriteCategory) (vfs.File, error) {
	return d.slow(d.FS.ReuseForWrite(from, to, kind))
}

func (d slowFiles) OpenReadWrite(
	name string, kind vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	return d.slow(d.FS.OpenReadWrite(name, kind, opts...))
}

func (d slowFiles) OpenDir(name string) (vfs.File, error) { return d.slow(d.FS.OpenDir(name)) }

func (d slowFiles) slow(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return slowFile{file, d.sync}, nil
}

type slowFile struct {
	vfs.File
	sync time.Duration
}

func (f slowFile) Sync() error     { return f.slowly(f.File.Sync) }
func (f slowFile) SyncData() error { return f.slowly(f.File.SyncData) }

func (f slowFile) SyncTo(length int64) (full bool, err error) {
	began := time.Now()
	if full, err = f.File.SyncTo(length); full { // else it has only begun
		pause(f.sync - time.Since(began))
	}
	return full, err
}

func (f slowFile) slowly(sync func() error) error {
	began := time.Now()
	err := sync()
	pause(f.sync - time.Since(began))
	return err
}

// newSlowServe is `tillbook serve` on a slow disk, as a bench's child: bench slow-serve 1ms FLAGS….
func newSlowServe() *cobra.Command {
	c := new(config)
	cmd := serving(c)
	cmd.Use, cmd.Hidden, cmd.Args = "slow-serve SYNC", true, cobra.ExactArgs(1)
	cmd.PreRunE = func(_ *cobra.Command, args []string) error {
		sync, err := time.ParseDuration(args[0])
		c.disk = slowDisk(sync)
		return err
	}
	return cmd
}
