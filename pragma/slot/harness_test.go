package slot_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/slot"
)

// mover is a service that moves players as a test asks.
type mover struct {
	mount *pragma.Mount
	slots *slot.Slots
	kind  *entity.Kind[struct{ N int }]
	note  pragma.Notice[struct{}]
}

func (v *mover) Name() string { return "MoverRpc" }

func (v *mover) Mount(m *pragma.Mount) error {
	v.mount = m
	v.slots = slot.For(m)
	v.kind = entity.Of(m, "mover", entity.Options[struct{ N int }]{})
	v.note = pragma.PlayerNotice[struct{}](m, "MarkV1Notification")
	pragma.HandlePlayer(m, "NothingV1", func(context.Context, *pragma.PlayerSession, *struct{}) (*struct{}, error) { return nil, nil })
	return nil
}

// move runs one commit that edits slots.
func (v *mover) move(t *testing.T, fn func(tx *entity.Tx) error) error {
	t.Helper()
	return v.kind.Upsert(t.Context(), "one", func(tx *entity.Tx, s *struct{ N int }) error {
		s.N++
		return fn(tx)
	})
}

// run runs a test with a server whose only game service is a mover.
func run(t *testing.T, fn func(w *pragmatest.World, v *mover)) {
	t.Helper()
	v := &mover{}
	pragmatest.Run(t, func() *pragma.Server { return &pragma.Server{Game: []pragma.Service{v}} },
		func(w *pragmatest.World) { fn(w, v) })
}

// player is a connected player.
type player struct {
	*pragmatest.Raw
	id    pragma.PlayerID
	token string
}

func connect(w *pragmatest.World, name string) *player {
	w.T.Helper()
	token, _ := w.Tokens(name)
	p := &player{token: token, id: idOf(w.T, token)}
	p.Raw = dial(w, token)
	synctest.Wait() // until he has been told where he is
	return p
}

func dial(w *pragmatest.World, token string) *pragmatest.Raw {
	return w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}, token)
}

// idOf reads the player id out of a token.
func idOf(t *testing.T, token string) pragma.PlayerID {
	t.Helper()
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Sub pragma.PlayerID `json:"sub"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Sub
}

// notified returns the notifications a player has got since, up to an answer.
func (p *player) notified() []string {
	synctest.Wait() // what is on its way arrives before the answer
	p.Request("MoverRpc.NothingV1", struct{}{})
	var all []string
	for {
		f := p.Read()
		if f.Notification == nil {
			return all
		}
		name := strings.TrimSuffix(f.Notification.Type[strings.Index(f.Notification.Type, ".")+1:], "V1Notification")
		if name != "SessionChanged" {
			all = append(all, name)
			continue
		}
		all = append(all, fmt.Sprintf("%s v%v %v removed%v", name, f.Notification.Payload["newVersion"],
			f.Notification.Payload["attributesSet"], f.Notification.Payload["attributesRemoved"]))
	}
}
