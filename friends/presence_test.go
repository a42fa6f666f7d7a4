package friends_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/friends"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

var gone = []string{"FriendUpdateV1Notification", "PresenceRemoveV1Notification"}

// of returns the presence of one friend in a player's list.
func (p *player) of(other *player) []presence {
	p.w.T.Helper()
	for _, f := range p.list().Friends {
		if f.SocialID == other.id {
			return f.Presences
		}
	}
	p.w.T.Fatalf("%s is no friend of %s", other.name, p.name)
	return nil
}

func pairOfFriends(t *testing.T, w *world) (robin, marian *player) {
	t.Helper()
	robin, marian = w.join("robin"), w.join("marian")
	befriend(t, robin, marian)
	return robin, marian
}

func TestPresenceBeginsWithItsFirstSetAndEndsWithTheSession(t *testing.T) {
	for name, end := range map[string]func(p *player){
		"log-out":         func(p *player) { p.Call("PlayerSessionRpc.RequestLogoutV1", m{}) },
		"clean close":     func(p *player) { p.Close() },
		"broken and gone": func(p *player) { p.Cut(); time.Sleep(2 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(t *testing.T, w *world) {
				robin, marian := pairOfFriends(t, w)
				if got := marian.of(robin); len(got) != 0 {
					t.Errorf("before: %v", got)
				}
				if got := robin.online("Online"); got != "Ok" {
					t.Fatal(got)
				}
				if diff := cmp.Diff(robin.told(), []string{"PresenceUpdateV1Notification"}); diff != "" {
					t.Errorf("the caller was told (-got +want):\n%s", diff)
				}
				marian.drain()
				if got := marian.presences[robin.id]; got != "Online 1" {
					t.Errorf("the friend was told %q", got)
				}
				if got := marian.of(robin); len(got) != 1 || got[0].BasicPresence != "Online" || got[0].GameShardID != shard || got[0].PlayerID == "" {
					t.Errorf("list = %v", got)
				}
				marian.told()
				end(robin)
				rest()
				if diff := cmp.Diff(marian.told(), gone); diff != "" {
					t.Errorf("after the end (-got +want):\n%s", diff)
				}
				if got := marian.presences[robin.id]; got != "Offline 2" || len(marian.of(robin)) != 0 {
					t.Errorf("after the end: told %q, list %v", got, marian.of(robin))
				}
				robin.logIn()
				if got := marian.of(robin); len(got) != 0 {
					t.Errorf("after the next log-in: %v", got)
				}
				robin.online("Away")
				marian.drain()
				if got := marian.presences[robin.id]; got != "Away 3" {
					t.Errorf("the next session: told %q", got)
				}
			})
		})
	}
}

func TestPresenceOutlivesABrokenConnectionAndARestart(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian := pairOfFriends(t, w)
		robin.online("Online")
		robin.Cut()
		time.Sleep(30 * time.Second)
		robin.open()
		time.Sleep(2 * time.Minute)
		if got := marian.of(robin); len(got) != 1 {
			t.Errorf("after a reconnect: %v", got)
		}
		w.Kill()
		w.Start()
		marian.open()
		if got := marian.of(robin); len(got) != 1 {
			t.Errorf("after a restart: %v", got)
		}
		robin.open()
		time.Sleep(2 * time.Minute)
		if got := marian.of(robin); len(got) != 1 || got[0].Version != "1" {
			t.Errorf("after a reconnect to the restarted server: %v", got)
		}
		marian.told()
		w.Kill()
		w.Start()
		marian.open()
		time.Sleep(2 * time.Minute) // he does not come back
		if got := marian.of(robin); len(got) != 0 {
			t.Errorf("after a restart without him: %v", got)
		}
		if diff := cmp.Diff(marian.told(), gone); diff != "" {
			t.Errorf("after a restart without him (-got +want):\n%s", diff)
		}
	})
}

func TestLaterLogInStartsWithoutPresence(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian := pairOfFriends(t, w)
		robin.online("Online")
		marian.told()
		robin.logIn() // takes over
		if diff := cmp.Diff(marian.told(), gone); diff != "" {
			t.Errorf("at the take-over (-got +want):\n%s", diff)
		}
		robin.online("Away")
		if got := marian.of(robin); len(got) != 1 || got[0].BasicPresence != "Away" || got[0].Version != "3" {
			t.Errorf("presence = %v", got)
		}
	})
}

func TestPlayerMayLookOffline(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian := pairOfFriends(t, w)
		if got := robin.online("Unknown"); got != "PresenceNotFound" {
			t.Errorf("Unknown without presence: %s", got)
		}
		if got := robin.online("offline"); got != "Ok" || marian.told() != nil {
			t.Errorf("Offline without presence: %s", got)
		}
		robin.online("ONLINE")
		marian.told()
		if got := robin.online(""); got != "Ok" || marian.of(robin)[0].BasicPresence != "Online" {
			t.Errorf("empty: %s, %v", got, marian.of(robin))
		}
		marian.told()
		robin.online("Offline")
		if diff := cmp.Diff(marian.told(), gone); diff != "" {
			t.Errorf("Offline (-got +want):\n%s", diff)
		}
		if got := robin.call("SetPresenceV1", m{"basicPresence": "Busy"}); got.ServiceError == nil || got.ServiceError.Error != "Serialization_Error" {
			t.Errorf("Busy: %s", got.Text)
		}
		if got := robin.does("SetPresenceV1", m{"basicPresence": "Online", "gameShardId": nobody}); got != "GameIdentityNotFound" {
			t.Errorf("another shard: %s", got)
		}
	})
}

