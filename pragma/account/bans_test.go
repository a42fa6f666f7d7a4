package account_test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// partner opens a socket of a game server on Social.
func (w *world) partner() *pragmatest.Raw {
	w.T.Helper()
	_, social := w.PartnerTokens()
	return w.Raw(socialPartner, social)
}

// admin opens a socket of an operator who may do everything.
func (w *world) admin() *pragmatest.Raw {
	w.T.Helper()
	return w.Raw(socialOperator, w.operator().token)
}

// viewer opens a socket of an operator who may only look.
func (w *world) viewer() *pragmatest.Raw { return w.Operator(pragma.Social, pragma.RoleViewer) }

// newAccount logs a player in for the first time and returns his social id.
func (w *world) newAccount(name string) string {
	w.T.Helper()
	_, social := w.mustLogIn(name, name)
	return claims(w.T, social)["pragmaSocialId"].(string)
}

func socialID(t *testing.T, text string) pragma.SocialID {
	t.Helper()
	id, err := pragma.ParseID[pragma.SocialID](text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// refused makes a call that must fail and returns the reason.
func refused(t *testing.T, c *pragmatest.Raw, call string, payload any) string {
	t.Helper()
	f := ask(c, call, payload)
	if f.ServiceError == nil {
		t.Errorf("%s with %v was not refused: %v", call, payload, f.Response.Payload)
		return ""
	}
	return f.ServiceError.Error
}

type object = map[string]any

func ban(t *testing.T, c *pragmatest.Raw, payload object) object {
	t.Helper()
	return c.Call("AccountRpc.BanAccountPartnerV1", payload)["ban"].(object)
}

func TestBanFromAllShardsRefusesLogInAndRefresh(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		player := w.Raw(socialPlayer, social)
		ban(t, w.partner(), object{"pragmaSocialId": claims(t, social)["pragmaSocialId"], "durationInMillis": "0"})
		for _, g := range []pragma.Gateway{socialPlayer, socialOperator} {
			a := w.logIn(g, unsafe("robin", "Robin"))
			if e := a.Refusal.ServiceError; a.Status != http.StatusForbidden || e.Error != "AccountService_Unauthorized" || e.Status != "SERVICE_ERROR" {
				t.Errorf("log-in at %s: got %d %s, want 403 AccountService_Unauthorized", g, a.Status, a.Body)
			}
		}
		if got := refused(t, player, "AccountRpc.RefreshTokensV1", tokens(game, social)); got != "AccountService_Unauthorized" {
			t.Errorf("refresh: got %s", got)
		}
		player.Call("AccountRpc.GetAccountV1", nil) // the session goes on
		w.Raw(gamePlayer, game)                     // and the tokens are good
	})
}

func TestBanFromThisShardWithholdsTheGameTokenAlone(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		player := w.Raw(socialPlayer, social)
		partner := w.partner()
		b := ban(t, partner, object{"pragmaSocialId": claims(t, social)["pragmaSocialId"], "gameShardId": shard, "allGameShards": false})
		if game, social := w.mustLogIn("robin", "Robin"); game != "" || social == "" {
			t.Errorf("log-in: got game token %q, social token %q", game, social)
		}
		refresh := func(game, social string) string {
			t.Helper()
			fresh := player.Call("AccountRpc.RefreshTokensV1", tokens(game, social))["pragmaTokens"].(object)
			if fresh["pragmaSocialToken"] == "" {
				t.Error("refresh: no social token")
			}
			return fresh["pragmaGameToken"].(string)
		}
		for range 2 {
			if got := refresh(game, social); got != "" {
				t.Errorf("refresh: got game token %q", got)
			}
		}
		partner.Call("AccountRpc.RevokeBanAccountPartnerV1", object{"banId": b["banId"]})
		if got := refresh("", social); got == "" {
			t.Error("refresh after the ban: got no game token")
		}
	})
}

func TestBanEndsByItself(t *testing.T) {
	for name, tt := range map[string]struct {
		allShards bool
		during    string
	}{
		"of all shards": {true, "403"},
		"of this shard": {false, "no game token"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, w *world) {
				id := w.newAccount("robin")
				_, err := w.accounts.Ban(t.Context(), &account.BanRequest{SocialID: socialID(t, id), ThisShardOnly: !tt.allShards, Duration: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				tryIn := func() string {
					a := w.logIn(socialPlayer, unsafe("robin", "Robin"))
					switch {
					case a.Status != http.StatusOK:
						return fmt.Sprint(a.Status)
					case a.Tokens.PragmaTokens.PragmaGameToken == "":
						return "no game token"
					}
					return "in"
				}
				time.Sleep(time.Hour - time.Second)
				if got := tryIn(); got != tt.during {
					t.Errorf("before the end: got %s, want %s", got, tt.during)
				}
				w.Restart()
				if got := tryIn(); got != tt.during {
					t.Errorf("after a restart: got %s, want %s", got, tt.during)
				}
				time.Sleep(time.Second)
				if got := tryIn(); got != "in" {
					t.Errorf("after the end: got %s, want in", got)
				}
			})
		})
	}
}

