package pragmatest_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// town is a studio's service whose players call out to everybody.
type town struct {
	players []pragma.PlayerID
	heard   pragma.Notice[note]
}

func (t *town) Name() string { return "TownRpc" }

func (t *town) Mount(m *pragma.Mount) error {
	t.heard = pragma.PlayerNotice[note](m, "HeardV1Notification")
	pragma.HandlePlayer(m, "CallOutV1", func(ctx context.Context, who *pragma.PlayerSession, r *note) (*note, error) {
		if r.Text == "" {
			return nil, pragma.ErrMalformed.With("nothing to say")
		}
		m.NotifyPlayers(ctx, t.heard.Of(r).BeforeAnswer(), t.players...)
		return &note{Text: who.DisplayName.DisplayName}, nil
	})
	return nil
}

func runTown(t *testing.T, fn func(w *pragmatest.World, robin, marian *pragmatest.Peer)) {
	s := &town{}
	pragmatest.Run(t, func() *pragma.Server { return &pragma.Server{Game: []pragma.Service{s}} }, func(w *pragmatest.World) {
		robin, marian := w.Peer("robin"), w.Peer("marian")
		s.players = []pragma.PlayerID{robin.ID, marian.ID}
		fn(w, robin, marian)
	})
}

func briefs(p *pragmatest.Peer) []string {
	var all []string
	for _, f := range p.Notes() {
		all = append(all, f.Brief())
	}
	return all
}

func TestAPeerKeepsNotificationsThatComeBeforeAnswers(t *testing.T) {
	runTown(t, func(w *pragmatest.World, robin, marian *pragmatest.Peer) {
		if got := robin.Call("TownRpc.CallOutV1", note{Text: "hello"}); got["text"] != "robin" {
			t.Errorf("answer = %v, want the caller's name", got)
		}
		for _, p := range []*pragmatest.Peer{robin, marian} {
			if got := p.Last("TownRpc.HeardV1Notification"); got["text"] != "hello" {
				t.Errorf("%s: last = %v, want hello", p.Name, got)
			}
			if got := p.Last("TownRpc.OtherV1Notification"); got != nil {
				t.Errorf("%s: last of another type = %v, want nil", p.Name, got)
			}
			if diff := cmp.Diff([]string{"Heard"}, briefs(p)); diff != "" {
				t.Errorf("%s: notes (-want +got):\n%s", p.Name, diff)
			}
			if got := briefs(p); got != nil {
				t.Errorf("%s: notes again = %v, want none", p.Name, got)
			}
		}
	})
}

func TestAPeerIsToldOfARefusal(t *testing.T) {
	runTown(t, func(w *pragmatest.World, robin, _ *pragmatest.Peer) {
		got, refused := robin.Try("TownRpc.CallOutV1", nil)
		if got != nil || refused == nil || refused.ServiceError.Error != "Serialization_Error" || refused.Brief() != "error Serialization_Error" {
			t.Errorf("Try = %v, %v, want a refusal", got, refused)
		}
		robin.Request("TownRpc.CallOutV1", note{Text: "a"})
		robin.Request("TownRpc.CallOutV1", note{})
		if _, refused := robin.Answer(); refused != nil {
			t.Errorf("the first request is refused: %v", refused)
		}
		if _, refused := robin.Answer(); refused == nil {
			t.Error("the second request is answered")
		}
	})
}

func TestAPeerComesBack(t *testing.T) {
	runTown(t, func(w *pragmatest.World, robin, marian *pragmatest.Peer) {
		id, token := robin.ID, robin.Token
		robin.Cut()
		marian.Call("TownRpc.CallOutV1", note{Text: "where is he?"})
		robin.Connect()
		if robin.Token != token {
			t.Error("Connect began another session")
		}
		robin.LogIn()
		if robin.Token == token || robin.ID != id {
			t.Errorf("after LogIn: id %v, new token %v, want the same player in another session", robin.ID, robin.Token != token)
		}
		marian.Call("TownRpc.CallOutV1", note{Text: "there"})
		if got := robin.Last("TownRpc.HeardV1Notification"); got["text"] != "there" {
			t.Errorf("last = %v, want there", got)
		}
	})
}

func TestBriefTellsWhatASessionsChangeIsAbout(t *testing.T) {
	f := pragmatest.Frame{Notification: &struct {
		Type    string
		Payload map[string]any
	}{"PlayerSessionRpc.SessionChangedV1Notification", map[string]any{
		"attributesSet": map[string]any{"4": "x", "1": "y"}, "attributesRemoved": []any{3.0},
	}}}
	if got, want := f.Brief(), "SessionChanged set[1 4] removed[3]"; got != want {
		t.Errorf("Brief() = %q, want %q", got, want)
	}
}
