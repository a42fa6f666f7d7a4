package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// asProgram in the environment makes the test binary the program itself.
const asProgram = "PRAGMA_TEST_AS_PROGRAM"

// TestMain is also the server process that the benchmarks start: they run the
// program they are in, which is the test binary here.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "bench" && os.Args[2] == benchServerName || os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// output runs a command that must succeed and returns what it prints.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), args, &stdout, &stderr); err != nil {
		t.Fatalf("pragma %s: %v\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	if stderr.Len() > 0 {
		t.Logf("pragma %s says:\n%s", strings.Join(args, " "), stderr.String())
	}
	return stdout.String()
}

// failure runs a command that must fail and returns its error.
func failure(t *testing.T, args ...string) error {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), args, &stdout, &stderr)
	if err == nil {
		t.Fatalf("pragma %s succeeds with:\n%s", strings.Join(args, " "), stdout.String())
	}
	return err
}

func TestHelpListsTheCommandsThatPeopleUse(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		want   []string
		secret string
	}{
		{name: "of the program", args: []string{"help"}, want: []string{"usage: pragma <command>", "serve", "config", "store", "bench", "version"}},
		{name: "by a flag", args: []string{"-h"}, want: []string{"usage: pragma <command>"}},
		{name: "of a group", args: []string{"bench", "help"}, want: []string{"calls", "idle", "store", "party", "matchmaking", "start"}, secret: benchServerName},
		{name: "of a group, asked above", args: []string{"help", "config"}, want: []string{"usage: pragma config", "check"}},
		{name: "of a command", args: []string{"help", "serve"}, want: []string{"usage: pragma serve [flags]", "-config", "-db"}},
		{name: "of a command with files", args: []string{"config", "check", "-h"}, want: []string{"usage: pragma config check [flags] file.yml…"}},
		{name: "of a command in a group", args: []string{"help", "bench", "calls"}, want: []string{"-duration", "-sockets", "(default 1,16)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := output(t, c.args...)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in:\n%s", want, got)
				}
			}
			if c.secret != "" && strings.Contains(got, c.secret) {
				t.Errorf("%q is listed in:\n%s", c.secret, got)
			}
		})
	}
}

func TestMistakesInTheCommandLineAreUsageErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{name: "no command", want: "pragma needs a command"},
		{name: "unknown command", args: []string{"server"}, want: `unknown command "server"; pragma help lists them`},
		{name: "no command in a group", args: []string{"bench"}, want: "pragma bench needs a command"},
		{name: "unknown command in a group", args: []string{"bench", "all"}, want: `unknown command "all"; pragma bench help lists them`},
		{name: "unknown flag", args: []string{"serve", "-port", "1"}, want: "flag provided but not defined: -port; pragma serve -h shows the flags"},
		{name: "an argument too many", args: []string{"version", "now"}, want: `pragma version: unexpected "now"`},
		{name: "no files", args: []string{"config", "check"}, want: "name the files"},
		{name: "a list with a zero", args: []string{"bench", "calls", "-sockets", "1,0"}, want: "want positive numbers such as 1,8,32"},
		{name: "a negative number", args: []string{"bench", "idle", "-sockets", "-5"}, want: "want a positive number"},
		{name: "an unknown kind of server", args: []string{"bench", "server", "-kind", "http"}, want: `unknown kind "http"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := failure(t, c.args...)
			if _, ok := errors.AsType[usageError](err); !ok {
				t.Errorf("%v is a %T, want a usageError", err, err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want it to contain %q", err, c.want)
			}
		})
	}
}

func TestVersionNamesProgramAndGo(t *testing.T) {
	if got := output(t, "version"); !strings.HasPrefix(got, "pragma ") || !strings.Contains(got, ", go1.") {
		t.Errorf("got %q", got)
	}
}
