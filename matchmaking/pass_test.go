package matchmaking_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma/ext"
)

// script is a plugin made of functions; it writes down how it is called.
type script struct {
	matchmaking.Defaults
	calls []string
	match func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error)
	game  func(r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error)
	end   func(r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error)
}

func (s *script) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	s.calls = append(s.calls, names(r.Anchor.Parties())+"-"+names(r.Other.Parties()))
	if s.match == nil {
		return nil, nil
	}
	return s.match(r)
}

func (s *script) MatchPartiesWithGame(_ context.Context, r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	s.calls = append(s.calls, fmt.Sprintf("%s-game%d", names(r.Anchor.Parties()), r.Game.ID[0]))
	if s.game == nil {
		return nil, nil
	}
	return s.game(r)
}

func (s *script) EndOfLoop(_ context.Context, r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
	s.calls = append(s.calls, names(r.Anchor.Parties())+" end")
	if s.end == nil {
		return nil, nil
	}
	return s.end(r)
}

func (s *script) took() []string {
	calls := s.calls
	s.calls = nil
	return calls
}

// gameOf returns a game of whole parties, the n-th on team n.
func gameOf(parties ...[]*matchmaking.Party) *matchmaking.NewGameInstance {
	g := new(matchmaking.NewGameInstance)
	for team, p := range parties {
		g.AddParties(p, int64(team))
	}
	return g
}

func TestEveryAnchorMeetsAllOthersAndThenTheEnd(t *testing.T) {
	s := &script{}
	p := matchmaking.NewPool(s)
	p.Add(newParty(3, 1), newParty(1, 1), newParty(2, 1)) // not in order
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{9}})
	if !p.Full() {
		t.Error("the pass did not come to its end")
	}
	want := []string{
		"1-2", "1-3", "1-game9", "1 end",
		"2-1", "2-3", "2-game9", "2 end",
		"3-1", "3-2", "3-game9", "3 end",
	}
	if diff := cmp.Diff(want, s.took()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestMovedPartiesStayMoved(t *testing.T) {
	s := &script{match: func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
		if len(r.Anchor.Parties())+len(r.Other.Parties()) > 3 {
			return nil, nil
		}
		r.Anchor.SetExt(ext.Of(map[string]int{"parties": len(r.Anchor.Parties()) + 1}))
		return nil, r.Anchor.TakePartiesFrom(r.Other, r.Other.Parties())
	}}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 5)...)
	p.Full()
	if got, want := waiting(p), "1,2,3 4,5"; got != want {
		t.Errorf("waiting %q, want %q", got, want)
	}
	s.took()
	p.Full()
	if diff := cmp.Diff([]string{"1,2,3-4,5", "1,2,3 end", "4,5-1,2,3"}, s.took()[:3]); diff != "" {
		t.Errorf("calls of the second pass (-want +got):\n%s", diff)
	}
}

func TestAGameTakesItsPartiesAndLeavesTheRest(t *testing.T) {
	s := &script{}
	s.match = func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
		if len(r.Anchor.Parties()) < 2 {
			return nil, r.Anchor.TakePartiesFrom(r.Other, r.Other.Parties())
		}
		return gameOf(r.Anchor.Parties()[1:], r.Other.Parties()), nil // without the first
	}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 3)...)
	p.Full()
	if got, want := started(p.Started), "2,3"; got != want {
		t.Errorf("started %q, want %q", got, want)
	}
	if got, want := waiting(p), "1"; got != want {
		t.Errorf("waiting %q, want %q", got, want)
	}
	if got := p.Started[0].Players; got[0].TeamNumber != 0 || got[1].TeamNumber != 1 {
		t.Errorf("teams %d and %d, want 0 and 1", got[0].TeamNumber, got[1].TeamNumber)
	}
}

func TestAGameCanBeMadeAtTheEndOfTheLoop(t *testing.T) {
	s := &script{end: func(r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
		return gameOf(r.Anchor.Parties()), nil
	}}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 2)...)
	p.Full()
	if got, want := started(p.Started), "1 2"; got != want || p.Len() != 0 {
		t.Errorf("started %q, want %q; waiting %q", got, want, waiting(p))
	}
}

