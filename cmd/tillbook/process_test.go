package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
)

// testAdminKey is the admin key of services that tests start, testMasterKey the master key of those that
// know people.
const (
	testAdminKey  = "tb_test-admin-key-of-no-worth"
	testMasterKey = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
)

// process is a tillbook process that a test started, and ends by its own process id.
type process struct {
	cmd    *exec.Cmd
	url    string
	output []byte // what it printed until it listened
	ended  sync.Once
	err    error
}

var listening = regexp.MustCompile(`http://(127\.0\.0\.1:[0-9]+)`)

// startProcess starts the binary and waits until it prints where it listens.
func startProcess(args []string, env ...string) (*process, error) {
	return startCommand(exec.Command(os.Args[0], args...), env...)
}

// startCommand is startProcess where something stands before the binary.
func startCommand(cmd *exec.Cmd, env ...string) (*process, error) {
	c := &process{cmd: cmd}
	c.cmd.Env = append(append(os.Environ(), asMain+"=1"), env...)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		c.output = append(append(c.output, lines.Bytes()...), '\n')
		if at := listening.FindStringSubmatch(lines.Text()); at != nil {
			c.url = "http://" + at[1]
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return c, nil
		}
	}
	return nil, fmt.Errorf("it ended without listening: %w", c.cmd.Wait())
}

// stop ends it as an operator does.
func (c *process) stop() error { return c.end(syscall.SIGTERM) }

// kill ends it as a power cut does.
func (c *process) kill() { _ = c.end(syscall.SIGKILL) }

func (c *process) end(signal syscall.Signal) error {
	c.ended.Do(func() {
		if c.err = c.cmd.Process.Signal(signal); c.err == nil {
			c.err = c.cmd.Wait()
		}
	})
	return c.err
}
