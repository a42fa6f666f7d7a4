package inventory_test

import (
	"fmt"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/store"
)

// BenchmarkApply changes one stack of inventories of different sizes.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{10, 1000, 9000} {
		b.Run(fmt.Sprintf("items=%d", size), func(b *testing.B) {
			items := filled(b, size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := items.Apply(b.Context(), pragma.PlayerID{1}, gold(1, "")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead reads whole inventories.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{10, 1000, 9000} {
		b.Run(fmt.Sprintf("items=%d", size), func(b *testing.B) {
			items := filled(b, size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := items.Read(b.Context(), pragma.PlayerID{1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// filled starts a server in memory where a player has this many swords.
func filled(b *testing.B, size int) *inventory.Service {
	b.Helper()
	db := store.NewMemory()
	b.Cleanup(func() { _ = db.Close() })
	items := node(b, "bench", db)
	for left := size; left > 0; left -= 500 {
		if _, err := items.Apply(b.Context(), pragma.PlayerID{1}, swords(min(left, 500))); err != nil {
			b.Fatal(err)
		}
	}
	return items
}
