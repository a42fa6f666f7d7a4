package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openpragma/engine/client"
)

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }

// write puts a file into a directory of the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serving is a running serve command.
type serving struct {
	addresses map[string]string // by gateway
	stop      func() error
}

// startServe runs pragma serve until all gateways of players are announced.
func startServe(t *testing.T, args ...string) *serving {
	t.Helper()
	return startServeWith(t, 2, args...)
}

// startServeWith is startServe for a server with so many gateways.
func startServeWith(t *testing.T, gateways int, args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var stderr bytes.Buffer
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"serve"}, args...), in, &stderr)
		in.Close()
		done <- err
	}()
	s := &serving{addresses: make(map[string]string)}
	s.stop = func() error {
		cancel()
		go io.Copy(io.Discard, out) // ends when the command does
		return <-done
	}
	for lines := bufio.NewScanner(out); len(s.addresses) < gateways; {
		if !lines.Scan() {
			t.Fatalf("serve ended: %v\n%s", s.stop(), stderr.String())
		}
		gateway, url, _ := strings.Cut(lines.Text(), " ")
		s.addresses[gateway] = strings.TrimSpace(url)
	}
	return s
}

func TestServeRunsUntilItIsStoppedAndKeepsAccounts(t *testing.T) {
	config, db := write(t, "local.yml", benchConfig), filepath.Join(t.TempDir(), "serve.db")
	var ids []string
	for range 2 {
		s := startServe(t, "-config", config, "-db", db)
		opts := client.Options{Game: s.addresses["GAME/PLAYER"], Social: s.addresses["SOCIAL/PLAYER"]}
		p, err := client.LogIn(t.Context(), opts, client.Unsafe("robin", "robin"))
		if err != nil {
			t.Fatalf("log in: %v", err)
		}
		ids = append(ids, p.ID().String())
		p.Close()
		if err := s.stop(); err != nil {
			t.Fatalf("serve ended with: %v", err)
		}
	}
	if ids[0] != ids[1] {
		t.Errorf("the player is %s before and %s after a restart", ids[0], ids[1])
	}
}

func TestServeKeepsStateInMemoryWhenToldTo(t *testing.T) {
	t.Chdir(t.TempDir())
	s := startServe(t, "-config", write(t, "local.yml", benchConfig), "-db", "")
	resp, err := http.Get(s.addresses["GAME/PLAYER"] + "/v1/healthcheck")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob("*"); len(files) > 0 {
		t.Errorf("files were made: %v", files)
	}
}

func TestServeRefusesToStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		name, config, db, want string
	}{
		{name: "without the file it is told to read", want: "missing.yml"},
		{name: "on a taken port", config: `core: {gatewayManager: {game: {player: {address: "` + l.Addr().String() + `"}}}}`, want: "open gateway GAME/PLAYER on " + l.Addr().String()},
		{name: "with a key that is not known", config: "core: {nodeNam: a}", want: "nodeNam"},
		{name: "without its directory", config: benchConfig, db: filepath.Join(t.TempDir(), "gone", "serve.db"), want: "open store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := "missing.yml"
			if c.config != "" {
				config = write(t, "local.yml", c.config)
			}
			if err := failure(t, "serve", "-config", write(t, "base.yml", benchConfig), "-config", config, "-db", c.db); !contains(err, c.want) {
				t.Errorf("error %q, want it to contain %q", err, c.want)
			}
		})
	}
}
