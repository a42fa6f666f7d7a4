package conf_test

import (
	"fmt"
	"testing"

	"github.com/openpragma/engine/internal/conf"
)

func TestSectionIsClaimedOnce(t *testing.T) {
	tree := load(t, "core: {a: 1}")
	if _, err := tree.Section("core.session"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, want string }{
		{"itself", "core.session", "core.session: two owners: core.session is claimed already"},
		{"part", "core.session.x", "core.session.x: two owners: core.session is claimed already"},
		{"whole", "core", "core: two owners: core.session is claimed already"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tree.Section(tt.path)
			checkError(t, err, tt.want)
		})
	}
	if _, err := tree.Section("core.sessions"); err != nil {
		t.Errorf("a neighbour with a longer name is refused: %v", err)
	}
}

func TestUnclaimedReportsWhatNobodyReads(t *testing.T) {
	text := `core: {session: {a: 1}, other: 2}
game:
  serviceConfigs: {PartyConfig: {}, GuildConfig: {}, Off: null}
  pluginConfigs:
    A.one: {}
    A.two: {}
    B: 3
social: {serviceConfigs: {AccountConfig: {}}}
`
	for _, tt := range []struct {
		name   string
		claims []string
		want   string
	}{
		{"nothing claimed", nil, `a.yml:1:1: core: unknown section
a.yml:3:20: game.serviceConfigs.PartyConfig: unknown section
a.yml:3:37: game.serviceConfigs.GuildConfig: unknown section
a.yml:6:5: game.pluginConfigs.A: unknown section
a.yml:7:5: game.pluginConfigs.B: unknown section
a.yml:8:27: social.serviceConfigs.AccountConfig: unknown section`},
		{"parts claimed", []string{"core.session", "game.pluginConfigs.A.one", "social"}, `a.yml:1:25: core.other: unknown section
a.yml:3:20: game.serviceConfigs.PartyConfig: unknown section
a.yml:3:37: game.serviceConfigs.GuildConfig: unknown section
a.yml:6:5: game.pluginConfigs.A.two: unknown section
a.yml:7:5: game.pluginConfigs.B: unknown section`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree := load(t, text)
			for _, path := range tt.claims {
				if _, err := tree.Section(path); err != nil {
					t.Fatal(err)
				}
			}
			checkError(t, tree.Unclaimed(), tt.want)
		})
	}
}

func TestZeroTreeIsEmpty(t *testing.T) {
	var tree conf.Tree
	if err := tree.Unclaimed(); err != nil {
		t.Error(err)
	}
	s, err := tree.Section("game.serviceConfigs.PartyConfig", "OldName")
	if err != nil || s.Exists() {
		t.Errorf("got %v, %v; want an empty section", s, err)
	}
}

func TestSectionFindingPointsToTheNearestKey(t *testing.T) {
	s, err := load(t, "core:\n  a:\n    b: 1\n").Section("core")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"":    "a.yml:1:1: core: m",
		"a.b": "a.yml:3:5: core.a.b: m",
		"a.x": "a.yml:2:3: core.a.x: m",
		"x.y": "a.yml:1:1: core.x.y: m",
	} {
		if got := s.Finding(key, "m").Error(); got != want {
			t.Errorf("Finding(%q) = %s, want %s", key, got, want)
		}
	}
	if got, want := (conf.Section{}).Finding("a", "m").Error(), "a: m"; got != want {
		t.Errorf("Finding of the zero section = %s, want %s", got, want)
	}
}

func TestSectionsAreTheSameWhereverTheyStand(t *testing.T) {
	section := func(text string) conf.Section {
		s, err := load(t, text).Section("core")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a := section("core: {a: 1, b: [x, {y: z}]}")
	for _, tt := range []struct {
		name, text string
		want       bool
	}{
		{"other layout", "# comment\ncore:\n  b:\n  - x\n  - y: z\n  a: 1", true},
		{"other scalar", "core: {a: 2, b: [x, {y: z}]}", false},
		{"other kind", "core: {a: '1', b: [x, {y: z}]}", false},
		{"shorter list", "core: {a: 1, b: [x]}", false},
		{"missing key", "core: {b: [x, {y: z}]}", false},
		{"nothing", "{}", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := a.Same(section(tt.text)); got != tt.want {
				t.Errorf("Same() = %t, want %t", got, tt.want)
			}
		})
	}
}

func TestSectionPrintsNoValues(t *testing.T) {
	s, err := load(t, "core: {password: hunter2}").Section("core")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s), "section core"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
