package gameinstance_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// line is a queue that writes down what instances tell it, once that is committed.
type line struct {
	told []string
	fail error
}

func (l *line) note(tx *entity.Tx, format string, args ...any) error {
	tx.After(func(context.Context) { l.told = append(l.told, fmt.Sprintf(format, args...)) })
	return l.fail
}

func (l *line) EnterGame(tx *entity.Tx, e *gameinstance.QueueEntry) error {
	return l.note(tx, "enter %s %s: %s", e.Place.Key, e.Place.GameServerVersion, describe(e))
}

func (l *line) ChangeGame(tx *entity.Tx, e *gameinstance.QueueEntry) error {
	return l.note(tx, "change %s", describe(e))
}

func (l *line) LeaveGame(tx *entity.Tx, _ pragma.TicketID) error { return l.note(tx, "leave") }

func describe(e *gameinstance.QueueEntry) string {
	text := e.Ext.String()
	for _, p := range e.Players {
		text += fmt.Sprintf(" %s@%d", p.Ext, p.TeamNumber)
	}
	return text
}

func (l *line) took() []string {
	told := l.told
	l.told = nil
	return told
}

// notice builds what the queue gets out of everything that a hook can see.
type notice struct {
	gameinstance.MatchmakingDefaults
	err error
}

func (n *notice) BuildExtMatchmakingKey(_ context.Context, r *gameinstance.BuildExtMatchmakingKeyRequest) (ext.Value, error) {
	return ext.Of(m{"zone": r.GameInstance.GameServerZone()}), nil
}

func (n *notice) BuildExtMatchmakingGameInstance(_ context.Context, r *gameinstance.BuildExtMatchmakingGameInstanceRequest) (ext.Value, error) {
	i := r.GameInstance
	v, _ := i.Data().Get("map")
	_ = i.Data().UpdateData("map", ext.Of(m{"name": "lost"})) // has no effect,
	i.End(nil)                                                // nor has this
	return ext.Of(m{"map": v, "parties": len(i.Parties()), "waits": i.IsInMatchmaking()}), n.err
}

func (n *notice) BuildExtMatchmakingGamePlayer(_ context.Context, r *gameinstance.BuildExtMatchmakingGamePlayerRequest) (ext.Value, error) {
	return ext.Of(m{"is": r.Player.DisplayName().DisplayName}), nil
}

// withLine is a server with a queue that is a line.
func withLine(l *line, n *notice) options {
	return options{service: func(s *gameinstance.Service) {
		s.UseQueue(l)
		s.Matchmaking = n
	}}
}

func TestTheQueueKnowsTheInstanceAsItIs(t *testing.T) {
	l := &line{}
	run(t, withLine(l, &notice{}), func(t *testing.T, w *world) {
		w.plug.update = func(r *gameinstance.BackendUpdateRequest) error {
			return r.GameInstance.Data().UpdateData("map", r.RequestExt)
		}
		w.plug.matched = func(r *gameinstance.BackendCreateByMatchmakingRequest) error {
			return r.GameInstance.Data().Create("map", ext.Of(m{"name": "harbor"}), gameinstance.Public())
		}
		all := w.players("robin", "will", "marian")
		w.inParty("outlaws", all[0], all[1])
		id := w.match(all...)
		check := func(what string, err error, want ...string) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if diff := cmp.Diff(want, l.took()); diff != "" {
				t.Errorf("%s: the queue was told (-want +got):\n%s", what, diff)
			}
		}
		ctx := t.Context()
		check("made", nil)
		check("outside the queue", w.games.Update(ctx, id, ext.Of(m{"name": "forest"})))
		check("in", w.games.EnterMatchmaking(ctx, id), `enter {"zone":"eu"} v1: {"map":{"name":"forest"},"parties":1,"waits":true} {"is":"robin"}@1 {"is":"will"}@1 {"is":"marian"}@2`)
		check("data", w.games.Update(ctx, id, ext.Of(m{"name": "castle"})), `change {"map":{"name":"castle"},"parties":1,"waits":true} {"is":"robin"}@1 {"is":"will"}@1 {"is":"marian"}@2`)
		check("the same data", w.games.Update(ctx, id, ext.Of(m{"name": "castle"})))
		check("reading", w.games.Read(ctx, id, func(*gameinstance.Instance) error { return nil }))
		gone := []gameinstance.PlayerToRemove{{PlayerID: all[0].id}, {PlayerID: all[1].id}}
		check("a party leaves", w.games.RemovePlayers(ctx, id, ext.Value{}, gone), `change {"map":{"name":"castle"},"parties":0,"waits":true} {"is":"marian"}@2`)
		check("somebody is added", w.games.AddPlayers(ctx, id, ext.Value{}, toAdd(all[0])), `change {"map":{"name":"castle"},"parties":1,"waits":true} {"is":"marian"}@2 {"is":"robin"}@1`)
		check("out", w.games.LeaveMatchmaking(ctx, id), "leave")
		check("outside again", w.games.Update(ctx, id, ext.Of(m{"name": "road"})))
		check("in again", w.games.EnterMatchmaking(ctx, id), `enter {"zone":"eu"} v1: {"map":{"name":"road"},"parties":1,"waits":true} {"is":"marian"}@2 {"is":"robin"}@1`)
		check("the end", w.games.End(ctx, id, ext.Value{}, nil), "leave")
	})
}

