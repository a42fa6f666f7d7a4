package gameinstance_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// watcher notes what it is told.
type watcher struct {
	seen   []string
	refuse error
}

func (w *watcher) GameCreated(_ *entity.Tx, _ pragma.GameInstanceID, parties []gameinstance.MatchedParty) error {
	w.seen = append(w.seen, fmt.Sprintf("created of %d", len(parties)))
	return w.refuse
}

func (w *watcher) GameOver(_ *entity.Tx, e *gameinstance.GameOver) error {
	w.seen = append(w.seen, fmt.Sprintf("over %s %s %v of %d", e.Reason, e.TerminationReason, e.NeverBegan, len(e.Parties)))
	return w.refuse
}

func (w *watcher) BuildGameStart(_ context.Context, parties []gameinstance.MatchedParty, built ext.Value) (ext.Value, error) {
	w.seen = append(w.seen, fmt.Sprintf("start of %d", len(parties)))
	return ext.Of(m{"built": built, "more": len(parties)}), w.refuse
}

func (w *watcher) take() []string {
	seen := w.seen
	w.seen = nil
	return seen
}

func TestWatchersFollowAGame(t *testing.T) {
	see := &watcher{}
	run(t, options{service: func(s *gameinstance.Service) { s.Watch(see) }}, func(t *testing.T, w *world) {
		w.plug.start = func(*gameinstance.BuildExtGameStartRequest) (ext.Value, error) { return ext.Of(m{"map": "glade"}), nil }
		robin := w.player("robin")
		w.inParty("outlaws", robin)
		id := w.match(robin)
		server := w.allocated()
		got := server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
		if diff := cmp.Diff(m{"built": m{"map": "glade"}, "more": 1.0}, got["gameStart"].(m)["ext"]); diff != "" {
			t.Errorf("the server was told (-want +got):\n%s", diff)
		}
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
			t.Fatal(err)
		}
		want := []string{"created of 1", "start of 1", "over ENDED ENDED false of 1"}
		if diff := cmp.Diff(want, see.take()); diff != "" {
			t.Errorf("seen (-want +got):\n%s", diff)
		}
	})
}

func TestWatchersLearnThatAGameNeverBegan(t *testing.T) {
	see := &watcher{}
	run(t, options{service: func(s *gameinstance.Service) { s.Watch(see) }}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		w.match(robin)
		time.Sleep(time.Hour) // no server links
		if diff := cmp.Diff([]string{"created of 0", "over ENDED ENDED true of 0"}, see.take()); diff != "" {
			t.Errorf("seen (-want +got):\n%s", diff)
		}
	})
}

func TestWatcherThatRefusesLeavesNoTrace(t *testing.T) {
	see := &watcher{refuse: errors.New("not now")}
	run(t, options{service: func(s *gameinstance.Service) { s.Watch(see) }}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		id, err := w.tryMatch(robin)
		if !errors.Is(err, see.refuse) {
			t.Errorf("match = %v, want the watcher's error", err)
		}
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); !errors.Is(err, gameinstance.ErrUnknownGameInstanceID) {
			t.Errorf("the game is there: %v", err)
		}
		see.refuse = nil
		id = w.match(robin)
		see.refuse = errors.New("not now")
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); !errors.Is(err, see.refuse) {
			t.Errorf("End = %v, want the watcher's error", err)
		}
		see.refuse = nil
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
			t.Errorf("End = %v", err)
		}
	})
}
