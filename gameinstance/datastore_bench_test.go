package gameinstance_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// BenchmarkJoin lets a player into a full instance and out again: he is told all
// of it.
func BenchmarkJoin(b *testing.B) {
	for _, size := range []struct{ players, entries int }{{2, 10}, {100, 1000}} {
		b.Run(fmt.Sprintf("players=%d/entries=%d", size.players, size.entries), func(b *testing.B) {
			p := &plug{}
			games := serve(b, p)
			id := full(b, games, p, size.players, size.entries)
			who := pragma.NewID[pragma.PlayerID]()
			b.ReportAllocs()
			for b.Loop() {
				err := games.AddPlayers(context.Background(), id, ext.Value{}, []gameinstance.PlayerToAdd{{PlayerID: who}})
				if err == nil {
					err = games.RemovePlayers(context.Background(), id, ext.Value{}, []gameinstance.PlayerToRemove{{PlayerID: who}})
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUpdateByAudience changes one entry for each of so many audiences in an
// instance of 100 players: it is encoded once per audience.
func BenchmarkUpdateByAudience(b *testing.B) {
	for _, audiences := range []int{1, 2, 10, 100} {
		b.Run(fmt.Sprintf("audiences=%d", audiences), func(b *testing.B) {
			p := &plug{}
			games := serve(b, p)
			p.create = func(r *gameinstance.BackendCreateRequest) error {
				for n := range 100 {
					if _, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: pragma.NewID[pragma.PlayerID](), TeamNumber: int64(n % audiences)}); err != nil {
						return err
					}
				}
				for n := range audiences {
					if err := r.GameInstance.Data().Create(fmt.Sprint("key ", n), ext.Of(m{"n": 0}), gameinstance.Team(int64(n))); err != nil {
						return err
					}
				}
				return nil
			}
			id, err := games.Create(context.Background(), &gameinstance.CreateOptions{})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			p.update = func(r *gameinstance.BackendUpdateRequest) error {
				for a := range audiences {
					if err := r.GameInstance.Data().UpdateData(fmt.Sprint("key ", a), ext.Of(m{"n": n})); err != nil {
						return err
					}
				}
				return nil
			}
			b.ReportAllocs()
			for b.Loop() {
				n++
				if err := games.Update(context.Background(), id, ext.Value{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