func TestInstancesThatCannotEnterOrLeave(t *testing.T) {
	l, n := &line{}, &notice{}
	run(t, withLine(l, n), func(t *testing.T, w *world) {
		id, ctx := w.match(w.player("robin")), t.Context()
		unknown := pragma.NewID[pragma.GameInstanceID]()
		check := func(what string, got, want error) {
			t.Helper()
			if !errors.Is(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		check("enter an unknown one", w.games.EnterMatchmaking(ctx, unknown), gameinstance.ErrUnknownGameInstanceID)
		check("leave an unknown one", w.games.LeaveMatchmaking(ctx, unknown), gameinstance.ErrUnknownGameInstanceID)
		check("leave one that is in none", w.games.LeaveMatchmaking(ctx, id), gameinstance.ErrGameInstanceNotInMatchmaking)
		n.err = errors.New("no")
		check("the plugin says no", w.games.EnterMatchmaking(ctx, id), gameinstance.ErrFailedToEnterMatchmaking)
		n.err, l.fail = nil, errors.New("no")
		check("the queue says no", w.games.EnterMatchmaking(ctx, id), gameinstance.ErrFailedToEnterMatchmaking)
		l.fail = nil
		check("enter", w.games.EnterMatchmaking(ctx, id), nil)
		check("enter twice", w.games.EnterMatchmaking(ctx, id), gameinstance.ErrGameInstanceAlreadyInMatchmaking)
		l.fail = errors.New("no")
		check("the queue does not let go", w.games.LeaveMatchmaking(ctx, id), gameinstance.ErrFailedToLeaveMatchmaking)
		check("nor does it take a change", w.games.AddPlayers(ctx, id, ext.Value{}, toAdd(w.player("will"))), gameinstance.ErrFailedToUpdateMatchmakingGameInstance)
		l.fail = nil
		n.err = gameinstance.ErrPlayerJoinFailed.With("too late")
		err := w.games.AddPlayers(ctx, id, ext.Value{}, toAdd(w.player("tuck")))
		if check("the plugin refuses a change", err, gameinstance.ErrFailedToUpdateMatchmakingGameInstance); err != nil && !strings.Contains(err.Error(), "too late") {
			t.Errorf("%v does not say what the plugin said", err)
		}
	})
}

func TestWithoutMatchmakingNoInstanceEnters(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		id := w.match(w.player("robin"))
		if err := w.games.EnterMatchmaking(t.Context(), id); !errors.Is(err, gameinstance.ErrFailedToEnterMatchmaking) {
			t.Errorf("EnterMatchmaking = %v, want ErrFailedToEnterMatchmaking", err)
		}
	})
}

func TestAForeignServerCannotQueueAnInstance(t *testing.T) {
	l := &line{}
	run(t, withLine(l, &notice{}), func(t *testing.T, w *world) {
		w.match(w.player("robin"))
		stranger := w.allocated()
		id := w.match(w.player("will"))
		for _, call := range []string{"EnterMatchmakingV1", "LeaveMatchmakingV1"} {
			stranger.refused("GameInstanceRpc."+call, m{"gameInstanceId": id.String()}, "GameInstanceService_UnknownGameInstanceId")
		}
		if got := l.took(); got != nil {
			t.Errorf("the queue was told %v", got)
		}
	})
}

func TestMatchmakingPluginIsSound(t *testing.T) {
	pragmatest.CheckPlugin[gameinstance.MatchmakingPlugin](t, &notice{})
}
