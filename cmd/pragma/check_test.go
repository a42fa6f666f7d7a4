package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
)

var updateGolden = flag.Bool("update", false, "rewrite the last part of testdata/*.txtar")

// TestConfigCheckGoldenFiles runs config check on the .yml parts of every file
// in testdata, in order. The last part is what it prints and its error.
func TestConfigCheckGoldenFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range names {
		golden, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			head, want, ok := strings.Cut(string(text), "-- result --\n")
			if !ok {
				t.Fatal("no result part")
			}
			t.Chdir(t.TempDir())
			got := checkParts(t, head)
			if *updateGolden {
				if err := os.WriteFile(golden, []byte(head+"-- result --\n"+got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// checkParts writes the parts to the working directory and checks them.
func checkParts(t *testing.T, archive string) string {
	t.Helper()
	args := []string{"config", "check"}
	for _, part := range strings.Split("\n"+archive, "\n-- ")[1:] {
		name, text, ok := strings.Cut(part, " --\n")
		if !ok {
			t.Fatalf("part %q has no name", part)
		}
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), args, &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", stderr.String())
	}
	if err != nil {
		fmt.Fprintf(&stdout, "pragma: %v\n", err)
	}
	return stdout.String()
}

func TestConfigCheckNamesAFileThatIsMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	var stdout bytes.Buffer
	err := run(t.Context(), []string{"config", "check", "gone.yml"}, &stdout, &stdout)
	if err == nil || !strings.Contains(stdout.String(), "gone.yml") {
		t.Errorf("config check = %v, prints %q", err, stdout.String())
	}
}

func TestConfigCheckOpensNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Chdir(t.TempDir())
	taken := write(t, "taken.yml", fmt.Sprintf(`core: {gatewayManager: {game: {player: {address: %q}}}}`, l.Addr()))
	if got := output(t, "config", "check", taken); got != "ok\n" {
		t.Errorf("got %q for a port in use, want ok", got)
	}
	if files, _ := filepath.Glob("*"); len(files) > 0 {
		t.Errorf("files were made: %v", files)
	}
}

func TestConfigCheckStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout bytes.Buffer
	err := run(ctx, []string{"config", "check", write(t, "a.yml", "core: {nodeName: a}")}, &stdout, &stdout)
	if err == nil || stdout.Len() > 0 {
		t.Errorf("config check = %v, prints %q; want an error and nothing", err, stdout.String())
	}
}

func TestClosedDoorsJudgeAddresses(t *testing.T) {
	for _, c := range []struct {
		name, first, second, want string
	}{
		{name: "two ports", first: "127.0.0.1:1000", second: "127.0.0.1:1001"},
		{name: "free ports", first: "127.0.0.1:0", second: "127.0.0.1:0"},
		{name: "one port of two hosts", first: "127.0.0.1:1000", second: "127.0.0.2:1000"},
		{name: "the same port", first: "127.0.0.1:1000", second: "127.0.0.1:1000", want: "GAME/PLAYER has the same address"},
		{name: "no port", first: "127.0.0.1:1", second: "127.0.0.1", want: "missing port"},
		{name: "a port out of range", first: "127.0.0.1:1", second: "127.0.0.1:70000", want: "invalid port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doors := &closedDoors{taken: make(map[string]pragma.Gateway)}
			l, err := doors.listen(t.Context(), gamePlayers, c.first)
			if err != nil {
				t.Fatal(err)
			}
			_, err = doors.listen(t.Context(), socialPlayers, c.second)
			if (err == nil) != (c.want == "") || err != nil && !contains(err, c.want) {
				t.Errorf("the second address: %v, want %q", err, c.want)
			}
			if got := l.Addr().String(); got != c.first {
				t.Errorf("Addr() = %s, want %s", got, c.first)
			}
		})
	}
}

func TestClosedDoorWaitsForClose(t *testing.T) {
	doors := &closedDoors{taken: make(map[string]pragma.Gateway)}
	l, err := doors.listen(t.Context(), gamePlayers, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; err == nil {
		t.Error("Accept() = nil after Close")
	}
	if err := l.Close(); err == nil {
		t.Error("the second Close() = nil")
	}
}
