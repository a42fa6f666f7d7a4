package client_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
)

func TestAuthCodeIsAskedForOnTheSocialBackend(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("AuthCodeRpc.AuthCodeV1", answer(`{"authCode":"c29c7043-16dc-4860-bd93-6bb2b360d2c4"}`))
		got, err := p.AuthCode(t.Context())
		if err != nil || got != "c29c7043-16dc-4860-bd93-6bb2b360d2c4" {
			t.Errorf("AuthCode() = %q, %v", got, err)
		}
		if diff := cmp.Diff([]string{`{"playerId":"` + robin + `"}`}, f.seen("social AuthCodeRpc.AuthCodeV1")); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		f.on("AuthCodeRpc.AuthCodeV1", func(c *fakeCall) { c.refuse("SessionService_RateLimited") })
		if code, err := p.AuthCode(t.Context()); code != "" || !errors.Is(err, pragma.ErrRateLimited) {
			t.Errorf("AuthCode() = %q, %v, want ErrRateLimited", code, err)
		}
	})
}
