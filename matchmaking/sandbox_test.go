package matchmaking_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// A sandbox tries a plugin step by step, without a server and without a clock.
func ExampleSandbox() {
	ctx, now := context.Background(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	box := &matchmaking.Sandbox{Pool: arenas{}}
	for i, points := range []int{100, 150, 104} {
		party := &matchmaking.Party{
			TicketID:  pragma.TicketID{byte(i)},
			Players:   []*matchmaking.Player{{ID: pragma.PlayerID{byte(i)}}},
			Ext:       ext.Of(rank{Rank: points}),
			EnteredAt: now.Add(time.Duration(i) * time.Second),
		}
		if _, err := box.Enter(ctx, party, now); err != nil {
			panic(err)
		}
	}
	out, err := box.Pass(ctx, now.Add(time.Minute), true)
	if err != nil {
		panic(err)
	}
	for _, m := range out.Matches {
		fmt.Println("player", m.Players[0].Player.ID[0], "against", m.Players[1].Player.ID[0])
	}
	fmt.Println(box.Waiting(), "waits")
	// Output:
	// player 0 against 2
	// 1 waits
}

// played writes the matches of a pass as "1,2 3,4".
func played(t *testing.T, out *matchmaking.Outcome) string {
	t.Helper()
	var texts []string
	for _, m := range out.Matches {
		texts = append(texts, names(m.Parties))
		players := 0
		for _, p := range m.Parties {
			players += len(p.Players)
		}
		if players != len(m.Players) {
			t.Errorf("a match of %d players has %d", players, len(m.Players))
		}
	}
	return strings.Join(texts, " ")
}

func enterAll(t *testing.T, box *matchmaking.Sandbox, parties ...*matchmaking.Party) {
	t.Helper()
	for _, p := range parties {
		if _, err := box.Enter(t.Context(), p, p.EnteredAt); err != nil {
			t.Fatal(err)
		}
	}
}

func passOf(t *testing.T, box *matchmaking.Sandbox, full bool) *matchmaking.Outcome {
	t.Helper()
	out, err := box.Pass(t.Context(), start.Add(time.Hour), full)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// duels is a documented plugin that brings any two together.
type duels struct {
	matchmaking.Defaults
	initialize, fail error
	alone            bool // a party gets a game of its own at once
}

func (d duels) Initialize(_ context.Context, r *matchmaking.InitializeRequest) (*matchmaking.NewGameInstance, error) {
	if !d.alone {
		return nil, d.initialize
	}
	game := new(matchmaking.NewGameInstance)
	game.AddParties(r.Matchable.Parties(), 0)
	return game, nil
}

func (d duels) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	game := new(matchmaking.NewGameInstance)
	game.AddParties(r.Anchor.Parties(), 0)
	game.AddParties(r.Other.Parties(), 1)
	return game, d.fail
}

func TestASandboxRunsBothKindsOfPlugins(t *testing.T) {
	for name, box := range map[string]*matchmaking.Sandbox{
		"Plugin": {Plugin: duels{}}, "Pool": {Pool: &pairs{}},
	} {
		t.Run(name, func(t *testing.T) {
			enterAll(t, box, solos(1, 3)...)
			if !box.Fresh() || box.Waiting() != 3 {
				t.Errorf("fresh %v, %d wait; want true, 3", box.Fresh(), box.Waiting())
			}
			if got := played(t, passOf(t, box, false)); got != "1,2" {
				t.Errorf("matches %q, want 1,2", got)
			}
			if box.Fresh() || box.Waiting() != 1 {
				t.Errorf("fresh %v, %d wait; want false, 1", box.Fresh(), box.Waiting())
			}
			four, five := newParty(4, 2), newParty(5, 1)
			enterAll(t, box, four, five)
			if !box.Leave(four) || box.Leave(four) {
				t.Error("party 4 does not leave once, before the pass")
			}
			if got := played(t, passOf(t, box, true)); got != "3,5" {
				t.Errorf("matches %q, want 3,5", got)
			}
			six := newParty(6, 1)
			enterAll(t, box, six)
			passOf(t, box, true)
			if !box.Leave(six) || box.Waiting() != 0 {
				t.Errorf("%d wait after the last has left", box.Waiting())
			}
			enterAll(t, box, newParty(7, 1))
			if out := passOf(t, box, true); len(out.Matches)+len(out.Errors) > 0 {
				t.Errorf("outcome %+v, want nothing: party 6 has left", out)
			}
		})
	}
}

func TestASandboxRefusesWhatAServiceWould(t *testing.T) {
	ctx := t.Context()
	enter := func(box *matchmaking.Sandbox, p *matchmaking.Party) error {
		_, err := box.Enter(ctx, p, start)
		return err
	}
	both := &matchmaking.Sandbox{Plugin: duels{}, Pool: &pairs{}}
	if _, err := both.Pass(ctx, start, true); err == nil || enter(both, newParty(1, 1)) == nil || both.EnterGame(&matchmaking.GameInstance{}) == nil {
		t.Error("a sandbox with two plugins works")
	}
	box := &matchmaking.Sandbox{Plugin: duels{initialize: errGamble}}
	if err := enter(box, newParty(1, 1)); !errors.Is(err, errGamble) || box.Waiting() != 0 {
		t.Errorf("Enter() = %v, want the error of Initialize", err)
	}
	box = &matchmaking.Sandbox{Pool: &pairs{refuse: matchmaking.ErrPartyTooBig}}
	if err := enter(box, newParty(1, 1)); !errors.Is(err, matchmaking.ErrPartyTooBig) || box.Waiting() != 0 {
		t.Errorf("Enter() = %v, want the error of Describe", err)
	}
	box = &matchmaking.Sandbox{}
	if err := errors.Join(enter(box, newParty(1, 1)), enter(box, newParty(2, 1))); err != nil {
		t.Error(err)
	}
	if enter(box, newParty(2, 1)) == nil {
		t.Error("a ticket enters twice")
	}
	if enter(box, newParty(3, 0)) == nil {
		t.Error("a party without players enters")
	}
	if out := passOf(t, box, true); len(out.Matches) > 0 {
		t.Errorf("the default plugin makes matches: %v", out.Matches)
	}
}

func TestHooksThatFailInASandbox(t *testing.T) {
	box := &matchmaking.Sandbox{Plugin: duels{fail: errGamble}}
	enterAll(t, box, solos(1, 3)...)
	out := passOf(t, box, true)
	if len(out.Errors) != 2 || names(out.Failed) != "1,2" || box.Waiting() != 1 {
		t.Errorf("errors %v, failed %s, %d wait; want two anchors lost", out.Errors, names(out.Failed), box.Waiting())
	}
	p := &pairs{propose: func(context.Context, *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) { panic("bad mood") }}
	box = &matchmaking.Sandbox{Pool: p}
	enterAll(t, box, solos(1, 2)...)
	if out := passOf(t, box, true); len(out.Errors) != 1 || box.Waiting() != 2 {
		t.Errorf("errors %v, %d wait; want one, and both wait on", out.Errors, box.Waiting())
	}
	p.propose = func(_ context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
		return append(pair(r.View.Parties()), pair(r.View.Parties())...), nil
	}
	if out := passOf(t, box, true); len(out.Errors) != 1 || !errors.Is(out.Errors[0], matchmaking.ErrProposed) || played(t, out) != "1,2" {
		t.Errorf("errors %v, matches %s; want the second proposal refused", out.Errors, played(t, out))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errGamble)
	if _, err := box.Pass(ctx, start, true); !errors.Is(err, errGamble) {
		t.Errorf("Pass() = %v, want the cause of the context", err)
	}
}

func TestAGameAtOnceInASandbox(t *testing.T) {
	box := &matchmaking.Sandbox{Plugin: duels{alone: true}}
	m, err := box.Enter(t.Context(), newParty(1, 2), start)
	if err != nil || m == nil || len(m.Players) != 2 || box.Waiting() != 0 {
		t.Errorf("Enter() = %+v, %v; want a match at once", m, err)
	}
}

func TestGamesInASandboxChangeWithThoseWhoJoin(t *testing.T) {
	stop := false
	p := &pairs{propose: func(_ context.Context, r *matchmaking.ProposeRequest) (proposals []matchmaking.Proposal, _ error) {
		all := r.View.Parties()
		for i, g := range r.View.Games()[:min(len(r.View.Games()), len(all))] {
			u := new(matchmaking.GameInstanceUpdate)
			u.AddParties(all[i:i+1], 7)
			if stop {
				u.StopMatchmaking()
			}
			proposals = append(proposals, matchmaking.Proposal{Game: g, Update: u, Quality: 0.5})
		}
		return proposals, nil
	}}
	box := &matchmaking.Sandbox{Pool: p}
	game := &matchmaking.GameInstance{ID: pragma.GameInstanceID{1}, GameServerZone: "eu", EnteredAt: start}
	if err := errors.Join(box.EnterGame(game)); err != nil {
		t.Fatal(err)
	}
	if box.EnterGame(&matchmaking.GameInstance{ID: game.ID}) == nil {
		t.Error("a game enters twice")
	}
	one := newParty(1, 2)
	one.Players[0].Ext = ext.Of(m{"mmr": 5})
	enterAll(t, box, one)
	out := passOf(t, box, false)
	if len(out.Matches) != 1 || out.Matches[0].Game != game || out.Matches[0].Zone != "eu" || out.Matches[0].Quality != 0.5 {
		t.Fatalf("matches %+v, want one party in the game", out.Matches)
	}
	games := box.Games()
	if len(games) != 1 || len(games[0].Players) != 2 || games[0].Players[0].TeamNumber != 7 || games[0].Players[0].Ext.String() != `{"mmr":5}` ||
		len(games[0].Parties) != 1 || len(game.Players) != 0 || !box.Fresh() {
		t.Errorf("games %+v, want the one with its new players", games)
	}
	stop = true
	enterAll(t, box, newParty(2, 1))
	if out := passOf(t, box, false); len(out.Matches) != 1 || len(box.Games()) != 0 {
		t.Errorf("matches %+v, games %v; want a join that ends the waiting", out.Matches, box.Games())
	}
}

func TestNewGamesWaitOnInASandboxIfTheyShall(t *testing.T) {
	key := matchmaking.QueueKey{Ext: ext.Of(m{"a": 1})}
	for name, c := range map[string]struct {
		key  matchmaking.QueueKey
		want int
	}{"in this queue": {key, 1}, "in another": {matchmaking.QueueKey{}, 0}} {
		t.Run(name, func(t *testing.T) {
			p := &pairs{propose: func(_ context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
				proposals := pair(r.View.Parties())
				for _, proposal := range proposals {
					proposal.New.ContinueMatchmaking(c.key)
				}
				return proposals, nil
			}}
			box := &matchmaking.Sandbox{Pool: p, Key: key}
			enterAll(t, box, solos(1, 2)...)
			passOf(t, box, false)
			if games := box.Games(); len(games) != c.want || c.want == 1 && len(games[0].Players) != 2 {
				t.Errorf("games %+v, want %d", games, c.want)
			}
		})
	}
}
