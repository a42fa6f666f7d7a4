package slot_test

import (
	"context"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/slot"
)

// mover is a service that moves players as a test asks.
type mover struct {
	slots *slot.Slots
	kind  *entity.Kind[struct{ N int }]
	note  pragma.Notice[struct{}]
}

func (v *mover) Name() string { return "MoverRpc" }

func (v *mover) Mount(m *pragma.Mount) error {
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