func TestBannedPlayerIsToldWithoutTheComment(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		_, social := w.mustLogIn("robin", "Robin")
		id := claims(t, social)["pragmaSocialId"]
		player := w.Raw(socialPlayer, social)
		player.Call("AccountRpc.GetBansV1", nil) // the socket is ready
		start := time.Now()
		got := ban(t, w.partner(), object{
			"socialId": id, "gameShardId": shard, "allGames": false, "durationInMillis": 3600000, "banReason": "cheating", "comment": "ticket 4711",
		})
		want := object{
			"banId": got["banId"], "pragmaSocialId": id, "gameShardId": shard, "allGameShards": false,
			"startTimestampMillis": fmt.Sprint(start.UnixMilli()), "durationInMillis": "3600000",
			"banReason": "cheating", "comment": "ticket 4711", "revoked": false,
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("answer (-got +want):\n%s", diff)
		}
		delete(want, "comment")
		f := player.Read()
		if f.Notification == nil || f.Notification.Type != "AccountRpc.BanV1Notification" {
			t.Fatalf("got %s", f)
		}
		if diff := cmp.Diff(f.Notification.Payload, object{"ban": want}); diff != "" {
			t.Errorf("notification (-got +want):\n%s", diff)
		}
		own := player.Call("AccountRpc.GetBansV1", nil)
		if diff := cmp.Diff(own, object{"bans": []any{want}}); diff != "" {
			t.Errorf("GetBansV1 (-got +want):\n%s", diff)
		}
		if f, ok := player.Poll(time.Minute); ok && f.Notification != nil {
			t.Errorf("told twice: %s", f)
		}
	})
}

func TestOperatorsAndPartnersSeeAndRevokeBans(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		id := w.newAccount("robin")
		partner, admin := w.partner(), w.admin()
		first := ban(t, partner, object{"pragmaSocialId": id, "comment": "one"})
		second := admin.Call("AccountRpc.BanAccountOperatorV1", object{"pragmaSocialId": id, "comment": "two"})["ban"].(object)
		if first["allGameShards"] != true || second["allGameShards"] != true {
			t.Error("a ban that says nothing is not for all shards")
		}
		admin.Call("AccountRpc.RevokeBanAccountOperatorV1", object{"banId": first["banId"]})
		for range 2 { // harmless the second time
			got := partner.Call("AccountRpc.RevokeBanAccountPartnerV1", object{"banId": first["banId"]})["ban"].(object)
			if first["revoked"] = true; !cmp.Equal(got, first) {
				t.Errorf("revoked: got %v, want %v", got, first)
			}
		}
		w.Restart()
		want := object{"bans": []any{first, second}}
		viewer := w.viewer()
		if diff := cmp.Diff(viewer.Call("AccountRpc.GetBansBySocialIdOperatorV1", object{"pragmaSocialId": id}), want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		if diff := cmp.Diff(w.partner().Call("AccountRpc.GetBansBySocialIdPartnerV1", object{"pragmaSocialId": id}), want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		for _, call := range []string{"AccountRpc.BanAccountOperatorV1", "AccountRpc.RevokeBanAccountOperatorV1"} {
			if got := refused(t, viewer, call, object{"pragmaSocialId": id, "banId": first["banId"]}); got != "AccountService_Unauthorized" {
				t.Errorf("%s by a viewer: %s", call, got)
			}
		}
		if !strings.Contains(w.Logs(), `action="ban account"`) {
			t.Error("the audit log does not know of the ban")
		}
	})
}

