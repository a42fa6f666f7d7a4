package entity_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// partyState is about as large as the state of a party of four.
type partyState struct {
	Name    string                 `json:"name"`
	Code    string                 `json:"code"`
	Version int                    `json:"version"`
	Members map[string]partyMember `json:"members"`
}

type partyMember struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	Team  int    `json:"team"`
}

func fill(s *partyState) {
	s.Name, s.Code, s.Members = "friday night", "QXZ4TB", make(map[string]partyMember)
	for i := range 4 {
		id := player(byte(i)).String()
		s.Members[id] = partyMember{Name: fmt.Sprintf("player number %d", i), Team: i % 2}
	}
}

func drivers() map[string]func(testing.TB) store.Driver {
	return map[string]func(testing.TB) store.Driver{
		"memory": memory,
		"sqlite": func(tb testing.TB) store.Driver {
			d, err := sqlite.File(filepath.Join(tb.TempDir(), "bench.db"))(context.Background())
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { closeStore(tb, d) })
			return d
		},
	}
}

// BenchmarkUpdate changes parties of four, each goroutine its own ones.
func BenchmarkUpdate(b *testing.B) {
	for _, name := range []string{"memory", "sqlite"} {
		for _, writers := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%s/writers=%d", name, writers), func(b *testing.B) {
				n := newNode(b, drivers()[name](b))
				k := entity.OfHost(n.engine, n, "party", entity.Options[partyState]{})
				for w := range writers {
					if err := k.Create(b.Context(), fmt.Sprint(w), func(_ *entity.Tx, s *partyState) error { fill(s); return nil }); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportAllocs()
				each(b, writers, func(w int) error {
					return k.Update(b.Context(), fmt.Sprint(w), func(_ *entity.Tx, s *partyState) error {
						s.Version++
						return nil
					})
				})
			})
		}
	}
}

// BenchmarkRawCommit writes bodies of the same size without entities, to compare.
func BenchmarkRawCommit(b *testing.B) {
	body := make([]byte, 420)
	for _, name := range []string{"memory", "sqlite"} {
		for _, writers := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%s/writers=%d", name, writers), func(b *testing.B) {
				d := drivers()[name](b)
				revs := make([]int64, writers)
				b.ReportAllocs()
				each(b, writers, func(w int) error {
					batch := &store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "party", ID: fmt.Sprint(w)}, Expect: revs[w], Body: body}}}
					revs[w]++
					return store.Commit(b.Context(), d, batch)
				})
			})
		}
	}
}

// BenchmarkRead reads a cached party of four.
func BenchmarkRead(b *testing.B) {
	n := newNode(b, memory(b))
	k := entity.OfHost(n.engine, n, "party", entity.Options[partyState]{})
	if err := k.Create(b.Context(), "p", func(_ *entity.Tx, s *partyState) error { fill(s); return nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Read(b.Context(), "p"); err != nil {
			b.Fatal(err)
		}
	}
}

// each runs do b.N times in all, in that many goroutines.
func each(b *testing.B, writers int, do func(writer int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for w := range writers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := do(w); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
}
