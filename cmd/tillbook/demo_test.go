package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestDemo starts the README's first command twice on one folder, pastes what it prints into a shell,
// and sees that the second start revoked the keys of the first.
func TestDemo(t *testing.T) {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the demo's lines need %s, which this machine does not have", tool)
		}
	}
	data := t.TempDir()
	first := startDemo(t, data)
	answers := first.paste(t)
	for i, want := range []string{`"total":"102.23"`, `"amount":"12.50"`, `"DebitPosted"`} {
		if !strings.Contains(answers[i], want) {
			t.Errorf("command %d: got %s, want %s in it", i+1, answers[i], want)
		}
	}
	old := first.commands
	first.stop(t)
	second := startDemo(t, data)
	if answers := second.paste(t); !strings.Contains(answers[0], `"total":"89.73"`) {
		t.Errorf("second start: got %s, want the balance that the first left", answers[0])
	}
	key := bearer(old[0])
	if answer := shell(t, strings.ReplaceAll(second.commands[0], bearer(second.commands[0]), key)); !strings.
		Contains(answer, "unauthenticated") {
		t.Errorf("key of the first start: got %s, want unauthenticated", answer)
	}
	second.stop(t)
	check := exec.Command(os.Args[0], "check", "--data", data)
	check.Env = append(os.Environ(), asMain+"=1")
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

type demoProcess struct {
	cmd      *exec.Cmd
	commands []string // the three curl lines
}

func startDemo(t *testing.T, data string) *demoProcess {
	t.Helper()
	p := &demoProcess{cmd: exec.Command(os.Args[0], "demo", "--listen", "127.0.0.1:0", "--data", data)}
	p.cmd.Env = append(os.Environ(), asMain+"=1")
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	var command string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "Stop with") {
			return p
		}
		if strings.HasPrefix(line, "curl ") || command != "" {
			command += line + "\n"
		}
		if command != "" && !strings.HasSuffix(line, "\\") {
			p.commands, command = append(p.commands, command), ""
		}
	}
	t.Fatal("the demo ended before it said what to try")
	return nil
}

// paste runs the commands as they were printed.
func (p *demoProcess) paste(t *testing.T) []string {
	t.Helper()
	if len(p.commands) != 3 {
		t.Fatalf("got %d commands, want 3: %q", len(p.commands), p.commands)
	}
	var answers []string
	for _, c := range p.commands {
		answers = append(answers, shell(t, c))
	}
	return answers
}

func (p *demoProcess) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func shell(t *testing.T, command string) string {
	t.Helper()
	out, err := exec.CommandContext(context.Background(), "sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// bearer is the API key in a command.
func bearer(command string) string {
	_, rest, _ := strings.Cut(command, "Bearer ")
	key, _, _ := strings.Cut(rest, "'")
	return key
}