func TestAFailingHookCostsTheAnchorItsPlace(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		fail func() error
	}{
		{"error", func() error { return broken }},
		{"panic", func() error { panic("at the disco") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{match: func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
				if number(r.Anchor.Parties()[0]) != 1 {
					return nil, nil
				}
				r.Other.SetExt(ext.Of(map[string]bool{"spoilt": true}))
				if err := r.Anchor.TakePartiesFrom(r.Other, r.Other.Parties()); err != nil {
					t.Error(err)
				}
				return nil, c.fail()
			}}
			var notes []ext.Value
			s.end = func(r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
				notes = append(notes, r.Anchor.Ext())
				return nil, nil
			}
			p := matchmaking.NewPool(s)
			p.Add(solos(1, 3)...)
			p.Full()
			if got, want := names(p.Failed), "1"; got != want {
				t.Errorf("failed %q, want %q", got, want)
			}
			if got, want := waiting(p), "2 3"; got != want {
				t.Errorf("waiting %q, want %q: what the hook moved stays where it was", got, want)
			}
			for _, v := range notes {
				if !v.IsEmpty() {
					t.Errorf("notes of the failed call stay: %v", v)
				}
			}
			if len(p.Errors) != 1 || c.name == "error" && !errors.Is(p.Errors[0], broken) {
				t.Errorf("errors %v, want one", p.Errors)
			}
		})
	}
}

func TestAFailingHookForAGameTakesBothOut(t *testing.T) {
	s := &script{game: func(r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
		if r.Game.ID[0] == 8 {
			return nil, errors.New("broken")
		}
		return nil, nil
	}}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 2)...)
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{8}})
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{9}})
	p.Full()
	if got, want := names(p.Failed), "1"; got != want || len(p.Dropped) != 1 || len(p.Games()) != 1 {
		t.Errorf("failed %q, want %q; dropped %d games, %d left", got, want, len(p.Dropped), len(p.Games()))
	}
}

func TestPartiesJoinARunningGame(t *testing.T) {
	s := &script{game: func(r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
		u := new(matchmaking.GameInstanceUpdate)
		u.AddParties(r.Anchor.Parties(), 1)
		u.StopMatchmaking()
		if u.MarkedToContinueMatchmaking() {
			t.Error("marked to continue after StopMatchmaking")
		}
		return u, nil
	}}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 2)...)
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{8}})
	p.Full()
	if got, want := started(p.Joined), "1"; got != want || p.Len() != 1 || len(p.Games()) != 0 {
		t.Errorf("joined %q, want %q, and the game gone until that is committed; waiting %q", got, want, waiting(p))
	}
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{8}})
	p.News()
	if got, want := started(p.Joined), "1 2"; got != want || p.Len() != 0 {
		t.Errorf("joined %q, want %q; waiting %q", got, want, waiting(p))
	}
}

func TestAGameThatIsNewOrHasChangedIsShownToAll(t *testing.T) {
	s := &script{}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 5)...)
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{8}})
	p.Full()
	s.took()
	p.News()
	if got := s.took(); got != nil {
		t.Errorf("nothing is new, but the plugin was asked %v", got)
	}
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{9}})
	p.Add(newParty(6, 1))
	p.News()
	want := []string{"1-6", "1-game9", "2-6", "2-game9", "3-6", "3-game9", "4-6", "4-game9", "5-6", "5-game9",
		"6-1", "6-2", "6-3", "6-4", "6-5", "6-game8", "6-game9", "6 end"}
	if diff := cmp.Diff(want, s.took()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestWhatAGameDoesNotTakeMeetsTheNextGameAtOnce(t *testing.T) {
	s := &script{game: func(r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
		u := new(matchmaking.GameInstanceUpdate)
		u.AddParties(r.Anchor.Parties()[:1], 0)
		return u, nil
	}, match: func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
		return nil, r.Anchor.TakePartiesFrom(r.Other, r.Other.Parties())
	}}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 3)...)
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{8}})
	p.AddGame(&matchmaking.GameInstance{ID: [16]byte{9}})
	p.Full()
	if got, want := started(p.Joined), "1 2"; got != want || waiting(p) != "3" {
		t.Errorf("joined %q, want %q; waiting %q", got, want, waiting(p))
	}
}

