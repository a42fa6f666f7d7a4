package conf_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/conf"
)

var update = flag.Bool("update", false, "rewrite the last part of testdata/*.txtar")

// TestGoldenFiles loads the .yml parts of every file in testdata in order. The
// last part, "result" or "error", holds what must come out. Any other part is a
// file that a value may refer to. The environment is in env below.
func TestGoldenFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			a := parseArchive(string(text))
			kind, got := "result", ""
			if value, err := loadSample(a); err != nil {
				kind, got = "error", err.Error()+"\n"
			} else {
				got = value
			}
			if *update {
				a.set(kind, got)
				if err := os.WriteFile(name, []byte(a.String()), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(a.last(), part{kind, got}, cmp.AllowUnexported(part{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func env(name string) (string, bool) {
	v, ok := map[string]string{
		"DB_PASSWORD": "s3cr3t-from-env",
		"SHARD":       "eu-1",
		"SIZE":        "3",
		"HUGE":        "4000",
		"ON":          "true",
		"EMPTY":       "",
	}[name]
	return v, ok
}

// loadSample reads the files of a and everything that sample claims.
func loadSample(a archive) (string, error) {
	var l conf.Loader
	files := make(map[string]string)
	for _, p := range a.parts {
		files[p.name] = p.text
		if strings.HasSuffix(p.name, ".yml") {
			l.Files = append(l.Files, p.name)
		}
	}
	l.LookupEnv = env
	l.ReadFile = func(name string) ([]byte, error) {
		text, ok := files[filepath.ToSlash(name)]
		if !ok {
			return nil, &os.PathError{Op: "open", Path: name, Err: errors.New("no such file")}
		}
		return []byte(text), nil
	}
	tree, err := l.Load()
	if err != nil {
		return "", err
	}
	return decodeSample(tree)
}

func decodeSample(tree *conf.Tree) (string, error) {
	set := conf.NewSet(tree)
	core, _ := conf.Bind(set, conf.Binding[coreConfig]{Path: "core", Default: coreConfig{
		NodeName: "node-1",
		Database: database{Driver: "SQLITE"},
		Policies: map[string]policy{"standard": {HeartbeatMillis: 1000, MaxCapacity: 10}},
	}})
	token, _ := conf.Bind(set, conf.Binding[tokenConfig]{
		Path:    "social.serviceConfigs.TokenSignerConfig",
		Aliases: []string{"TokenConfig"},
		Default: tokenConfig{RefreshMinutes: 45},
	})
	party, _ := conf.Bind(set, conf.Binding[partyConfig]{
		Path:    "game.serviceConfigs.PartyConfig",
		Default: partyConfig{MaxPlayersPerParty: 4, Mode: optional},
	})
	slot, _ := conf.Bind(set, conf.Binding[conf.Slot]{Path: "game.pluginConfigs.MatchmakingService.matchmakingPlugin"})
	identity, _ := conf.Bind(set, conf.Binding[conf.Slot]{Path: "social.pluginConfigs.AccountService.identityProviderPlugins"})
	warm := warmConfig{NumberOfTeams: 2}
	plugins := map[string]any{}
	errs := []error{set.Check(), slot.Load().Config.Decode(&warm)}
	for name, p := range identity.Load().Plugins {
		var settings map[string]any
		errs = append(errs, p.Config.Decode(&settings))
		plugins[name] = settings
	}
	if err := conf.Join(errs...); err != nil {
		return "", err
	}
	out, err := json.Marshal(map[string]any{
		"core": core.Load(), "token": token.Load(), "party": party.Load(),
		"matchmaking": warm, "class": slot.Load().Class, "identity": plugins,
		"password": core.Load().Database.Password.Reveal(),
	}, json.Deterministic(true), json.OmitZeroStructFields(true), jsontext.WithIndent("  "))
	return string(out) + "\n", err
}

type (
	coreConfig struct {
		NodeName string
		Port     uint16
		Debug    bool
		Rate     float64
		Level    *int8
		Database database
		Policies map[string]policy
		Tags     []string
		Ranks    map[int]string
		Pairs    [](map[string]int)
		Extra    any
	}
	database struct {
		Driver         string
		HostPortSchema string
		Password       conf.Secret
	}
	policy struct {
		HeartbeatMillis int64
		MaxCapacity     int
	}
	tokenConfig struct{ RefreshMinutes int }
	partyConfig struct {
		MaxPlayersPerParty    int
		DisableMaxPlayerCount bool
		TimeoutMillis         int64 `yaml:"connectPlayersTimeoutMillis,alias=gameReadyTimeoutMillis"`
		Mode                  mode  `yaml:"reconnectMode"`
		PortalURL             string
	}
	warmConfig struct{ NumberOfTeams, PlayersPerTeam int }
	mode       string
)

const optional mode = "OPTIONAL"

func (p *policy) SetDefaults() { p.HeartbeatMillis = 1000 }

func (m *mode) UnmarshalText(text []byte) error {
	switch v := mode(text); v {
	case optional, "REQUIRED", "DISABLED":
		*m = v
		return nil
	}
	return fmt.Errorf("want OPTIONAL, REQUIRED or DISABLED, got %q", text)
}

func (p policy) Validate() error {
	if p.MaxCapacity < 0 {
		return conf.Fieldf("maxCapacity", "must not be negative")
	}
	return nil
}

func (c *partyConfig) Validate() error {
	var errs []error
	if c.MaxPlayersPerParty < 1 {
		errs = append(errs, conf.Fieldf("maxPlayersPerParty", "must be at least 1"))
	}
	if c.TimeoutMillis < 0 {
		errs = append(errs, conf.Fieldf("connectPlayersTimeoutMillis", "must not be negative"))
	}
	if c.MaxPlayersPerParty > 100 && !c.DisableMaxPlayerCount {
		errs = append(errs, fmt.Errorf("%d players need disableMaxPlayerCount", c.MaxPlayersPerParty))
	}
	return errors.Join(errs...)
}

// archive is a text in parts, each after a line "-- name --".
type archive struct {
	comment string
	parts   []part
}

type part struct{ name, text string }

func parseArchive(text string) archive {
	var a archive
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		if name, ok2 := strings.CutSuffix(name, " --"); ok && ok2 {
			a.parts = append(a.parts, part{name: name})
		} else if n := len(a.parts); n > 0 {
			a.parts[n-1].text += line
		} else {
			a.comment += line
		}
	}
	return a
}

func (a *archive) last() part { return a.parts[len(a.parts)-1] }

// set replaces the last part if it is a result, and adds one otherwise.
func (a *archive) set(name, text string) {
	if last := a.last().name; last == "result" || last == "error" {
		a.parts = a.parts[:len(a.parts)-1]
	}
	a.parts = append(a.parts, part{name, text})
}

func (a *archive) String() string {
	var b strings.Builder
	b.WriteString(a.comment)
	for _, p := range a.parts {
		fmt.Fprintf(&b, "-- %s --\n%s", p.name, p.text)
	}
	return b.String()
}
