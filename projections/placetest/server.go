package placetest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Server is a PostgreSQL server of a test's own, on loopback, to be taken away and given back.
type Server struct {
	testing.TB
	URL     string // of its database postgres
	folder  string
	port    int
	account *syscall.Credential // nil: who tests
	running bool
}

// NewServer starts one from the machine's own package, gone with the test. A test that needs one is
// skipped where there is no such package, or where the environment names no server at all.
func NewServer(t testing.TB) *Server {
	t.Helper()
	Need(t)
	if len(binaries()) == 0 {
		t.Skip("needs PostgreSQL: there is no /usr/lib/postgresql/*/bin/postgres")
	}
	s := &Server{TB: t}
	var err error
	if s.folder, err = os.MkdirTemp("", "postgres"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.folder) })
	s.lowerRights()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	s.URL = fmt.Sprintf("postgres://tillbook@127.0.0.1:%d/postgres?sslmode=disable", s.port)
	s.run("initdb", "-D", s.folder, "-U", "tillbook", "-A", "trust", "--no-sync")
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

func binaries() []string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is well formed
	return found
}

// lowerRights lets the server, which refuses to be root, be the package's user then.
func (s *Server) lowerRights() {
	s.Helper()
	if os.Getuid() != 0 {
		return
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		s.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid) // they are numbers here
	gid, _ := strconv.Atoi(u.Gid)
	s.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(s.folder, uid, gid); err != nil {
		s.Fatal(err)
	}
}

// run runs a program of the package.
func (s *Server) run(name string, args ...string) {
	s.Helper()
	all := binaries()
	c := exec.Command(filepath.Join(filepath.Dir(all[len(all)-1]), name), args...)
	c.Dir, c.SysProcAttr = s.folder, &syscall.SysProcAttr{Credential: s.account}
	if out, err := c.Output(); err != nil {
		s.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// Start starts the server and returns when it answers.
func (s *Server) Start() {
	s.Helper()
	s.run("pg_ctl", "start", "-w", "-D", s.folder, "-l", filepath.Join(s.folder, "log"), "-o", fmt.Sprintf(
		"-p %d -c fsync=off -c listen_addresses=127.0.0.1 -c unix_socket_directories=", s.port))
	s.running = true
}

// Stop ends the server, and whatever its clients are doing.
func (s *Server) Stop() {
	s.Helper()
	if s.running {
		s.running = false
		s.run("pg_ctl", "stop", "-w", "-m", "fast", "-D", s.folder)
	}
}
