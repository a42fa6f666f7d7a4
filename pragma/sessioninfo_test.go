package pragma_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
)

// infoOf reads the claim extSessionInfo of a token, as clients do.
func infoOf(t *testing.T, token string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ ExtSessionInfo *string }
	if err := json.Unmarshal(payload, &c); err != nil || c.ExtSessionInfo == nil {
		t.Fatalf("payload %s, %v", payload, err)
	}
	return *c.ExtSessionInfo
}

func TestTokenCarriesWhatTheClientSaidOfItself(t *testing.T) {
	var seen pragma.PlayerSession
	mount := func(m *pragma.Mount) {
		pragma.HandlePlayer(m, "WhoV1", func(_ context.Context, s *pragma.PlayerSession, r *said) (*said, error) {
			seen = *s
			return r, nil
		})
	}
	runLab(t, "", mount, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			name                    string
			platform, class, device string
			want                    string
			refused                 bool
		}{
			{name: "nothing", want: "{}"},
			{name: "all", platform: "STEAM", class: "PC", device: "Deck <1>", want: `{"distributionPlatform":"STEAM","hardwareClass":"PC","hardwareDevice":"Deck <1>"}`},
			{name: "one, beyond ASCII", device: "Zoës \"Gerät\" 🦊", want: `{"hardwareDevice":"Zoës \"Gerät\" 🦊"}`},
			{name: "as long as can be", platform: strings.Repeat("é", 64), class: strings.Repeat("x", 128), want: `{"distributionPlatform":"` + strings.Repeat("é", 64) + `","hardwareClass":"` + strings.Repeat("x", 128) + `"}`},
			{name: "too long", class: strings.Repeat("x", 129), refused: true},
			{name: "not UTF-8", device: "\xff", refused: true},
		} {
			session := &pragma.PlayerSession{
				PlayerID: pragma.NewID[pragma.PlayerID](), SocialID: pragma.NewID[pragma.SocialID](),
				SessionID: pragma.NewOrderedID[pragma.SessionID](), GameShardID: w.m.ShardID(), IDProvider: "UNSAFE",
				DistributionPlatform: tt.platform, HardwareClass: tt.class, HardwareDevice: tt.device,
			}
			token, err := w.m.SignPlayerToken(pragma.Game, session)
			if tt.refused {
				if !errors.Is(err, pragma.ErrMalformed) {
					t.Errorf("%s: got %v, want ErrMalformed", tt.name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if got := infoOf(t, token); got != tt.want {
				t.Errorf("%s: extSessionInfo = %s, want %s", tt.name, got, tt.want)
			}
			call(w.Raw(gamePlayer, token), "LabRpc.WhoV1", said{})
			if seen != *session {
				t.Errorf("%s: the handler sees %+v, want %+v", tt.name, seen, *session)
			}
			again, err := w.m.VerifyPlayerToken(pragma.Game, token)
			if err != nil || *again != *session {
				t.Errorf("%s: VerifyPlayerToken = %+v, %v", tt.name, again, err)
			}
		}
	})
}
