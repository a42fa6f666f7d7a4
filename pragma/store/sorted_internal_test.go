package store

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestASortedSetIsWhatASortedMapWouldBe(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s, model := newSorted(cmp.Compare[int]), make(map[int]bool)
		for step := range 20_000 {
			// It grows to several blocks, and then shrinks to none.
			if v := rng.IntN(4 * maxBlock); rng.IntN(20_000) > step {
				s.insert(v)
				model[v] = true
			} else {
				s.remove(v)
				delete(model, v)
			}
			if step%500 != 0 {
				continue
			}
			want := slices.Sorted(maps.Keys(model))
			if diff := gocmp.Diff(slices.Collect(s.all), want); diff != "" {
				t.Fatalf("seed %d, step %d: values (-got +want):\n%s", seed, step, diff)
			}
			v := rng.IntN(5 * maxBlock)
			i, _ := slices.BinarySearch(want, v)
			got, ok := s.from(v)
			if ok != (i < len(want)) || ok && got != want[i] {
				t.Fatalf("seed %d, step %d: from(%d) = %d, %t", seed, step, v, got, ok)
			}
		}
		for v := range 4 * maxBlock {
			s.remove(v)
		}
		if _, ok := s.from(0); ok || len(s.blocks) != 0 {
			t.Errorf("seed %d: %d blocks are left of nothing", seed, len(s.blocks))
		}
	}
}
