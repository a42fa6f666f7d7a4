package party_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// within runs fn in an update of something else.
func (w *world) within(fn func(tx *entity.Tx) error) error {
	w.T.Helper()
	return w.queue.tickets.Upsert(w.T.Context(), "within", func(tx *entity.Tx, s *struct{ N int }) error {
		s.N++
		return fn(tx)
	})
}

func TestServicesMakePartiesInTheirOwnCommit(t *testing.T) {
	plugin := &recorder{}
	run(t, options{plugin: plugin}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		marian.create()
		plugin.take()
		id := pragma.NewID[pragma.PartyID]()
		label := ext.Of(m{"set": 7})
		err := w.within(func(tx *entity.Tx) error {
			err := w.parties.CreateIn(tx, &party.PartyToCreate{
				ID: id, Creator: party.PlayerToAdd{PlayerID: robin.id}, Attach: map[string]ext.Value{"sets": label},
			})
			return errors.Join(err, w.parties.AddPlayerIn(tx, id, party.PlayerToAdd{PlayerID: marian.id}))
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"InitializeParty", "OnAddPlayer CREATE", "OnRemovePlayer LEFT", "OnAddPlayer BACKEND"}, plugin.take()); diff != "" {
			t.Errorf("hooks (-want +got):\n%s", diff)
		}
		for _, p := range []*player{robin, marian} {
			if got := p.Last("PartyRpc.PartyDetailsV1Notification"); got == nil || got["party"].(m)["partyId"] != id.String() {
				t.Errorf("%s was told %v, want the party", p.name, got)
			}
		}
		got, err := w.parties.AttachedTo(w.T.Context(), id, "sets")
		if err != nil || !got.Equal(label) {
			t.Errorf("attached = %s, %v, want %s", got, err, label)
		}
		if got, err := w.parties.AttachedTo(w.T.Context(), id, "others"); err != nil || !got.IsEmpty() {
			t.Errorf("attached by others = %s, %v, want nothing", got, err)
		}
	})
}

func TestCommitOfAServiceIsRefusedAsAWhole(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin := w.player("robin")
		id := pragma.NewID[pragma.PartyID]()
		boom := errors.New("boom")
		err := w.within(func(tx *entity.Tx) error {
			return errors.Join(w.parties.CreateIn(tx, &party.PartyToCreate{ID: id, Creator: party.PlayerToAdd{PlayerID: robin.id}}), boom)
		})
		if !errors.Is(err, boom) {
			t.Fatalf("error = %v", err)
		}
		if _, err := w.parties.Party(w.T.Context(), id); !errors.Is(err, party.ErrPartyNotFound) {
			t.Errorf("party = %v, want that there is none", err)
		}
		for name, fn := range map[string]func(tx *entity.Tx) error{
			"add":   func(tx *entity.Tx) error { return w.parties.AddPlayerIn(tx, id, party.PlayerToAdd{PlayerID: robin.id}) },
			"close": func(tx *entity.Tx) error { return w.parties.CloseIn(tx, id) },
			"read":  func(tx *entity.Tx) error { _, err := w.parties.In(tx, id); return err },
		} {
			if err := w.within(fn); !errors.Is(err, party.ErrPartyNotFound) {
				t.Errorf("%s = %v, want ErrPartyNotFound", name, err)
			}
		}
		if _, err := w.parties.AttachedTo(w.T.Context(), id, "sets"); !errors.Is(err, party.ErrPartyNotFound) {
			t.Errorf("attached = %v, want ErrPartyNotFound", err)
		}
	})
}

