package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestDemoTellsItsStory(t *testing.T) {
	var out strings.Builder
	if err := demo(t.Context(), database(t), &out); err != nil {
		t.Fatal(err)
	}
	want := `robin wants chess: LOBBY_UNKNOWN_MODE
marian accepts the invite: 2 players, {"mode":"siege","seats":4}
marian wants a duel: PartyService_PlayerNotLeader
robin wants a duel: {"mode":"duel","seats":2}
robin chooses the knight: LOBBY_CHARACTER_NOT_OWNED
robin chooses the hat: LOBBY_CHARACTER_NOT_OWNED
robin chooses the archer: done
marian chooses the archer: LOBBY_CHARACTER_TAKEN
marian is ready without a character: false
marian sees of robin: {"character":"archer"}
marian sees of marian: {"character":"knight"}
marian sees of herself alone: {"perk":"iron will"}
the party waits for a game: true
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// world is a backend in memory.
type world struct {
	*pragmatest.World
	backend *backend
}

func run(t *testing.T, fn func(w *world)) {
	t.Helper()
	w := &world{}
	build := func() *pragma.Server {
		b, err := newBackend()
		if err != nil {
			t.Fatal(err)
		}
		b.games.Plugin = arena{}
		w.backend = b
		return b.Server
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(w)
	})
}

// arena needs no game server: the game is over when the first player leaves.
type arena struct{ gameinstance.Defaults }

func (arena) HandleBackendCreateByMatchmakingRequest(context.Context, *gameinstance.BackendCreateByMatchmakingRequest) error {
	return nil
}

func (arena) HandlePlayerLeaveRequest(_ context.Context, r *gameinstance.PlayerLeaveRequest) error {
	results := make(map[pragma.PlayerID]ext.Value)
	for _, p := range r.GameInstance.Players() {
		results[p.ID()] = ext.Value{}
	}
	r.GameInstance.End(results)
	return nil
}

// check fails the test on an error.
func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// pair is a party of two with their characters, ready.
func (w *world) pair(leader, other string) (a, b *client.Player) {
	w.T.Helper()
	ctx := w.T.Context()
	a, b = w.LogIn(leader), w.LogIn(other)
	check(w.T, w.backend.grant(ctx, a.ID(), "archer"), w.backend.grant(ctx, b.ID(), "knight", "hat"))
	made, err := a.Party.Create(ctx, client.CreateParty{})
	check(w.T, err)
	_, err = b.Party.JoinWithInviteCode(ctx, made.InviteCode, ext.Value{})
	check(w.T, err)
	for _, c := range []struct {
		*client.Player
		Choose
	}{{a, Choose{"archer", "of " + leader}}, {b, Choose{"knight", "of " + other}}} {
		_, chosen := c.Party.UpdatePlayer(ctx, ext.Of(c.Choose))
		_, ready := c.Party.SetReady(ctx, true)
		check(w.T, chosen, ready)
	}
	return a, b
}

// wait waits until a player's state is as it should be.
func (w *world) wait(p *client.Player, met func(client.State) bool) client.State {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), time.Minute)
	defer cancel()
	s, err := p.Wait(ctx, met)
	check(w.T, err)
	return s
}

func TestTheSnapshotFollowsTheInventoryAfterAGame(t *testing.T) {
	run(t, func(w *world) {
		ctx := w.T.Context()
		robin, marian := w.pair("robin", "marian")
		tuck, will := w.pair("tuck", "will")
		all := []*client.Player{robin, marian, tuck, will}
		check(w.T, w.backend.grant(ctx, robin.ID(), "knight"))
		if _, err := robin.Party.UpdatePlayer(ctx, ext.Of(Choose{Character: "knight"})); !errors.Is(err, errNotMine) {
			t.Errorf("a character that was bought after the join: %v, want %v: the snapshot is of the join", err, errNotMine)
		}
		for _, p := range []*client.Player{robin, tuck} {
			_, err := p.Party.EnterMatchmaking(ctx)
			check(w.T, err)
		}
		for _, p := range all {
			w.wait(p, func(s client.State) bool { return len(s.Games) == 1 })
		}
		owned, err := w.backend.items.Read(ctx, marian.ID())
		check(w.T, err)
		for _, i := range owned.Player.Instanced { // marian loses all she has
			_, err := w.backend.items.Apply(ctx, marian.ID(), &inventory.Operations{InstancedDestroys: []inventory.InstanceID{i.InstanceID}})
			check(w.T, err)
		}
		check(w.T, tuck.Games.Leave(ctx, tuck.State().Games[0].ID, ext.Value{}))
		for _, p := range all {
			w.wait(p, func(s client.State) bool { return len(s.Games) == 0 && !s.Party.Members[0].Ready })
		}
		back := w.wait(marian, func(s client.State) bool { return true })
		me, _ := back.Party.Member(marian.ID())
		if got := me.Ext.String(); got != `{"character":""}` {
			t.Errorf("marian lost her knight and plays %s", got)
		}
		if _, err := robin.Party.UpdatePlayer(ctx, ext.Of(Choose{Character: "knight"})); err != nil {
			t.Errorf("the knight that robin bought before the game: %v", err)
		}
		if _, err := marian.Party.UpdatePlayer(ctx, ext.Of(Choose{Character: "archer"})); !errors.Is(err, errNotMine) {
			t.Errorf("marian chooses what she does not own: %v, want %v", err, errNotMine)
		}
	})
}

func TestWhatIsHiddenReachesNoSocket(t *testing.T) {
	run(t, func(w *world) {
		robin, marian := w.raw("robin"), w.raw("marian")
		made := robin.Call("PartyRpc.CreateV1", m{"createRequestExt": m{"mode": "siege"}})
		code := made["party"].(m)["inviteCode"]
		answers := []m{
			made,
			marian.Call("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": code}),
			robin.Call("PartyRpc.UpdatePartyPlayerV1", m{"requestExt": m{"perk": "of robin"}}),
			marian.Call("PartyRpc.UpdatePartyPlayerV1", m{"requestExt": m{"perk": "of marian"}}),
			robin.Call("PartyRpc.UpdatePartyV1", m{"requestExt": m{"mode": "duel"}}),
			robin.Call("MultiplayerRpc.InitializePartyV1", m{}),
		}
		for i, c := range []*pragmatest.Raw{robin, marian} {
			own, others := []string{"of robin", "of marian"}[i], []string{"of marian", "of robin"}[i]
			var told strings.Builder
			c.Request("PlayerSessionRpc.HeartbeatV1", m{})
			for f := c.Read(); f.Notification != nil; f = c.Read() {
				fmt.Fprintln(&told, f.Notification.Payload)
			}
			if !strings.Contains(fmt.Sprint(answers)+told.String(), own) || strings.Contains(told.String(), others) {
				t.Errorf("%d: told %s; want %q and not %q", i, told.String(), own, others)
			}
			for _, hidden := range []string{"rating", "streak"} {
				if strings.Contains(told.String()+fmt.Sprint(answers), hidden) {
					t.Errorf("%s has reached a socket: %s", hidden, told.String())
				}
			}
		}
	})
}

type m = map[string]any

// raw is a player's bare socket.
func (w *world) raw(name string) *pragmatest.Raw {
	w.T.Helper()
	token, _ := w.Tokens(name)
	return w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}, token)
}

func TestInvitesNeedASeat(t *testing.T) {
	run(t, func(w *world) {
		ctx := w.T.Context()
		robin, marian := w.pair("robin", "marian")
		will := w.LogIn("will")
		if _, err := marian.Party.SendInvite(ctx, will.ID()); !errors.Is(err, party.ErrFull) {
			t.Errorf("invite to a full duel: %v, want ErrFull", err)
		}
		_, err := robin.Party.Update(ctx, ext.Of(ChooseMode{Mode: "siege"}))
		check(w.T, err)
		if _, err := marian.Party.SendInvite(ctx, will.ID()); err != nil {
			t.Errorf("invite to a siege: %v", err)
		}
		s := w.wait(will, func(s client.State) bool { return len(s.Invites) == 1 })
		_, err = will.Party.AcceptInvite(ctx, s.Invites[0].ID, ext.Value{})
		check(w.T, err)
		if _, err := robin.Party.Update(ctx, ext.Of(ChooseMode{Mode: "duel"})); !errors.Is(err, errSeats) {
			t.Errorf("a duel of three: %v, want %v", err, errSeats)
		}
		for _, p := range []*client.Player{robin, marian, will} {
			_, err := p.Party.SetReady(ctx, true)
			check(w.T, err)
		}
		if _, err := robin.Party.EnterMatchmaking(ctx); !errors.Is(err, party.ErrPlayersNotReady) {
			t.Errorf("will has no character: %v, want ErrPlayersNotReady", err)
		}
	})
}

// A plugin is tested without a server too.
func TestMatchmakingKnowsTheMeanRating(t *testing.T) {
	l := &lobby{}
	player := func(rating int) *party.Player {
		p := party.NewPlayer(party.PlayerInfo{PlayerID: pragma.NewID[pragma.PlayerID]()})
		p.SetExt(ext.Of(playerData{Rating: rating}))
		return p
	}
	p := party.NewParty(pragma.NewID[pragma.PartyID](), player(1000), player(1500))
	got, err := l.BuildExtMatchmakingParty(t.Context(), &party.BuildExtMatchmakingPartyRequest{Party: p})
	if want := `{"rating":1250}`; got.String() != want || err != nil {
		t.Errorf("BuildExtMatchmakingParty = %s, %v, want %s", got, err, want)
	}
}

func TestNoHookIsMisspelt(t *testing.T) {
	pragmatest.CheckPlugin[party.Plugin](t, &lobby{})
}

// database returns the configuration files of the store that tests are run on.
func database(t *testing.T) []string {
	config := pragmatest.DatabaseConfig(t)
	if config == "" {
		return nil
	}
	file := filepath.Join(t.TempDir(), "database.yml")
	if err := os.WriteFile(file, []byte("core: {databaseConfig: "+config+"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{file}
}
