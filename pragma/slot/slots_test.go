package slot_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/slot"
)

var (
	partyA  = id[pragma.PartyID]("aaaaaaaa-0000-4000-8000-000000000001")
	partyB  = id[pragma.PartyID]("aaaaaaaa-0000-4000-8000-000000000002")
	ticketA = id[pragma.TicketID]("bbbbbbbb-0000-4000-8000-000000000001")
	gameA   = id[pragma.GameInstanceID]("cccccccc-0000-4000-8000-000000000001")
	gameB   = id[pragma.GameInstanceID]("cccccccc-0000-4000-8000-000000000002")
	gameC   = id[pragma.GameInstanceID]("cccccccc-0000-4000-8000-000000000003")
)

func id[I ~[16]byte](text string) I {
	parsed, err := pragma.ParseID[I](text)
	if err != nil {
		panic(err)
	}
	return parsed
}

const flag = "00000000-0000-0000-0000-000000000001"

func TestChangesAreToldAsSessionAttributes(t *testing.T) {
	steps := []struct {
		name string
		edit func(p *slot.Player)
		want string // empty: nothing is told
	}{
		{"a party is joined", func(p *slot.Player) { p.PartyID = partyA }, fmt.Sprintf("v2 map[2:%s] removed[]", partyA)},
		{"nothing changes", func(p *slot.Player) { p.PartyID = partyA }, ""},
		{"another party is joined", func(p *slot.Player) { p.PartyID = partyB }, fmt.Sprintf("v3 map[2:%s] removed[]", partyB)},
		{"matchmaking is entered", func(p *slot.Player) { p.TicketID = ticketA }, fmt.Sprintf("v4 map[3:%s] removed[]", ticketA)},
		{"a match is found", func(p *slot.Player) { p.JoinGame(gameA, true) }, fmt.Sprintf("v5 map[1:%s 4:%s] removed[3]", flag, gameA)},
		{"the game is over", func(p *slot.Player) { p.LeaveGame(gameA) }, "v6 map[] removed[4 1]"},
		{"a game without a queue", func(p *slot.Player) { p.JoinGame(gameA, true) }, fmt.Sprintf("v7 map[1:%s 4:%s] removed[3]", flag, gameA)},
		{"a second game", func(p *slot.Player) { p.JoinGame(gameB, false) }, fmt.Sprintf("v8 map[4:%s] removed[1 3]", gameB)},
		{"the second is over", func(p *slot.Player) { p.LeaveGame(gameB) }, fmt.Sprintf("v9 map[4:%s] removed[]", gameA)},
		{"the wrong game is left", func(p *slot.Player) { p.LeaveGame(gameB) }, ""},
		{"a second game to come back to", func(p *slot.Player) { p.JoinGame(gameB, true) }, fmt.Sprintf("v10 map[1:%s 4:%s] removed[3]", flag, gameB)},
		{"a third game", func(p *slot.Player) { p.JoinGame(gameC, true) }, fmt.Sprintf("v11 map[1:%s 4:%s] removed[3]", flag, gameC)},
		{"the first is over", func(p *slot.Player) { p.LeaveGame(gameA) }, ""},
		{"the third is over", func(p *slot.Player) { p.LeaveGame(gameC) }, fmt.Sprintf("v12 map[1:%s 4:%s] removed[]", flag, gameB)},
		{"everything is over", func(p *slot.Player) { p.LeaveGame(gameB); p.PartyID = pragma.PartyID{} }, "v13 map[] removed[4 1 2]"},
	}
	run(t, func(w *pragmatest.World, v *mover) {
		robin := connect(w, "robin")
		for _, step := range steps {
			err := v.move(w.T, func(tx *entity.Tx) error {
				p, err := v.slots.Edit(tx, robin.id)
				if err == nil {
					step.edit(p)
				}
				return err
			})
			if err != nil {
				w.T.Fatalf("%s: %v", step.name, err)
			}
			var want []string
			if step.want != "" {
				want = []string{"SessionChanged " + step.want}
			}
			if diff := cmp.Diff(want, robin.notified()); diff != "" {
				w.T.Errorf("%s: notifications (-want +got):\n%s", step.name, diff)
			}
		}
	})
}