func TestWatchersSeeEveryChangeInItsCommit(t *testing.T) {
	run(t, options{}, func(w *world) {
		var seen []string
		var refuse error
		w.parties.Watch(func(_ *entity.Tx, p *party.Party) error {
			text := fmt.Sprint(p.PlayerCount())
			if p.InMatchmaking() {
				text += " in matchmaking"
			}
			seen = append(seen, text)
			return refuse
		})
		robin, marian := w.player("robin"), w.player("marian")
		steps := []struct {
			name string
			do   func()
			want []string
		}{
			{"create", func() { robin.create() }, []string{"1"}},
			{"join", func() { marian.party("PartyRpc.JoinWithPartyIdV1", m{"partyId": w.partyOf(robin)}) }, []string{"2"}},
			{"ready", func() { robin.party("PartyRpc.SetReadyStateV1", m{"ready": true}) }, []string{"2"}},
			{"ready too", func() { marian.party("PartyRpc.SetReadyStateV1", m{"ready": true}) }, []string{"2"}},
			{"enter", func() { robin.party("PartyRpc.EnterMatchmakingV1", nil) }, []string{"2 in matchmaking"}},
			{"fail", func() { w.fail(w.entry(robin)) }, []string{"2"}},
			{"leave", func() { marian.do("PartyRpc.LeaveV1", nil) }, []string{"1"}},
			{"close", func() { robin.do("PartyRpc.LeaveV1", nil) }, []string{"0"}},
		}
		for _, step := range steps {
			seen = nil
			step.do()
			if diff := cmp.Diff(step.want, seen); diff != "" {
				t.Errorf("%s: seen (-want +got):\n%s", step.name, diff)
			}
		}
		refuse = party.ErrFull
		_, f := robin.Try("PartyRpc.CreateV1", nil)
		if f == nil || f.ServiceError.Error != "PartyService_PartyFull" {
			t.Errorf("a watcher that refuses: %v", f)
		}
		if id := w.partyOf(robin); !id.IsZero() {
			t.Errorf("the party was made all the same: %s", id)
		}
	})
}

// partyOf is the party a player is in.
func (w *world) partyOf(p *player) pragma.PartyID {
	w.T.Helper()
	id, err := w.parties.PartyOf(w.T.Context(), p.id)
	if err != nil {
		w.T.Fatal(err)
	}
	return id
}

func TestServicesTakePartiesIntoMatchmaking(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin := w.player("robin")
		robin.create()
		if err := w.parties.EnterMatchmaking(w.T.Context(), robin.id); !errors.Is(err, party.ErrPlayersNotReady) {
			t.Errorf("not ready: %v", err)
		}
		robin.party("PartyRpc.SetReadyStateV1", m{"ready": true})
		if err := w.parties.EnterMatchmaking(w.T.Context(), robin.id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := robin.Last("PartyRpc.PartyDetailsV1Notification"); got == nil || got["party"].(m)["inMatchmaking"] != true {
			t.Errorf("the leader was told %v", got)
		}
		if err := w.parties.EnterMatchmaking(w.T.Context(), robin.id); !errors.Is(err, party.ErrPlayerInMatchmaking) {
			t.Errorf("twice: %v", err)
		}
		if err := w.parties.EnterMatchmaking(w.T.Context(), pragma.NewID[pragma.PlayerID]()); !errors.Is(err, party.ErrNotInParty) {
			t.Errorf("somebody else: %v", err)
		}
	})
}

// labels attaches something in hooks.
type labels struct{ party.Defaults }

func (labels) InitializeParty(_ context.Context, r *party.InitializePartyRequest) error {
	r.Party.Attach("a", ext.Of(m{"n": 1}))
	r.Party.Attach("b", ext.Of(m{"n": 2}))
	return nil
}

func (labels) UpdateParty(_ context.Context, r *party.UpdatePartyRequest) error {
	r.Party.Attach("a", ext.Value{})
	r.Party.Attach("b", ext.Of(m{"n": 3}))
	return party.ErrFull // and so nothing happens
}

func TestAttachmentsOfARefusedHookAreDropped(t *testing.T) {
	run(t, options{plugin: labels{}}, func(w *world) {
		robin := w.player("robin")
		robin.create()
		robin.Try("PartyRpc.UpdatePartyV1", nil)
		for name, want := range map[string]string{"a": `{"n":1}`, "b": `{"n":2}`} {
			got, err := w.parties.AttachedTo(w.T.Context(), w.partyOf(robin), name)
			if err != nil || got.String() != want {
				t.Errorf("attached %s = %s, %v, want %s", name, got, err, want)
			}
		}
	})
}
