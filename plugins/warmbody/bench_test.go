package warmbody_test

import (
	"testing"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/plugins/warmbody"
)

func BenchmarkMatchParties(b *testing.B) {
	for _, c := range []struct {
		name          string
		anchor, other []int
	}{
		{"solos", []int{1, 1, 1, 1}, []int{1}},
		{"full of pairs", []int{2, 2, 2, 2}, []int{2, 2, 2, 2}},
		{"mixed", []int{3, 2, 1}, []int{5}},
	} {
		b.Run(c.name, func(b *testing.B) {
			plugin := &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 5}
			r := &matchmaking.MatchPartiesRequest{Anchor: matchable(11, c.anchor...), Other: matchable(1, c.other...)}
			b.ReportAllocs()
			for b.Loop() {
				if game, err := plugin.MatchParties(b.Context(), r); game != nil || err != nil {
					b.Fatal(game, err)
				}
			}
		})
	}
}
