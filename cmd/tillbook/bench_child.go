package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// child is a server that the bench started from its own binary. Close ends it, by its process id.
type child struct {
	command *exec.Cmd
	address string        // host:port
	began   time.Duration // from the start of the process to the line with its address
	output  sync.WaitGroup
	words   lastWords // of its standard error
}

// stopTime is how long a child may take to end before it is killed.
const stopTime = 30 * time.Second

var addressLine = regexp.MustCompile(`http://([^\s/]+)`)

// startChild runs a verb of this binary until it has said where it listens. It ends with ctx, too.
// Where profile names a file, the child writes a CPU profile of its whole life into it.
func startChild(ctx context.Context, profile string, env []string, args ...string) (*child, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if profile != "" {
		args = append([]string{"bench", "profiled", profile}, args...)
	}
	c := &child{command: exec.CommandContext(ctx, binary, args...)}
	c.command.Env = append(os.Environ(), env...)
	c.command.Stderr = &c.words
	c.command.Cancel = func() error { return c.command.Process.Signal(syscall.SIGTERM) }
	c.command.WaitDelay = stopTime
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for c.address == "" && lines.Scan() {
		if found := addressLine.FindSubmatch(lines.Bytes()); found != nil {
			c.address, c.began = string(found[1]), time.Since(began)
		}
	}
	c.output.Go(func() { _, _ = io.Copy(io.Discard, out) })
	if c.address == "" {
		return nil, errors.Join(fmt.Errorf("%v ended before it listened", args), c.Close())
	}
	return c, nil
}

func (c *child) usage() usage { return usageOf(c.command.Process.Pid) }

// Close asks the child to stop, and waits until it has.
func (c *child) Close() error {
	_ = c.command.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	killer := time.AfterFunc(stopTime, func() { _ = c.command.Process.Kill() })
	defer killer.Stop()
	c.output.Wait()
	if err := c.command.Wait(); err != nil {
		return fmt.Errorf("%v: %w: %s", c.command.Args[1:], err, c.words.text)
	}
	return nil
}

// lastWords keeps the end of what is written to it. One goroutine writes.
type lastWords struct{ text []byte }

func (w *lastWords) Write(p []byte) (int, error) {
	const kept = 4 << 10
	w.text = append(w.text, p...)
	if len(w.text) > 2*kept {
		w.text = append(w.text[:0], w.text[len(w.text)-kept:]...)
	}
	return len(p), nil
}

// newProfiled is a child's verb with a CPU profile around it: bench profiled FILE VERB….
func newProfiled() *cobra.Command {
	return &cobra.Command{
		Use: "profiled FILE VERB...", Hidden: true, DisableFlagParsing: true,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Create(filepath.Clean(args[0]))
			if err != nil {
				return err
			}
			if err := pprof.StartCPUProfile(file); err != nil {
				return err
			}
			code := run(cmd.Context(), args[1:])
			pprof.StopCPUProfile()
			if err := file.Close(); err != nil || code == 0 {
				return err
			}
			return fmt.Errorf("%s failed", args[1])
		},
	}
}
