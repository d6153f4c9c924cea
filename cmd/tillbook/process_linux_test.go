package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// dieWithParent has this process killed when the one that started it ends, however that ends.
func dieWithParent() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
}

// asParent names, in the environment, the folder of a service that TestChildrenDie is to start and to leave.
const asParent = "TILLBOOK_TEST_AS_PARENT"

// TestChildrenDie kills a test that has started a service, as a time limit does, and finds that gone, too:
// both hold the end of a pipe, which closes with the last of them.
func TestChildrenDie(t *testing.T) {
	if data := os.Getenv(asParent); data != "" {
		fmt.Println(killableService(t, data).cmd.Process.Pid)
		select {} // until it is killed
	}
	alive, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	parent := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	parent.Env = append(os.Environ(), asParent+"="+t.TempDir())
	parent.Stderr = held
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	held.Close()
	var child int
	_, reading := fmt.Fscan(out, &child)
	_ = parent.Process.Kill()
	_ = parent.Wait()
	if reading != nil {
		t.Fatalf("the service did not start: %v", reading)
	}
	if err := alive.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, alive); err != nil {
		t.Errorf("the service outlives the test that started it: %v", err)
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
}