func TestImpossibleGamesAreRefusedAndBothStay(t *testing.T) {
	stranger := newParty(99, 1)
	for _, c := range []struct {
		name string
		game func(a, b []*matchmaking.Party) *matchmaking.NewGameInstance
		want error
	}{
		{"nobody", func(_, _ []*matchmaking.Party) *matchmaking.NewGameInstance { return gameOf() }, matchmaking.ErrNobody},
		{"a stranger", func(a, b []*matchmaking.Party) *matchmaking.NewGameInstance {
			return gameOf(a, b, []*matchmaking.Party{stranger})
		}, matchmaking.ErrOutsider},
		{"a party of another matchable", func(a, _ []*matchmaking.Party) *matchmaking.NewGameInstance {
			m := matchmaking.NewMatchable(newParty(77, 1))
			return gameOf(a, m.Parties())
		}, matchmaking.ErrOutsider},
		{"a nil player", func(_, _ []*matchmaking.Party) *matchmaking.NewGameInstance {
			g := new(matchmaking.NewGameInstance)
			g.SetTeamByPlayers([]*matchmaking.Player{nil}, 1)
			return g
		}, matchmaking.ErrOutsider},
		{"a copied player", func(a, b []*matchmaking.Party) *matchmaking.NewGameInstance {
			g := gameOf(a, b)
			twin := *a[0].Players[0]
			g.SetTeamByPlayers([]*matchmaking.Player{&twin}, 1)
			return g
		}, matchmaking.ErrPlayerTwice},
		{"half a party", func(a, b []*matchmaking.Party) *matchmaking.NewGameInstance {
			g := gameOf(a)
			g.SetTeamByPlayers(b[0].Players[:1], 1)
			return g
		}, matchmaking.ErrSplit},
		{"a queue whose key has no JSON form", func(a, b []*matchmaking.Party) *matchmaking.NewGameInstance {
			g := gameOf(a, b)
			g.ContinueMatchmaking(matchmaking.QueueKey{Ext: ext.Of(func() {})})
			return g
		}, matchmaking.ErrBadKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{match: func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
				return c.game(r.Anchor.Parties(), r.Other.Parties()), nil
			}}
			p := matchmaking.NewPool(s)
			p.Add(newParty(1, 2), newParty(2, 2))
			p.Full()
			if len(p.Refused) == 0 || !errors.Is(p.Refused[0], c.want) {
				t.Errorf("refused for %v, want %v", p.Refused, c.want)
			}
			if got, want := waiting(p), "1 2"; got != want || len(p.Started) > 0 {
				t.Errorf("waiting %q, want %q; started %q", got, want, started(p.Started))
			}
		})
	}
}

func TestSettingTeamsByPlayersSplitsAPartyBetweenTeams(t *testing.T) {
	s := &script{end: func(r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
		g := gameOf(r.Anchor.Parties())
		g.SetTeamByPlayers(r.Anchor.Players()[1:], 7)
		g.SetExtBackendAddPlayer(r.Anchor.Players()[1], ext.Of(map[string]int{"seat": 2}))
		return g, nil
	}}
	p := matchmaking.NewPool(s)
	p.Add(newParty(1, 2))
	p.Full()
	if len(p.Started) != 1 {
		t.Fatalf("started %d games, want 1", len(p.Started))
	}
	got := p.Started[0].Players
	if got[0].TeamNumber != 0 || got[1].TeamNumber != 7 || got[1].Ext.String() != `{"seat":2}` {
		t.Errorf("got %+v", got)
	}
}

func TestAMatchThatCannotBeClaimedChangesNothing(t *testing.T) {
	s := &script{match: func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
		if err := r.Anchor.TakePartiesFrom(r.Other, r.Other.Parties()); err != nil {
			return nil, err
		}
		return gameOf(r.Anchor.Parties()), nil
	}}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 3)...)
	p.Refuse = func(parties []*matchmaking.Party) bool { return number(parties[0]) == 1 }
	p.Full()
	if got, want := started(p.Started), "2,1"; got != want {
		t.Errorf("started %q, want %q", got, want)
	}
	if got, want := waiting(p), "3"; got != want {
		t.Errorf("waiting %q, want %q", got, want)
	}
}

