package matchmaking_test

import (
	"testing"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func TestMatchableFlattensItsPlayers(t *testing.T) {
	a, b := newParty(1, 2), newParty(2, 3)
	m := matchmaking.NewMatchable(a, b)
	if got := len(m.Players()); got != 5 || m.PlayerCount() != 5 {
		t.Errorf("len(Players()) = %d, PlayerCount() = %d, want 5", got, m.PlayerCount())
	}
	if got := m.FindPlayer(b.Players[2].ID); got != b.Players[2] {
		t.Errorf("FindPlayer = %v, want the last player", got)
	}
	if got := m.FindPlayer(pragma.PlayerID{15: 1}); got != nil {
		t.Errorf("FindPlayer of a stranger = %v, want nil", got)
	}
	if m.ID() != a.TicketID || !m.EnteredAt().Equal(a.EnteredAt) {
		t.Errorf("ID %v entered %v, want those of the first party", m.ID(), m.EnteredAt())
	}
}

func TestAnEmptyMatchableHasNoID(t *testing.T) {
	var m matchmaking.Matchable
	if !m.ID().IsZero() || !m.EnteredAt().IsZero() || len(m.Players()) != 0 {
		t.Errorf("got %v, %v, %v; want nothing", m.ID(), m.EnteredAt(), m.Players())
	}
}

func TestTakePartiesFromMoves(t *testing.T) {
	parties := solos(1, 4)
	a, b := matchmaking.NewMatchable(parties[2]), matchmaking.NewMatchable(parties[0], parties[1], parties[3])
	before := b.Parties()
	if err := a.TakePartiesFrom(b, []*matchmaking.Party{parties[1], parties[0]}); err != nil {
		t.Fatal(err)
	}
	if got, want := names(a.Parties()), "3,2,1"; got != want {
		t.Errorf("anchor has %q, want %q", got, want)
	}
	if got, want := names(b.Parties()), "4"; got != want {
		t.Errorf("other has %q, want %q", got, want)
	}
	if got, want := names(before), "1,2,4"; got != want {
		t.Errorf("a slice that was handed out has become %q, want %q", got, want)
	}
	if got, want := a.EnteredAt(), start.Add(time.Second); !got.Equal(want) {
		t.Errorf("EnteredAt() = %v, want %v: that of the oldest", got, want)
	}
	if got := len(a.Players()); got != 3 || a.PlayerCount() != 3 || b.PlayerCount() != 1 {
		t.Errorf("len(Players()) = %d, PlayerCount() = %d and %d, want 3, 3 and 1", got, a.PlayerCount(), b.PlayerCount())
	}
}

func TestTakePartiesFromRefusesWhatIsNotThere(t *testing.T) {
	parties := solos(1, 3)
	a, b := matchmaking.NewMatchable(parties[0]), matchmaking.NewMatchable(parties[1])
	for _, c := range []struct {
		name string
		from *matchmaking.Matchable
		take []*matchmaking.Party
	}{
		{"a stranger", b, []*matchmaking.Party{parties[1], parties[2]}},
		{"its own", b, []*matchmaking.Party{parties[0]}},
		{"from itself", a, []*matchmaking.Party{parties[0]}},
		{"twice", b, []*matchmaking.Party{parties[1], parties[1]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := a.TakePartiesFrom(c.from, c.take); err == nil {
				t.Error("no error")
			}
			if len(a.Parties()) != 1 || len(b.Parties()) != 1 {
				t.Errorf("something moved: %q, %q", names(a.Parties()), names(b.Parties()))
			}
		})
	}
}

func TestResultsKeepExtsWhateverTheOrder(t *testing.T) {
	p := newParty(1, 2)
	early, late := p.Players[0], p.Players[1]
	game := new(matchmaking.NewGameInstance)
	game.SetExtBackendAddPlayer(early, ext.Of(map[string]int{"n": 1}))
	game.AddParties([]*matchmaking.Party{p}, 4)
	game.SetExtBackendAddPlayer(late, ext.Of(map[string]int{"n": 2}))
	game.AddParties([]*matchmaking.Party{p}, 5) // again: the team of all changes
	got := game.Players()
	if len(got) != 2 {
		t.Fatalf("%d players, want 2", len(got))
	}
	for i, want := range []string{`{"n":1}`, `{"n":2}`} {
		if got[i].Ext.String() != want || got[i].TeamNumber != 5 {
			t.Errorf("player %d: team %d, ext %s; want 5, %s", i, got[i].TeamNumber, got[i].Ext, want)
		}
	}
	got[0].TeamNumber = 9
	if game.Players()[0].TeamNumber != 5 {
		t.Error("Players does not return a copy")
	}
	update := new(matchmaking.GameInstanceUpdate)
	update.SetTeamByPlayers(p.Players, 2)
	update.SetExtBackendAddPlayer(early, ext.Of(map[string]int{"n": 3}))
	if got := update.Players(); len(got) != 2 || got[0].Ext.String() != `{"n":3}` || !update.MarkedToContinueMatchmaking() {
		t.Errorf("update: %+v", got)
	}
}

func TestQueueKeysAreComparedByContent(t *testing.T) {
	key := func(text, version string) matchmaking.QueueKey {
		v, err := ext.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return matchmaking.QueueKey{Ext: v, GameServerVersion: version}
	}
	for _, c := range []struct {
		name string
		a, b matchmaking.QueueKey
		same bool
	}{
		{"order of members", key(`{"a":1,"b":{"c":2,"d":3}}`, ""), key(`{"b":{"d":3,"c":2},"a":1}`, ""), true},
		{"spelling of a text", key(`{"a":"\u0041"}`, ""), key(`{"a":"A"}`, ""), true},
		{"empty and missing", key(`{}`, ""), matchmaking.QueueKey{}, true},
		{"large integers", key(`{"a":9007199254740993}`, ""), key(`{"a":9007199254740992}`, ""), false},
		{"versions", key(`{"a":1}`, "1"), key(`{"a":1}`, "2"), false},
		{"content", key(`{"a":1}`, "1"), key(`{"a":2}`, "1"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.a.Digest() == c.b.Digest(); got != c.same {
				t.Errorf("equal: %v, want %v", got, c.same)
			}
		})
	}
	name := matchmaking.Defaults{}.GetQueueName(t.Context(), &matchmaking.GetQueueNameRequest{QueueKey: key(`{"a":1}`, "")})
	if len(name) != 12 {
		t.Errorf("default queue name %q has %d characters, want 12", name, len(name))
	}
}