func TestBanRequestsAreChecked(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		id := w.newAccount("robin")
		partner := w.partner()
		for name, tt := range map[string]struct {
			payload object
			want    string
		}{
			"no account":         {object{}, "AccountService_BadRequest"},
			"unknown account":    {object{"pragmaSocialId": pragma.NewID[pragma.SocialID]().String()}, "AccountService_NotFound"},
			"no id":              {object{"pragmaSocialId": "robin"}, "Serialization_Error"},
			"two accounts":       {object{"pragmaSocialId": id, "socialId": shard}, "Serialization_Error"},
			"two minds":          {object{"pragmaSocialId": id, "allGameShards": true, "allGames": false}, "Serialization_Error"},
			"another shard":      {object{"pragmaSocialId": id, "gameShardId": "00000000-0000-0000-0000-000000000002"}, "AccountService_NotFound"},
			"negative":           {object{"pragmaSocialId": id, "durationInMillis": "-1"}, "AccountService_BadRequest"},
			"too long":           {object{"pragmaSocialId": id, "durationInMillis": fmt.Sprint(math.MaxInt64/1000000 + 1)}, "AccountService_BadRequest"},
			"overflowing":        {object{"pragmaSocialId": id, "durationInMillis": fmt.Sprint(int64(math.MaxInt64))}, "AccountService_BadRequest"},
			"more than 64 bits":  {object{"pragmaSocialId": id, "durationInMillis": "9223372036854775808"}, "Serialization_Error"},
			"a very long reason": {object{"pragmaSocialId": id, "banReason": strings.Repeat("x", 1001)}, "AccountService_BadRequest"},
		} {
			if got := refused(t, partner, "AccountRpc.BanAccountPartnerV1", tt.payload); got != tt.want {
				t.Errorf("%s: got %s, want %s", name, got, tt.want)
			}
		}
		for name, want := range map[string]string{"": "AccountService_NotFound", shard: "AccountService_NotFound", "x": "Serialization_Error"} {
			if got := refused(t, partner, "AccountRpc.RevokeBanAccountPartnerV1", object{"banId": name}); got != want {
				t.Errorf("revoke %q: got %s, want %s", name, got, want)
			}
			if got := refused(t, partner, "AccountRpc.GetBansBySocialIdPartnerV1", object{"pragmaSocialId": name}); got != want {
				t.Errorf("bans of %q: got %s, want %s", name, got, want)
			}
		}
		bans, err := w.accounts.Bans(t.Context(), socialID(t, id))
		if len(bans) != 0 || err != nil {
			t.Errorf("something was banned: %v, %v", bans, err)
		}
		b := ban(t, partner, object{"pragmaSocialId": id, "durationInMillis": fmt.Sprint(math.MaxInt64 / 1000000)})
		if a := w.logIn(socialPlayer, unsafe("robin", "")); a.Status != http.StatusForbidden {
			t.Errorf("the longest ban %v: got %d", b, a.Status)
		}
	})
}

func TestOldBansMakeRoomForNewOnes(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		robin := &account.BanRequest{SocialID: socialID(t, w.newAccount("robin"))}
		var made []*account.Ban
		for range 50 {
			b, err := w.accounts.Ban(t.Context(), robin)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, b)
		}
		if _, err := w.accounts.Ban(t.Context(), robin); !errors.Is(err, account.ErrBadRequest) {
			t.Errorf("one too many: got %v, want ErrBadRequest", err)
		}
		if _, err := w.accounts.RevokeBan(t.Context(), made[20].ID); err != nil {
			t.Fatal(err)
		}
		last, err := w.accounts.Ban(t.Context(), robin)
		if err != nil {
			t.Fatal(err)
		}
		bans, err := w.accounts.Bans(t.Context(), robin.SocialID)
		if err != nil || len(bans) != 50 || bans[49] != *last || bans[19] != *made[19] || bans[20] != *made[21] {
			t.Errorf("got %d bans, %v", len(bans), err)
		}
		if _, err := w.accounts.RevokeBan(t.Context(), made[20].ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("revoke of a forgotten ban: got %v, want ErrNotFound", err)
		}
	})
}

// TestNoLogInSucceedsAfterABanWasAnswered races log-ins with a ban: those that
// begin after the ban was answered are refused.
func TestNoLogInSucceedsAfterABanWasAnswered(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		id := socialID(t, w.newAccount("robin"))
		for range 10 {
			answered := make(chan struct{})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for over := false; !over; {
						select {
						case <-answered:
							over = true
						default:
						}
						a, err := w.tryLogIn(socialPlayer, unsafe("robin", "Robin"))
						if err != nil {
							t.Error(err)
						}
						if over && a.Status != http.StatusForbidden {
							t.Errorf("a log-in after the ban got %d", a.Status)
						}
					}
				})
			}
			b, err := w.accounts.Ban(t.Context(), &account.BanRequest{SocialID: id})
			close(answered)
			wg.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.accounts.RevokeBan(t.Context(), b.ID); err != nil {
				t.Fatal(err)
			}
			if a := w.logIn(socialPlayer, unsafe("robin", "Robin")); a.Status != http.StatusOK {
				t.Fatalf("after the ban: %d %s", a.Status, a.Body)
			}
		}
	})
}
