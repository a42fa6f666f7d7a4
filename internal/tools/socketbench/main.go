// Command socketbench compares WebSocket libraries for ADR 5. Without arguments
// it prints the memory an idle connection costs each of them; the speed figures
// are benchmarks:
//
//	go -C internal/tools/socketbench run .
//	go -C internal/tools/socketbench test -bench . -count 6
//
// It is a module of its own, so that the engine does not depend on the libraries
// it does not use.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
)

func main() {
	conns := flag.Int("conns", 2000, "idle connections per library")
	serve := flag.String("serve", "", "run the echo server of this library (used by the program itself)")
	flag.Parse()
	if err := run(*serve, *conns); err != nil {
		fmt.Fprintln(os.Stderr, "socketbench:", err)
		os.Exit(1)
	}
}

func run(serve string, conns int) error {
	if serve != "" {
		return serveUntilStdinEnds(serve)
	}
	fmt.Printf("%-8s %16s %16s\n", "library", "fresh B/conn", "after echo B/conn")
	for _, l := range libraries() {
		fresh, echoed, err := idleCost(l.name, conns)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		fmt.Printf("%-8s %16d %16d\n", l.name, fresh, echoed)
	}
	return nil
}

// serveUntilStdinEnds prints its address, then answers each line on standard
// input with its resident memory after a full collection.
func serveUntilStdinEnds(name string) error {
	lib, err := libraryNamed(name)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go http.Serve(l, lib.echo) // ends with the process
	fmt.Println(l.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		debug.FreeOSMemory()
		rss, err := residentBytes()
		if err != nil {
			return err
		}
		fmt.Println(rss)
	}
	return nil
}

func residentBytes() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(kb), " kB"))
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in /proc/self/status")
}

// idleCost starts a server process and returns the resident bytes it needs per
// connection: after the handshake, and after one message each way as well.
func idleCost(name string, conns int) (fresh, echoed int, err error) {
	srv, err := startServer(name)
	if err != nil {
		return 0, 0, err
	}
	defer srv.stop()
	before, err := srv.resident()
	if err != nil {
		return 0, 0, err
	}
	clients := make([]*client, 0, conns)
	defer func() {
		for _, c := range clients {
			c.close()
		}
	}()
	for range conns {
		c, err := dial(srv.addr)
		if err != nil {
			return 0, 0, err
		}
		clients = append(clients, c)
	}
	opened, err := srv.resident()
	if err != nil {
		return 0, 0, err
	}
	for _, c := range clients {
		if err := c.roundTrip(); err != nil {
			return 0, 0, err
		}
	}
	used, err := srv.resident()
	if err != nil {
		return 0, 0, err
	}
	return (opened - before) / conns, (used - before) / conns, nil
}

type server struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	addr string
}

func startServer(name string) (*server, error) {
	cmd := exec.Command(os.Args[0], "-serve", name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, in: in, out: bufio.NewScanner(out)}
	if !s.out.Scan() {
		s.stop()
		return nil, fmt.Errorf("server of %s printed no address", name)
	}
	s.addr = s.out.Text()
	return s, nil
}

func (s *server) resident() (int, error) {
	if _, err := fmt.Fprintln(s.in); err != nil {
		return 0, err
	}
	if !s.out.Scan() {
		return 0, fmt.Errorf("server ended: %w", s.out.Err())
	}
	return strconv.Atoi(s.out.Text())
}

func (s *server) stop() {
	_ = s.in.Close()
	_ = s.cmd.Wait()
}