// stage shows what players ask for, unless that is an order to fail.
type stage struct{ friends.Defaults }

var errFull = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "STAGE_FULL", Title: true}

func (stage) HandleRichPresenceRequest(ctx context.Context, r *friends.RichPresenceRequest) (ext.Value, error) {
	ask, err := ext.As[struct {
		Do, Map string
		Size    int
	}](r.RequestExt)
	if err != nil {
		return ext.Value{}, err
	}
	switch ask.Do {
	case "refuse":
		return ext.Value{}, errFull
	case "fail":
		return ext.Value{}, errors.New("no stage")
	case "panic":
		panic("no stage")
	case "sleep":
		<-ctx.Done()
		time.Sleep(time.Second)
	case "grow":
		return ext.Of(m{"map": strings.Repeat("x", ask.Size)}), nil
	}
	return ext.Of(m{"map": ask.Map, "from": string(r.Origin), "before": r.Current.String()}), nil
}

func TestPluginMakesTheRichPresence(t *testing.T) {
	run(t, options{plugin: stage{}}, func(t *testing.T, w *world) {
		robin, marian := pairOfFriends(t, w)
		set := func(member string, ask m) pragmatest.Frame {
			t.Helper()
			rest()
			return robin.call("SetPresenceV1", m{"basicPresence": "Online", "gameShardId": shard, member: ask})
		}
		shown := func() any { t.Helper(); return marian.of(robin)[0].Ext["map"] }
		set("requestExt", m{"map": "harbor"})
		if got := shown(); got != "harbor" {
			t.Errorf("requestExt: %v", got)
		}
		set("ext", m{"map": "forest"})
		if got := shown(); got != "forest" {
			t.Errorf("ext of generation 94: %v", got)
		}
		robin.online("Away") // asks for nothing
		if got := shown(); got != "forest" {
			t.Errorf("a basic presence changed the rich one: %v", got)
		}
		version := marian.of(robin)[0].Version
		for do, want := range map[string]string{
			"refuse": "STAGE_FULL", "fail": "FriendService_InternalError",
			"panic": "FriendService_InternalError", "sleep": "FriendService_InternalError",
		} {
			if f := set("requestExt", m{"do": do}); f.ServiceError == nil || f.ServiceError.Error+f.ServiceError.ExtError != want {
				t.Errorf("%s: got %s, want %s", do, f.Text, want)
			}
		}
		if f := set("requestExt", m{"do": "grow", "size": 16 << 10}); f.ServiceError == nil || f.ServiceError.Error != "SessionService_RequestTooLarge" {
			t.Errorf("too large: %s", f.Text)
		}
		if got := marian.of(robin)[0]; got.Version != version || got.Ext["map"] != "forest" {
			t.Errorf("a failed plugin changed the presence: %v", got)
		}
	})
}

func TestTrustedServersChangeThePresenceThatThereIs(t *testing.T) {
	run(t, options{plugin: stage{}}, func(t *testing.T, w *world) {
		robin, marian := pairOfFriends(t, w)
		_, token := w.PartnerTokens()
		server := w.Raw(socialPartner, token)
		set := func(payload m) any {
			return server.Call("FriendRpc.SetPresencePartnerV1", payload)["response"]
		}
		ask := m{"socialId": robin.id, "gameShardId": shard, "requestExt": m{"map": "arena"}}
		if got := set(ask); got != "PresenceNotFound" {
			t.Errorf("nobody online: %v", got)
		}
		robin.online("Away")
		if got := set(ask); got != "Ok" {
			t.Errorf("online: %v", got)
		}
		got := marian.of(robin)[0]
		if got.BasicPresence != "Away" || got.Ext["map"] != "arena" || got.Ext["from"] != "PARTNER" || got.Version != "2" {
			t.Errorf("presence = %v", got)
		}
		for name, payload := range map[string]m{
			"another shard": {"socialId": robin.id, "gameShardId": nobody},
			"nobody":        {"socialId": nobody, "gameShardId": shard},
			"no id":         {},
		} {
			if got := set(payload); got != "PresenceNotFound" {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}

func TestStudiosCodeChangesThePresenceThatThereIs(t *testing.T) {
	run(t, options{plugin: stage{}}, func(t *testing.T, w *world) {
		robin, marian := pairOfFriends(t, w)
		id, err := pragma.ParseID[pragma.SocialID](robin.id)
		if err != nil {
			t.Fatal(err)
		}
		u := &friends.PresenceUpdate{SocialID: id, RequestExt: ext.Of(m{"map": "arena"})}
		if err := w.friends.UpdatePresence(t.Context(), u); !errors.Is(err, friends.ErrNoPresence) {
			t.Errorf("offline: %v", err)
		}
		robin.online("Online")
		if err := w.friends.UpdatePresence(t.Context(), u); err != nil {
			t.Error(err)
		}
		if got := marian.of(robin)[0].Ext; got["from"] != "SERVICE" || got["map"] != "arena" {
			t.Errorf("presence = %v", got)
		}
		if err := w.friends.UpdatePresence(t.Context(), &friends.PresenceUpdate{SocialID: id, Basic: "Busy"}); !errors.Is(err, friends.ErrBadPresence) {
			t.Errorf("Busy: %v", err)
		}
		if got := slices.Compact(robin.told()); len(got) != 1 || got[0] != "PresenceUpdateV1Notification" {
			t.Errorf("the player was told %v", got)
		}
	})
}

func TestPluginsAreWhatTheyShouldBe(t *testing.T) {
	pragmatest.CheckPlugin[friends.PresencePlugin](t, stage{})
	pragmatest.CheckPlugin[friends.PresencePlugin](t, friends.Defaults{})
}
