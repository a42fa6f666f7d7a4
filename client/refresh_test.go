package client_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
)

func (f *fake) refreshes() {
	f.on("AccountRpc.RefreshTokensV1", func(c *fakeCall) {
		game, soc := f.tokens()
		c.reply(`{"pragmaTokens":{"pragmaGameToken":"` + game + `","pragmaSocialToken":"` + soc + `"}}`)
	})
}

func TestTokensAreRefreshedWhenTheTokenSays(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refresh = "60000"
		f.refreshes()
		p := f.player()
		old := p.Tokens()
		time.Sleep(61 * time.Second)
		now := p.Tokens()
		if old == now {
			t.Fatal("tokens did not change")
		}
		want := []string{`{"pragmaTokens":{"pragmaGameToken":"` + old.Game + `","pragmaSocialToken":"` + old.Social + `"}}`}
		if diff := cmp.Diff(want, f.seen("social AccountRpc.RefreshTokensV1")); diff != "" {
			t.Errorf("RefreshTokensV1 (-want +got):\n%s", diff)
		}
		for host, token := range map[string]string{"game": now.Game, "social": now.Social} {
			if diff := cmp.Diff([]string{`{"token":"` + token + `"}`}, f.seen(host+" PlayerSessionRpc.SessionRefreshV1")); diff != "" {
				t.Errorf("%s SessionRefreshV1 (-want +got):\n%s", host, diff)
			}
		}
		time.Sleep(5 * time.Minute)
		if got := len(f.seen("social AccountRpc.RefreshTokensV1")); got != 6 {
			t.Errorf("%d refreshes in six minutes, want 6", got)
		}
	})
}

func TestReconnectUsesTheRefreshedToken(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refresh = "60000"
		f.refreshes()
		p := f.player()
		time.Sleep(61 * time.Second)
		want := "Bearer " + p.Tokens().Game
		f.socket("game").cut()
		time.Sleep(5 * time.Second)
		all := f.all("UPGRADE game")
		if got := all[len(all)-1].head.Get("Authorization"); got != want {
			t.Errorf("Authorization = %q, want %q", got, want)
		}
	})
}

func TestRefusedRefreshIsTriedFiveTimesMore(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refresh = "60000"
		f.on("AccountRpc.RefreshTokensV1", func(c *fakeCall) { c.refuse("AccountService_Error") })
		f.player()
		time.Sleep(time.Hour)
		all := f.all("social AccountRpc.RefreshTokensV1")
		if len(all) != 6 {
			t.Fatalf("%d tries, want 6", len(all))
		}
		for i := 1; i < len(all); i++ {
			if got := all[i].at.Sub(all[i-1].at); got != time.Minute {
				t.Errorf("pause %d = %v, want 1m", i, got)
			}
		}
	})
}

func TestRefreshDueWhileDisconnectedIsMadeUpFor(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refresh = "60000"
		f.refreshes()
		p := f.player()
		old := p.Tokens()
		time.Sleep(59 * time.Second)
		f.socket("social").cut()
		time.Sleep(5 * time.Second)
		if p.Tokens() == old {
			t.Error("tokens did not change")
		}
	})
}

func TestBreakDuringARefreshRepeatsIt(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refresh = "60000"
		f.on("AccountRpc.RefreshTokensV1", func(c *fakeCall) {
			f.refreshes()
			c.sock.cut()
		})
		p := f.player()
		old := p.Tokens()
		time.Sleep(70 * time.Second)
		if p.Tokens() == old {
			t.Error("tokens did not change")
		}
	})
}

func TestTokenThatDoesNotSayIsNotRefreshed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refresh = "0"
		f.player(func(o *client.Options) { o.Heartbeat = time.Hour })
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if got := len(f.seen("social AccountRpc.RefreshTokensV1")); got != 0 {
			t.Errorf("%d refreshes, want none", got)
		}
	})
}
