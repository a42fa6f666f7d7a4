package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// benchServerName is the command that runs a server in a process of its own. It
// says where it listens, answers the questions "memory", "cpu" and "allocs"
// on standard input, and stops when that ends; so it never outlives its parent.
const benchServerName = "server"

// benchConfig lets a server be measured beside anything else on the machine.
const benchConfig = `
core:
  session: {playerRatePerSecond: 100000000, playerBurst: 100000000}
  gatewayManager:
    social: {player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}
    game:   {player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}
game:
  serviceConfigs:
    PartyConfig: {disableMaxPlayerCount: true}
    LoginQueueServiceConfig: {targetLoginRatePerSecond: 1000000, targetCcuLimit: 100000000}
  pluginConfigs:
    MatchmakingService.matchmakingPlugin: {config: {numberOfTeams: 2, playersPerTeam: 2}}
`

// benchBackend is the backend of serve on free ports of loopback, without limits
// on the rate of calls and log-ins. More configuration goes over its own.
func benchBackend(db store.Opener, stderr io.Writer, more ...string) (*pragma.Server, error) {
	cfg, err := pragma.ParseConfig(append([]string{benchConfig}, more...)...)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	srv := backend(cfg, db, log)
	withoutGameServers(srv)
	for _, s := range srv.Game {
		if games, ok := s.(*gameinstance.Service); ok {
			games.Plugin = benchGames{}
		}
	}
	srv.Game = append(srv.Game, &benchService{})
	return srv, nil
}

// benchAddresses is the first line a server process prints.
type benchAddresses struct {
	Game   string `json:"game"`
	Social string `json:"social"`
}

// benchServer is the server process.
func benchServer(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench " + benchServerName)
	kind := fs.String("kind", "backend", "backend, or echo for a bare echo server")
	db := fs.String("db", "", "the database `file`; empty keeps everything in memory")
	duels := fs.Bool("duels", false, "match players for duels, behind a gate")
	cores := fs.Int("cores", 0, "run on so many processors at a time; 0: on all")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	runtime.GOMAXPROCS(*cores) // 0 changes nothing
	switch *kind {
	case "echo":
		e, err := startEcho()
		if err != nil {
			return err
		}
		defer e.stop()
		return answerParent(ctx, stdout, benchAddresses{Game: e.address})
	case "backend":
		more := []string(nil)
		if *duels {
			more = append(more, benchDuelConfig)
		}
		server, err := benchBackend(opener(*db), stderr, more...)
		if err != nil {
			return err
		}
		if *duels {
			holdDuels(server)
		}
		srv, err := start(ctx, server)
		if err != nil {
			return err
		}
		a := benchAddresses{Game: srv.addresses[gamePlayers], Social: srv.addresses[socialPlayers]}
		return errors.Join(answerParent(ctx, stdout, a), srv.stop())
	}
	return usageError{fmt.Sprintf("pragma bench server: unknown kind %q", *kind)}
}

// answerParent serves the parent's questions until it is gone or ctx ends.
func answerParent(ctx context.Context, stdout io.Writer, a benchAddresses) error {
	if err := printJSON(stdout, a); err != nil {
		return err
	}
	questions := make(chan string)
	go func() { // ends with standard input, at the latest with the process
		defer close(questions)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			select {
			case questions <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case question, ok := <-questions:
			if !ok {
				return nil
			}
			if err := answer(stdout, question); err != nil {
				return err
			}
		}
	}
}

func answer(stdout io.Writer, question string) error {
	switch question {
	case "memory":
		m, err := ownMemory()
		if err != nil {
			return err
		}
		return printJSON(stdout, m)
	case "cpu":
		return printJSON(stdout, int64(ownCPU()))
	case "allocs":
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return printJSON(stdout, int64(m.Mallocs))
	}
	return fmt.Errorf("question %q", question)
}

func printJSON(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}

// child is a server process, seen from its parent.
type child struct {
	addresses pragma.Addresses

	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startChild runs this program again as a server. Stop it.
func startChild(ctx context.Context, stderr io.Writer, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to run it again: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"bench", benchServerName}, args...)...)
	cmd.Stderr = stderr
	cmd.Cancel = func() error { return nil } // the end of standard input stops it
	cmd.WaitDelay = 10 * time.Second         // or this, if it hangs
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a server process: %w", err)
	}
	c := &child{cmd: cmd, in: in, out: bufio.NewScanner(out)}
	var a benchAddresses
	if err := c.read(&a); err != nil {
		return nil, errors.Join(fmt.Errorf("start a server process: %w", err), c.stop())
	}
	c.addresses = pragma.Addresses{gamePlayers: a.Game, socialPlayers: a.Social}
	return c, nil
}

func (c *child) read(v any) error {
	if !c.out.Scan() {
		return errors.Join(io.ErrUnexpectedEOF, c.out.Err())
	}
	return json.Unmarshal(c.out.Bytes(), v)
}

// memory asks the process what it uses after a collection.
func (c *child) memory() (m memory, err error) {
	return m, c.ask("memory", &m)
}

// cpu asks the process how much processor time it has used.
func (c *child) cpu() (time.Duration, error) {
	var ns int64
	err := c.ask("cpu", &ns)
	return time.Duration(ns), err
}

// allocs asks the process how many objects it has allocated.
func (c *child) allocs() (n int64, err error) {
	return n, c.ask("allocs", &n)
}

func (c *child) ask(question string, answer any) error {
	_, err := io.WriteString(c.in, question+"\n")
	if err == nil {
		err = c.read(answer)
	}
	if err != nil {
		return fmt.Errorf("ask the server process for its %s: %w", question, err)
	}
	return nil
}

// stop has the process drain and waits for it.
func (c *child) stop() error {
	err := c.in.Close()
	if waited := c.cmd.Wait(); waited != nil {
		err = errors.Join(err, fmt.Errorf("server process: %w", waited))
	}
	return err
}

// withChild runs a backend on a database in a process of its own while fn runs.
func withChild(ctx context.Context, stderr io.Writer, db string, fn func(srv *child) error, more ...string) (err error) {
	srv, err := startChild(ctx, stderr, append([]string{"-db", db}, more...)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	return fn(srv)
}

// residentBytes reads the memory of this process that is in RAM.
func residentBytes() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("resident memory is measured on Linux only: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb << 10, nil
		}
	}
	return 0, errors.New("no VmRSS in /proc/self/status")
}