func TestAPassOutOfTimeGoesOnWithTheNextAnchor(t *testing.T) {
	s := &script{}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 3)...)
	p.Anchors = 2
	if p.Full() {
		t.Error("the first pass says it came to its end")
	}
	s.took()
	if !p.Full() {
		t.Error("the second pass did not come to its end")
	}
	if diff := cmp.Diff([]string{"3-1", "3-2", "3 end"}, s.took()); diff != "" {
		t.Errorf("calls of the second pass (-want +got):\n%s", diff)
	}
	p.Full()
	if got, want := s.took()[0], "1-2"; got != want {
		t.Errorf("the third pass begins with %q, want %q", got, want)
	}
}

func TestTheNextAnchorMayLeaveBetweenPasses(t *testing.T) {
	s := &script{}
	p := matchmaking.NewPool(s)
	parties := solos(1, 4)
	p.Add(parties...)
	p.Anchors = 1
	p.Full()
	p.Remove(parties[1])
	s.took()
	p.Full()
	if got, want := s.took()[0], "3-1"; got != want {
		t.Errorf("the second pass begins with %q, want %q", got, want)
	}
}

func TestNewPartiesMeetTheOthersAtOnce(t *testing.T) {
	s := &script{}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 3)...)
	p.News() // all are new: a full pass
	if got, want := len(s.took()), 9; got != want {
		t.Errorf("%d calls, want %d", got, want)
	}
	p.Add(newParty(4, 1))
	p.News()
	want := []string{"1-4", "2-4", "3-4", "4-1", "4-2", "4-3", "4 end"}
	if diff := cmp.Diff(want, s.took()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if p.News(); len(s.took()) > 0 {
		t.Error("a pass without news calls the plugin")
	}
}

func TestTheLastNeededPartyIsMatchedByThePassForNews(t *testing.T) {
	s := &script{match: func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
		if len(r.Other.Parties()[0].Players) != 2 {
			return nil, nil
		}
		return gameOf(r.Anchor.Parties(), r.Other.Parties()), nil
	}}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, 3)...)
	p.News()
	p.Add(newParty(4, 2))
	p.News()
	if got, want := started(p.Started), "1,4"; got != want {
		t.Errorf("started %q, want %q: the oldest comes first", got, want)
	}
}

func TestPartiesComeAndGoDuringAPass(t *testing.T) {
	s := &script{}
	p := matchmaking.NewPool(s)
	parties := solos(1, 4)
	p.Add(parties...)
	n := 0
	p.Before = func() {
		switch n++; n {
		case 3: // before the second anchor
			p.Remove(parties[1], parties[2])
			p.Add(newParty(0, 1), newParty(9, 1))
		}
	}
	p.Full()
	want := []string{"1-2", "1-3", "1-4", "1 end", "4-0", "4-1", "4-9", "4 end", "9-0", "9-1", "9-4", "9 end"}
	if diff := cmp.Diff(want, s.took()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got, want := waiting(p), "0 1 4 9"; got != want {
		t.Errorf("waiting %q, want %q", got, want)
	}
}

func TestAPluginThatAcceptsMostPairsIsCalledOncePerParty(t *testing.T) {
	const n = 10_000
	s := &script{match: func(r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
		return gameOf(r.Anchor.Parties(), r.Other.Parties()), nil
	}}
	p := matchmaking.NewPool(s)
	p.Add(solos(1, n)...)
	p.Full()
	if got := len(s.calls); got != n/2 {
		t.Errorf("%d calls for %d parties, want %d", got, n, n/2)
	}
	if got := slices.MaxFunc(p.Started, func(a, b matchmaking.Started) int { return len(a.Parties) - len(b.Parties) }); len(got.Parties) != 2 {
		t.Errorf("a game of %d parties", len(got.Parties))
	}
}
