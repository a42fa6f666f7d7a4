package fleet

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openpragma/engine/pragma"
)

func at(n int) pragma.AllocationID { return pragma.AllocationID{byte(n)} }

func wait(p place, second int) *waiting {
	return &waiting{Place: p, Since: time.Unix(int64(second), 0)}
}

func TestLineGivesTheOldestThatFitsOnce(t *testing.T) {
	l := newLine()
	l.add(at(1), wait(place{Pool: "b"}, 30))
	l.add(at(2), wait(place{Pool: "a"}, 20))
	l.add(at(3), wait(place{Pool: "b"}, 10))
	l.add(at(3), wait(place{Pool: "b"}, 10)) // known already
	var got []pragma.AllocationID
	for {
		id, ok := l.claim(func(p place) bool { return p.Pool == "b" })
		if !ok {
			break
		}
		got = append(got, id)
	}
	if diff := cmp.Diff([]pragma.AllocationID{at(3), at(1)}, got); diff != "" {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
	l.release(got[1:])
	if id, ok := l.claim(func(place) bool { return true }); !ok || id != at(2) {
		t.Errorf("claim = %v, %t, want the oldest that is free", id, ok)
	}
	if diff := cmp.Diff(map[string]int{"a": 1, "b": 2}, l.byPool()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestComparisonForgetsWhatHasNoRecord(t *testing.T) {
	l := newLine()
	l.add(at(1), wait(place{}, 1))
	l.add(at(2), wait(place{}, 2))
	done := l.compare()
	l.add(at(2), wait(place{}, 2)) // as the store says
	l.add(at(3), wait(place{}, 3)) // came meanwhile
	done()
	var got []pragma.AllocationID
	for id, ok := l.claim(func(place) bool { return true }); ok; id, ok = l.claim(func(place) bool { return true }) {
		got = append(got, id)
	}
	if diff := cmp.Diff([]pragma.AllocationID{at(2), at(3)}, got); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// TestLineIsWhatANaiveListIs compares the line with a list that is searched.
func TestLineIsWhatANaiveListIs(t *testing.T) {
	type item struct {
		id      pragma.AllocationID
		place   place
		since   time.Time
		claimed bool
	}
	rapid.Check(t, func(t *rapid.T) {
		l := newLine()
		var list []item
		find := func(id pragma.AllocationID) int {
			return slices.IndexFunc(list, func(i item) bool { return i.id == id })
		}
		id := rapid.Map(rapid.IntRange(0, 8), at)
		pool := rapid.SampledFrom([]string{"", "a", "b"})
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				id, w := id.Draw(t, "id"), wait(place{Pool: pool.Draw(t, "pool")}, rapid.IntRange(0, 3).Draw(t, "since"))
				l.add(id, w)
				if find(id) < 0 {
					list = append(list, item{id, w.Place, w.Since, false})
				}
			},
			"remove": func(t *rapid.T) {
				id := id.Draw(t, "id")
				l.remove(id)
				list = slices.DeleteFunc(list, func(i item) bool { return i.id == id })
			},
			"release": func(t *rapid.T) {
				id := id.Draw(t, "id")
				l.release([]pragma.AllocationID{id})
				if n := find(id); n >= 0 {
					list[n].claimed = false
				}
			},
			"claim": func(t *rapid.T) {
				pool := pool.Draw(t, "pool")
				fits := func(p place) bool { return p.Pool == pool || p.Pool == "" }
				best := -1
				for n, i := range list {
					if fits(i.place) && !i.claimed && (best < 0 || i.since.Before(list[best].since) ||
						i.since.Equal(list[best].since) && i.id.Compare(list[best].id) < 0) {
						best = n
					}
				}
				got, ok := l.claim(fits)
				if ok != (best >= 0) || ok && got != list[best].id {
					t.Fatalf("claim(%q) = %v, %t; list %v", pool, got, ok, list)
				}
				if ok {
					list[best].claimed = true
				}
			},
		})
	})
}

func TestFreeIsNeverBelowZeroNorAboveWhatWasSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sv := &server{
			Seen: rapid.Bool().Draw(t, "seen"), Gone: rapid.Bool().Draw(t, "gone"),
			Total: rapid.IntRange(0, 1<<31-1).Draw(t, "total"), Used: rapid.IntRange(0, 1<<31-1).Draw(t, "used"),
			Base: rapid.IntRange(0, 300).Draw(t, "base"), Given: make([]given, rapid.IntRange(0, 300).Draw(t, "given")),
		}
		sv.acknowledge()
		n := sv.free()
		if n < 0 || n > max(0, sv.Total-sv.Used-len(sv.Given)) || n+len(sv.Given) > max(maxGiven, len(sv.Given)) {
			t.Fatalf("free() = %d of %+v", n, sv)
		}
		if n > 0 && (sv.Gone || !sv.Seen) {
			t.Fatalf("a server that does not report has %d places", n)
		}
	})
}

func TestMissingServersStayWithinTheCapacity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.IntRange(0, 40)
		d := demand{waiting: small.Draw(t, "waiting"), free: small.Draw(t, "free"), servers: small.Draw(t, "servers")}
		policy := ManagementPolicy{GamesPerServer: rapid.IntRange(1, 5).Draw(t, "games"), MinCapacity: small.Draw(t, "min")}
		policy.MaxCapacity = policy.MinCapacity + small.Draw(t, "more")
		p := &pool{}
		for n := range small.Draw(t, "started") {
			p.note(at(n).String(), n%2 == 0)
		}
		n := d.missing(p, &policy)
		all := len(p.Started) + d.servers
		room := d.free + (p.starting()+n)*policy.GamesPerServer
		switch {
		case n < 0 || n > 0 && all+n > policy.MaxCapacity || n > maxBatch:
			t.Fatalf("%d servers are too many", n)
		case n < maxBatch && all+n < policy.MaxCapacity && (room < d.waiting || all+n < policy.MinCapacity):
			t.Fatalf("%d servers are too few", n)
		case n > 0 && all+n > policy.MinCapacity && room-policy.GamesPerServer >= d.waiting:
			t.Fatalf("%d servers are more than are needed", n)
		}
	})
}
