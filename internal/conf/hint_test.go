package conf_test

import (
	"strings"
	"testing"
)

func TestUnknownKeysHintAtTheNearestKnownOne(t *testing.T) {
	type config struct {
		MaxPlayersPerParty int
		MaxInvites         int
		MinInvites         int
		PortalURL          string
		ID                 int
	}
	for _, tt := range []struct {
		name, key string
		want      string // "" for no hint
	}{
		{"missing letter", "maxPlayerPerParty", "maxPlayersPerParty"},
		{"doubled letter", "maxxInvites", "maxInvites"},
		{"wrong letter", "mqxInvites", "maxInvites"},
		{"swapped letters", "maxInivtes", "maxInvites"},
		{"two mistakes", "mxPlayersPerPraty", "maxPlayersPerParty"},
		{"three mistakes", "mxPlayerPerPraty", ""},
		{"nearest of two", "minInvite", "minInvites"},
		{"capital letters", "PortalURL", "portalUrl"},
		{"short name, other case", "Id", "id"},
		{"short name, one mistake", "it", ""},
		{"unrelated", "enableEverything", ""},
		{"very long", strings.Repeat("x", 500), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := load(t, "core: {"+tt.key+": 1}").Section("core")
			if err != nil {
				t.Fatal(err)
			}
			err = s.Decode(&config{})
			_, got, _ := strings.Cut(err.Error(), ": unknown key")
			want := ""
			if tt.want != "" {
				want = " (did you mean " + tt.want + "?)"
			}
			if got != want {
				t.Errorf("got hint %q, want %q", got, want)
			}
		})
	}
}
