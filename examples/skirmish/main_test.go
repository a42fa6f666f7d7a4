//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestDemoTellsTheStoryOfAnEvening(t *testing.T) {
	t.Setenv(asProgram, "1") // for the game servers
	var args []string
	if config := pragmatest.DatabaseConfig(t); config != "" {
		args = []string{"-config", filepath.Join(t.TempDir(), "database.yml")}
		if err := os.WriteFile(args[1], []byte("core: {databaseConfig: "+config+"}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := run(within(t, testTime), args, &out); err != nil {
		t.Fatalf("run: %v\n%s", err, &out)
	}
	story := out.String()
	for what, want := range map[string]struct {
		line  string
		times int
	}{
		"the backend is ready":           {`the backend is ready`, 1},
		"eight players log in":           {`8 players are logged in`, 1},
		"four parties":                   {`party \w+: \w+ and \w+, all ready`, 4},
		"two semi-finals":                {`semi-final found after \d+ ms: \w+\+\w+ against \w+\+\w+`, 2},
		"a final, twice":                 {`  final found after \d+ ms: \w+\+\w+ against \w+\+\w+`, 2},
		"five game servers":              {`its server is ready after \d+ ms, on port \d+`, 5},
		"three groups that won":          {`saw \d:\d after 5 rounds and only their own plan, "[^"]+": won; back in party \w+`, 3},
		"three groups that lost":         {`saw \d:\d after 5 rounds and only their own plan, "[^"]+": lost; back in party \w+`, 3},
		"red plans in red hands alone":   {`\(red\) saw .* "hold the bridge"`, 3},
		"blue plans in blue hands alone": {`\(blue\) saw .* "go round by the river"`, 3},
		"a custom game":                  {`\w+ makes a custom game, \w+ and \w+ join it`, 1},
		"a late joiner":                  {`\w+ comes late, in round 2, and is let in`, 1},
		"a kick":                         {`\w+ was removed: drew 7 with a die of 6 sides`, 1},
		"three who play to the end":      {`  \w+ \((red|blue)\) saw \d:\d: (won|lost)`, 3},
		"a death":                        {`its server is killed in round 3`, 1},
		"what comes of it":               {`all are told, are back in their parties, and play again`, 1},
		"a winner":                       {`\w+ and \w+ have won`, 1},
		"an end":                         {`the backend has stopped`, 1},
		"the death, in the log":          {`level=WARN msg="game server ended" .* err="exit status 137"`, 1},
		"and nothing else there":         {`level=`, 1},
	} {
		if got := len(regexp.MustCompile(want.line).FindAllString(story, -1)); got != want.times {
			t.Errorf("%s: %d lines, want %d", what, got, want.times)
		}
	}
	if t.Failed() {
		t.Log(story)
	}
	said := regexp.MustCompile(`(\w+ and \w+) have won`).FindStringSubmatch(story)
	if at := strings.LastIndex(story, "s  final found"); at >= 0 && said != nil && !regexp.MustCompile(said[1]+`.*: won;`).MatchString(story[at:]) {
		t.Errorf("the champions %s did not win the final\n%s", said[1], story)
	}
}

func TestMistakeGetsOneClearLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		env  []string
		want string
	}{
		"unknown command":                     {args: []string{"fight"}, want: `unknown command "fight": want none, serve or gameserver`},
		"argument that serve does not know":   {args: []string{"serve", "now"}, want: `serve does not know what to do with ["now"]`},
		"configuration that is not there":     {args: []string{"serve", "-config", "none.yml"}, want: `none.yml`},
		"database in a directory of nobody":   {args: []string{"serve", "-db", "nowhere/skirmish.db"}, want: `nowhere`},
		"game server without its environment": {args: []string{"gameserver"}, want: `PRAGMA_PARTNER_GAME_TOKEN`},
		"game server with an odd patience": {
			args: []string{"gameserver"}, env: []string{"PRAGMA_PARTNER_GAME_TOKEN=x", "SKIRMISH_PATIENCE=long"}, want: `SKIRMISH_PATIENCE`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, runProgram(t, t.TempDir(), c.env, c.args...), c.want)
		})
	}
}

// fails fails the test unless the program ends with one line on its own account
// that has all the texts.
func fails(t *testing.T, p *program, want ...string) {
	t.Helper()
	if err := p.wait(t); err == nil {
		t.Error("the program succeeds")
	}
	var complaints []string
	for line := range strings.Lines(p.out.String()) {
		if !strings.HasPrefix(line, "time=") {
			complaints = append(complaints, strings.TrimSpace(line))
		}
	}
	if len(complaints) != 1 || !strings.HasPrefix(complaints[0], "skirmish: ") {
		t.Fatalf("the program says\n%s\nwant one line", p.out)
	}
	for _, text := range want {
		if !strings.Contains(complaints[0], text) {
			t.Errorf("the program says %q, want it to name %q", complaints[0], text)
		}
	}
}

func TestServeNamesTheGatewayWhosePortIsTaken(t *testing.T) {
	t.Parallel()
	s := startStand(t, "")
	address := s.gateway["game partner"]
	config := "core:\n  gatewayManager:\n" +
		"    social: {player: {address: '127.0.0.1:0'}, partner: {address: '127.0.0.1:0'}, operator: {enabled: false}}\n" +
		"    game: {player: {address: '127.0.0.1:0'}, partner: {address: '" + address + "'}, operator: {enabled: false}}\n"
	if err := os.WriteFile(filepath.Join(s.dir, "taken.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, runProgram(t, s.dir, nil, "serve", "-config", "taken.yml", "-db", "other.db"), "GAME/PARTNER", address, "in use")
}

func TestSecondServerOnTheSameFileIsRefused(t *testing.T) {
	t.Parallel()
	if pragmatest.DatabaseConfig(t) != "" {
		t.Skip("the servers of a game may share a database")
	}
	s := startStand(t, "")
	fails(t, runProgram(t, s.dir, nil, "serve", "-config", "skirmish.yml"), "skirmish.db", "in use")
}

func TestDatabaseWithoutWritePermissionIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		f.Close()
		dir = "/proc" // this user may write everywhere but here
		if _, err := os.Stat("/proc/self"); err != nil {
			t.Skip("this user may write everywhere")
		}
	}
	fails(t, runProgram(t, t.TempDir(), nil, "serve", "-db", filepath.Join(dir, "skirmish.db")), dir)
}

func TestHelpIsNoMistake(t *testing.T) {
	t.Parallel()
	p := runProgram(t, t.TempDir(), nil, "serve", "-h")
	if err := p.wait(t); err != nil || !strings.Contains(p.out.String(), "-config") {
		t.Errorf("serve -h ends with %v and says\n%s", err, p.out)
	}
}

func TestInterruptedServeEndsWell(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]os.Signal{"interrupt": os.Interrupt, "terminate": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStand(t, "")
			if err := s.program().cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := s.program().wait(t); err != nil {
				t.Errorf("serve ends with %v\n%s", err, s.log())
			}
		})
	}
}
