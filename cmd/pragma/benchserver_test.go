package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// testClient is an HTTP client whose connections end with the test.
func testClient(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestServerProcessServesUntilItsInputEnds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	srv, err := startChild(t.Context(), t.Output(), "-db", filepath.Join(t.TempDir(), "child.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := logIn(t.Context(), testClient(t), srv.addresses, "robin"); err != nil {
		t.Error(err)
	}
	m, err := srv.memory()
	if err != nil || m.Resident <= 0 || m.Heap <= 0 || m.Stacks <= 0 {
		t.Errorf("memory() = %+v, %v", m, err)
	}
	first, err := srv.cpu()
	if err != nil || first <= 0 {
		t.Errorf("cpu() = %v, %v", first, err)
	}
	if second, err := srv.cpu(); err != nil || second < first {
		t.Errorf("cpu() = %v after %v, %v", second, first, err)
	}
	if err := srv.stop(); err != nil {
		t.Errorf("stop() = %v", err)
	}
	if _, err := srv.memory(); err == nil {
		t.Error("memory() = nil of a process that has ended")
	}
}

func TestServerProcessThatCannotStartSaysWhy(t *testing.T) {
	var stderr strings.Builder
	_, err := startChild(t.Context(), &stderr, "-db", filepath.Join(t.TempDir(), "gone", "child.db"))
	if err == nil || !contains(err, "start a server process") {
		t.Errorf("startChild() = %v", err)
	}
	if !strings.Contains(stderr.String(), "open store") {
		t.Errorf("its own words: %q, want the cause", stderr.String())
	}
}

func TestServerProcessRefusesUnknownQuestions(t *testing.T) {
	srv, err := startChild(t.Context(), t.Output(), "-kind", "echo")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.ask("weather", new(int)); err == nil || !contains(err, "for its weather") {
		t.Errorf("ask() = %v", err)
	}
	if err := srv.stop(); err == nil {
		t.Error("the process ended well")
	}
}

func TestQuietStopsWaiting(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	srv, err := startChild(t.Context(), t.Output(), "-kind", "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := srv.stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, d := range []time.Duration{0, time.Millisecond, time.Second} {
		if m, err := quiet(t.Context(), srv, d); err != nil || m.Resident <= 0 {
			t.Errorf("quiet(%v) = %+v, %v", d, m, err)
		}
	}
}

func TestBackendStopsWhenItIsTold(t *testing.T) {
	srv := started(t) // its cleanup checks the end
	for g, a := range srv.addresses {
		if !strings.HasPrefix(a, "127.0.0.1:") {
			t.Errorf("%s listens on %s, want loopback", g, a)
		}
	}
	if len(srv.addresses) != 2 {
		t.Errorf("gateways %v, want those of players alone", srv.addresses)
	}
}

func TestExitCodesTellMistakesFromFailures(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{name: "success", args: []string{"-h"}, want: 0},
		{name: "a failure", args: []string{"-db", filepath.Join(t.TempDir(), "gone", "child.db")}, want: 1},
		{name: "a mistake in the command line", args: []string{"-port", "1"}, want: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"bench", benchServerName}, c.args...)...)
			out, err := cmd.CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
				t.Fatal(err)
			} else if got := cmd.ProcessState.ExitCode(); got != c.want {
				t.Errorf("exit code %d (%v), want %d; it says:\n%s", got, exit, c.want, out)
			}
			if c.want != 0 && !strings.Contains(string(out), "pragma: ") {
				t.Errorf("it does not say why: %q", out)
			}
		})
	}
}
