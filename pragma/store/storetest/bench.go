package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// bodyBytes is about the size of a small party.
const bodyBytes = 512

// Bench measures a driver: commits of one and of two records by 1, 8, 32 and
// 256 writers, reads of one and of many records, timers. One operation is one
// call; "commits/s" is the rate of all writers together.
func Bench(b *testing.B, h Harness) {
	for _, writers := range []int{1, 8, 32, 256} {
		b.Run(fmt.Sprintf("Commit/writers=%d", writers), func(b *testing.B) { benchCommit(b, newFixture(b, h), writers, 1) })
	}
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprintf("CommitTwo/writers=%d", writers), func(b *testing.B) { benchCommit(b, newFixture(b, h), writers, 2) })
	}
	b.Run("Create", func(b *testing.B) { benchCreate(b, newFixture(b, h)) })
	b.Run("Get", func(b *testing.B) { benchGet(b, newFixture(b, h), 1) })
	b.Run("GetTen", func(b *testing.B) { benchGet(b, newFixture(b, h), 10) })
	b.Run("GetParallel", func(b *testing.B) { benchGetParallel(b, newFixture(b, h)) })
	b.Run("List", func(b *testing.B) { benchList(b, newFixture(b, h)) })
	b.Run("Due", func(b *testing.B) { benchDue(b, newFixture(b, h)) })
}

// fill creates n records, every tenth with a timer.
func (f *fixture) fill(n int) {
	f.t.Helper()
	body := make([]byte, bodyBytes)
	for i := 0; i < n; {
		var batch store.Batch
		for range min(1000, n-i) {
			p := store.Put{Key: numbered("thing", i), Body: body}
			if i%10 == 0 {
				p.Due = testTime().Add(time.Duration(i) * time.Millisecond)
			}
			batch.Puts = append(batch.Puts, p)
			i++
		}
		f.must(batch)
	}
}

// benchCommit updates records, each of one writer, so that nothing conflicts.
func benchCommit(b *testing.B, f *fixture, writers, records int) {
	const perWriter = 16
	body := make([]byte, bodyBytes)
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for w := range writers {
		wg.Go(func() {
			var revs [perWriter]int64
			for i := 0; left.Add(-1) >= 0; i = (i + 1) % perWriter {
				batch := store.Batch{}
				for r := range records {
					k := numbered("thing", (w*perWriter+i)*records+r)
					batch.Puts = append(batch.Puts, store.Put{Key: k, Expect: revs[i], Body: body})
				}
				if err := store.Commit(b.Context(), f.Driver, &batch); err != nil {
					b.Errorf("Commit() = %v", err)
					return
				}
				revs[i]++
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

func benchCreate(b *testing.B, f *fixture) {
	body := make([]byte, bodyBytes)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.must(store.Batch{Puts: []store.Put{{Key: numbered("thing", i), Body: body}}})
	}
}

func benchGet(b *testing.B, f *fixture, n int) {
	const records = 10_000
	f.fill(records)
	keys := make([]store.Key, n)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for j := range keys {
			keys[j] = numbered("thing", (i*7919+j)%records)
		}
		if _, err := f.Get(b.Context(), keys...); err != nil {
			b.Fatal(err)
		}
	}
}

func benchGetParallel(b *testing.B, f *fixture) {
	const records = 10_000
	f.fill(records)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := f.Get(b.Context(), numbered("thing", i*7919%records)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// benchList reads a page of 100 records.
func benchList(b *testing.B, f *fixture) {
	f.fill(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if got := len(f.list(store.Query{Kind: "thing", After: "005000", Limit: 100})); got != 100 {
			b.Fatalf("List() yields %d records, want 100", got)
		}
	}
}

// benchDue looks for timers among records of which few are due.
func benchDue(b *testing.B, f *fixture) {
	f.fill(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if got := len(f.due("thing", testTime().Add(100*time.Millisecond), 100)); got != 11 {
			b.Fatalf("Due() returns %d records, want 11", got)
		}
	}
}
