package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// configCheck mounts everything that serve mounts with the given files, opens
// nothing, and prints every mistake it finds.
func configCheck(ctx context.Context, args []string, stdout, _ io.Writer) error {
	fs := flags("config check")
	if err := parse(fs, args, "file.yml…", stdout); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return usageError{"pragma config check: name the files, in the order in which they are merged"}
	}
	found := findings(checkFiles(ctx, fs.Args()))
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, line := range found {
		fmt.Fprintln(stdout, line)
	}
	if len(found) > 0 {
		return fmt.Errorf("findings in the configuration: %d", len(found))
	}
	fmt.Fprintln(stdout, "ok")
	return nil
}

// checkFiles starts a server with the files and stops it as soon as it is ready.
// Its state is in memory and its gateways are closed doors.
func checkFiles(ctx context.Context, files []string) error {
	cfg, err := pragma.LoadConfig(files...)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	doors := &closedDoors{taken: make(map[string]pragma.Gateway)}
	srv := backend(cfg, store.Memory(), slog.New(slog.DiscardHandler))
	srv.Listen = doors.listen
	srv.Ready = func(pragma.Addresses) { stop() }
	return srv.Run(ctx)
}

// findings returns the lines of a report: mistakes with a place first, in the
// order of files and lines.
func findings(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(conf.Join(err).Error(), "\n")
}

// closedDoors pretends to listen: it judges addresses and lets nobody in.
type closedDoors struct {
	taken map[string]pragma.Gateway // by address; the server opens one gateway after the other
}

func (c *closedDoors) listen(_ context.Context, g pragma.Gateway, address string) (net.Listener, error) {
	host, name, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.LookupPort("tcp", name)
	if err != nil {
		return nil, err
	}
	tcp := &net.TCPAddr{IP: net.ParseIP(host), Port: port}
	key := net.JoinHostPort(host, strconv.Itoa(port))
	if other, ok := c.taken[key]; ok && port != 0 {
		return nil, fmt.Errorf("%s has the same address", other)
	}
	c.taken[key] = g
	return &closedDoor{addr: tcp, closed: make(chan struct{})}, nil
}

// closedDoor is a listener at which nobody ever arrives.
type closedDoor struct {
	addr   net.Addr
	once   sync.Once
	closed chan struct{}
}

// Accept waits for Close.
func (d *closedDoor) Accept() (net.Conn, error) {
	<-d.closed
	return nil, net.ErrClosed
}

// Close implements [net.Listener].
func (d *closedDoor) Close() error {
	err := errors.New("closed already")
	d.once.Do(func() {
		close(d.closed)
		err = nil
	})
	return err
}

// Addr implements [net.Listener].
func (d *closedDoor) Addr() net.Addr { return d.addr }
