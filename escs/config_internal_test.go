package escs

import (
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
)

func ptr[T any](v T) *T { return &v }

func required() section {
	return section{URL: ptr("https://escs.test/results"), Secret: ptr(pragma.Secret("s3cret")), GameID: ptr("game")}
}

func TestMergeTakesAKeyFromEitherSection(t *testing.T) {
	for name, in := range map[string][2]section{
		"EscsConfig":                       {required(), {}},
		"ExternalMatchmakingServiceConfig": {{}, required()},
		"both, the same":                   {required(), required()},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := merge(in[0], in[1])
			if err != nil {
				t.Fatal(err)
			}
			if got, want := c.URL+" "+c.Secret.Reveal()+" "+c.GameID, "https://escs.test/results s3cret game"; got != want {
				t.Errorf("merge = %q, want %q", got, want)
			}
			if got, want := c.CleanInterval, 10*time.Minute; got != want {
				t.Errorf("CleanInterval = %v, want the default %v", got, want)
			}
		})
	}
}

func TestMergeNamesEveryMissingKey(t *testing.T) {
	_, err := merge(section{}, section{})
	for _, key := range []string{"url", "secret", "gameId"} {
		if err == nil || !strings.Contains(err.Error(), "game.serviceConfigs.EscsConfig."+key+": is required") {
			t.Errorf("merge of nothing = %v, want it to name %s", err, key)
		}
	}
}

func TestMergeRefusesAKeySaidInTwoWays(t *testing.T) {
	other := section{CleanInterval: ptr(3), Secret: ptr(pragma.Secret("other"))}
	first := required()
	first.CleanInterval = ptr(5)
	_, err := merge(first, other)
	for _, key := range []string{"secret", "cleanInterval"} {
		if err == nil || !strings.Contains(err.Error(), "EscsConfig."+key+": says something else") {
			t.Errorf("merge = %v, want it to name %s", err, key)
		}
	}
	if err != nil && strings.Contains(err.Error(), "s3cret") {
		t.Errorf("merge = %v shows a secret", err)
	}
}

func TestSectionRefusesWhatCannotBeMeant(t *testing.T) {
	for name, c := range map[string]section{
		"url":                    {URL: ptr("not an address")},
		"cleanInterval":          {CleanInterval: ptr(0)},
		"maxSetStartBytes":       {MaxSetStartBytes: ptr(10 << 20)},
		"maxPlayersPerSet":       {MaxPlayersPerSet: ptr(-1)},
		"resultMaxAttempts":      {ResultMaxAttempts: ptr(-1)},
		"resultRequestTimeout":   {ResultRequestTimeout: ptr(duration(0))},
		"clockSkew":              {ClockSkew: ptr(duration(-time.Second))},
		"setStartTypeAliases[0]": {SetStartTypeAliases: ptr([]string{"SetStart"})},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: Validate = %v, want an error that names it", name, err)
		}
	}
}

func TestConfigTypesReadWhatIsDocumented(t *testing.T) {
	var d duration
	if err := d.UnmarshalText([]byte("5s")); err != nil || time.Duration(d) != 5*time.Second {
		t.Errorf("duration 5s = %v, %v", time.Duration(d), err)
	}
	if err := d.UnmarshalText([]byte("5")); err == nil {
		t.Error("a time without unit was accepted")
	}
	var a AbsentPlayers
	if err := a.UnmarshalText([]byte("penalty")); err != nil || a != PenalizeAbsent {
		t.Errorf("absentPlayers penalty = %q, %v", a, err)
	}
	if err := a.UnmarshalText([]byte("shame")); err == nil {
		t.Error("absentPlayers shame was accepted")
	}
	var n network
	for text, good := range map[string]bool{"10.0.0.0/8": true, "192.0.2.7": true, "2001:db8::/32": true, "10.0.0.0/40": false, "fe80::1%eth0": false} {
		if err := n.UnmarshalText([]byte(text)); (err == nil) != good {
			t.Errorf("network %q: %v", text, err)
		}
	}
}