func TestOneCommitTellsEachPlayerOnce(t *testing.T) {
	run(t, func(w *pragmatest.World, v *mover) {
		robin, marian := connect(w, "robin"), connect(w, "marian")
		err := v.move(w.T, func(tx *entity.Tx) error {
			for _, id := range []pragma.PlayerID{robin.id, marian.id, robin.id} {
				p, err := v.slots.Edit(tx, id)
				if err != nil {
					return err
				}
				p.PartyID = partyA
			}
			tx.BeforeCommit("late", func() error {
				p, err := v.slots.Edit(tx, robin.id)
				p.TicketID = ticketA
				return err
			})
			return nil
		})
		if err != nil {
			w.T.Fatal(err)
		}
		if diff := cmp.Diff([]string{fmt.Sprintf("SessionChanged v2 map[2:%s 3:%s] removed[]", partyA, ticketA)}, robin.notified()); diff != "" {
			w.T.Errorf("robin (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{fmt.Sprintf("SessionChanged v2 map[2:%s] removed[]", partyA)}, marian.notified()); diff != "" {
			w.T.Errorf("marian (-want +got):\n%s", diff)
		}
	})
}

func TestAChangeThatIsTakenBackIsNotTold(t *testing.T) {
	run(t, func(w *pragmatest.World, v *mover) {
		robin := connect(w, "robin")
		err := v.move(w.T, func(tx *entity.Tx) error {
			p, err := v.slots.Edit(tx, robin.id)
			if err != nil {
				return err
			}
			p.PartyID = partyA
			p.PartyID = pragma.PartyID{}
			return nil
		})
		if err != nil {
			w.T.Fatal(err)
		}
		if got := robin.notified(); got != nil {
			w.T.Errorf("notifications = %v, want none", got)
		}
		if got, err := v.slots.Read(w.T.Context(), robin.id); err != nil || got.Version != 0 {
			w.T.Errorf("Read = version %d, %v; want an untouched slot", got.Version, err)
		}
	})
}

func TestAnnounceChoosesThePlace(t *testing.T) {
	changed := fmt.Sprintf("SessionChanged v2 map[2:%s] removed[]", partyA)
	tests := []struct {
		name  string
		steps func(v *mover, tx *entity.Tx, edit, mark func(), id pragma.PlayerID)
		want  []string
	}{
		{"where Edit was called first", func(_ *mover, _ *entity.Tx, edit, mark func(), _ pragma.PlayerID) {
			mark()
			edit()
			mark()
			edit()
		}, []string{"Mark", changed, "Mark"}},
		{"where it was announced after an edit", func(v *mover, tx *entity.Tx, edit, mark func(), id pragma.PlayerID) {
			edit()
			mark()
			v.slots.Announce(tx, id)
			mark()
			v.slots.Announce(tx, id)
		}, []string{"Mark", changed, "Mark"}},
		{"where it was announced before an edit", func(v *mover, tx *entity.Tx, edit, mark func(), id pragma.PlayerID) {
			v.slots.Announce(tx, id)
			mark()
			edit()
		}, []string{changed, "Mark"}},
		{"nowhere if nothing was edited", func(v *mover, tx *entity.Tx, _, mark func(), id pragma.PlayerID) {
			v.slots.Announce(tx, id)
			mark()
		}, []string{"Mark"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(w *pragmatest.World, v *mover) {
				robin := connect(w, "robin")
				err := v.move(w.T, func(tx *entity.Tx) (err error) {
					edit := func() {
						p, e := v.slots.Edit(tx, robin.id)
						p.PartyID, err = partyA, errors.Join(err, e)
					}
					mark := func() { tx.NotifyPlayers(v.note.Of(&struct{}{}), robin.id) }
					tt.steps(v, tx, edit, mark, robin.id)
					return err
				})
				if err != nil {
					w.T.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, robin.notified()); diff != "" {
					w.T.Errorf("notifications (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAPlayerWhoConnectsIsToldEverything(t *testing.T) {
	run(t, func(w *pragmatest.World, v *mover) {
		robin := connect(w, "robin")
		if got := robin.notified(); got != nil {
			w.T.Fatalf("a player who is nowhere was told %v", got)
		}
		err := v.move(w.T, func(tx *entity.Tx) error {
			p, err := v.slots.Edit(tx, robin.id)
			p.PartyID = partyA
			p.JoinGame(gameA, true)
			return err
		})
		if err != nil {
			w.T.Fatal(err)
		}
		robin.Cut()
		w.Restart()
		robin.Raw = dial(w, robin.token)
		want := []string{fmt.Sprintf("SessionChanged v2 map[1:%s 2:%s 4:%s] removed[]", flag, partyA, gameA)}
		if diff := cmp.Diff(want, robin.notified()); diff != "" {
			w.T.Errorf("notifications (-want +got):\n%s", diff)
		}
	})
}

func TestAPlayerIsTakenByOneOfManyCommits(t *testing.T) {
	errTaken := errors.New("taken")
	run(t, func(w *pragmatest.World, v *mover) {
		robin := pragma.NewID[pragma.PlayerID]()
		results := make(chan error, 20)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				results <- v.kind.Upsert(w.T.Context(), fmt.Sprint("party", i), func(tx *entity.Tx, s *struct{ N int }) error {
					p, err := v.slots.Edit(tx, robin)
					if err != nil {
						return err
					}
					if !p.PartyID.IsZero() {
						return errTaken
					}
					s.N, p.PartyID = 1, partyA
					return nil
				})
			})
		}
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, errTaken) && !errors.Is(err, pragma.ErrUnavailable):
				w.T.Error(err)
			}
		}
		got, err := v.slots.Read(w.T.Context(), robin)
		if err != nil || won != 1 {
			w.T.Fatalf("%d commits took the player, want 1; %v", won, err)
		}
		want := slot.Player{PartyID: partyA, Version: 2}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(slot.Player{})); diff != "" {
			w.T.Errorf("slot (-want +got):\n%s", diff)
		}
	})
}

func TestManyGamesAreOffUnlessAllowed(t *testing.T) {
	run(t, func(w *pragmatest.World, v *mover) {
		if v.slots.ManyGames() {
			w.T.Error("ManyGames() = true, want false")
		}
		v.slots.AllowManyGames(func() bool { return true })
		if !v.slots.ManyGames() {
			w.T.Error("ManyGames() = false after it was allowed")
		}
	})
}
