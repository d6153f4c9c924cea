package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tillbook/tillbook/eventstore/esdbserver"
)

// protocol are the settings of EventStoreDB's protocol on the embedded log.
type protocol struct {
	listen, cert, key, users string
	analysts                 string // of users, with commas between; empty: all
}

// settings binds every setting to a flag; prefix tells them from those of REST.
func (p *protocol) settings(f *pflag.FlagSet, prefix, listen string) {
	bind(f, hostPort(&p.listen, listen), prefix+"listen",
		"address to serve EventStoreDB's protocol on; beyond loopback it needs a certificate")
	f.StringVar(&p.cert, prefix+"cert", "", "file of its TLS certificates, PEM; limit: with "+prefix+"key")
	f.StringVar(&p.key, prefix+"key", "", "file of its TLS key, PEM; limit: with "+prefix+"cert")
	f.StringVar(&p.users, prefix+"users", "",
		"file of who may connect by TLS, name:password on each line; limit: 1 MiB, none lets all in")
}

// protocolServer is a server of the protocol and where it listens.
type protocolServer struct {
	*esdbserver.Server
	listener net.Listener
}

// address is what clients connect to.
func (p *protocolServer) address() string {
	if p.TLS != nil {
		return fmt.Sprintf("esdb://%s?tls=true", p.listener.Addr())
	}
	return fmt.Sprintf("esdb://%s?tls=false", p.listener.Addr())
}

// page says by HTTP what serves there.
func (p *protocolServer) page() string {
	if p.TLS != nil {
		return fmt.Sprintf("https://%s/info", p.listener.Addr())
	}
	return fmt.Sprintf("http://%s/info", p.listener.Addr())
}

// open is nil where no address is set.
func (p *protocol) open(opts esdbserver.Options) (*protocolServer, error) {
	if p.listen == "" {
		if p.cert != "" || p.key != "" || p.users != "" {
			return nil, errors.New("a certificate or users of EventStoreDB's protocol, and no address to listen on")
		}
		return nil, nil
	}
	var err error
	if opts.TLS, err = p.tls(); err != nil {
		return nil, err
	}
	if opts.Users, err = readUsers(p.users); err != nil {
		return nil, err
	}
	if opts.Analyst, err = analystsAmong(opts.Users, p.analysts); err != nil {
		return nil, err
	}
	server, err := esdbserver.New(opts)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", p.listen)
	if err != nil {
		return nil, fmt.Errorf("listen for EventStoreDB's clients on %s: %w", p.listen, err)
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); opts.TLS == nil && ok && !tcp.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("EventStoreDB's protocol on %s: beyond loopback it needs a "+
			"certificate", p.listen), ln.Close())
	}
	return &protocolServer{server, ln}, nil
}

func (p *protocol) tls() (*tls.Config, error) {
	switch {
	case p.cert == "" && p.key == "" && p.users != "":
		return nil, errors.New("users need a certificate: in plain text anybody reads their passwords")
	case p.cert == "" && p.key == "":
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, fmt.Errorf("certificate of EventStoreDB's protocol: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// analystsAmong says who of the users may manage projections, nil for all of them.
func analystsAmong(users map[string]string, names string) (func(string) bool, error) {
	if names == "" {
		return nil, nil
	}
	all := strings.Split(names, ",")
	for _, name := range all {
		if _, ok := users[name]; !ok {
			return nil, fmt.Errorf("--esdb-analysts: there is no user %q", name)
		}
	}
	return func(user string) bool { return slices.Contains(all, user) }, nil
}

// usersBytes bounds the file of users.
const usersBytes = 1 << 20

// readUsers reads names and passwords, one pair a line; empty lines and # comments are passed over.
func readUsers(file string) (map[string]string, error) {
	if file == "" {
		return nil, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > usersBytes {
		return nil, fmt.Errorf("%s: want at most 1 MiB", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	users := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, password, ok := strings.Cut(line, ":")
		if !ok || name == "" || password == "" {
			return nil, fmt.Errorf("%s, line %d: want name:password", file, number)
		}
		if _, known := users[name]; known {
			return nil, fmt.Errorf("%s, line %d: the name stands there twice", file, number)
		}
		users[name] = password
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("%s: there is nobody in it", file)
	}
	return users, lines.Err()
}
