package matchmaking_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/matchmaking"
)

// checkWaiting compares who is in the pool after it was brought up to date.
func checkWaiting(t *testing.T, w *matchmaking.Waiting, want string) []*matchmaking.Party {
	t.Helper()
	parties, ok := w.Begin()
	if !ok {
		t.Fatal("the pool does not count any more")
	}
	if got := names(parties); got != want {
		t.Errorf("waiting %q, want %q", got, want)
	}
	return parties
}

func TestPartiesComeAndGo(t *testing.T) {
	all := solos(1, 4)
	w := matchmaking.NewWaiting(all[0], all[2])
	checkWaiting(t, w, "1,3")
	w.Enter(all[1], all[3])
	w.Enter(all[1]) // twice changes nothing
	w.Leave(all[3]) // before anybody saw it
	w.Leave(all[0], all[0])
	checkWaiting(t, w, "2,3")
	if parties, players, ok := w.Info(all[1]); parties != 2 || players != 2 || !ok {
		t.Errorf("info: %d parties, %d players, %v; want 2, 2, true", parties, players, ok)
	}
	if _, _, ok := w.Info(all[0]); ok {
		t.Error("there is info for a party that left")
	}
	if w.Retire() {
		t.Error("a queue with parties ends")
	}
	w.Leave(all[1], all[2])
	if !w.Retire() {
		t.Error("an empty queue goes on")
	}
}

func TestAPartyIsClaimedOnce(t *testing.T) {
	all := solos(1, 3)
	w := matchmaking.NewWaiting(all...)
	checkWaiting(t, w, "1,2,3")
	if !w.Claim(all[0], all[1]) {
		t.Fatal("waiting parties cannot be claimed")
	}
	if w.Claim(all[2], all[1]) {
		t.Error("a party is claimed twice")
	}
	w.Leave(all[2])
	if w.Claim(all[2]) {
		t.Error("a party that left is claimed")
	}
	checkWaiting(t, w, "")
	if parties, _, _ := w.Info(all[0]); parties != 2 {
		t.Errorf("%d parties are in the queue, want 2: claimed ones count", parties)
	}
	w.Leave(all[0])
	w.GiveBack(0, all[0], all[1])
	checkWaiting(t, w, "2")
}

func TestPartiesOfFailedMatchesAreHeldLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := solos(1, 2)
		w := matchmaking.NewWaiting(all...)
		checkWaiting(t, w, "1,2")
		for _, hold := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			if !w.Claim(all[0]) {
				t.Fatal("cannot claim")
			}
			w.GiveBack(time.Second, all[0])
			time.Sleep(hold*time.Second - 1)
			checkWaiting(t, w, "2")
			time.Sleep(time.Nanosecond)
			checkWaiting(t, w, "1,2") // by its old entry time
		}
		if !w.Claim(all[0]) {
			t.Fatal("cannot claim")
		}
		w.GiveBack(time.Second, all[0])
		w.Leave(all[0]) // while it is held
		time.Sleep(time.Hour)
		checkWaiting(t, w, "2")
	})
}

func TestAnAbandonedPoolCountsNoMore(t *testing.T) {
	all := solos(1, 4)
	w := matchmaking.NewWaiting(all...)
	checkWaiting(t, w, "1,2,3,4")
	if !w.Claim(all[3]) { // a match that is being committed
		t.Fatal("cannot claim")
	}
	stuck := w.Abandon(all[1])
	if got := names(stuck); got != "2" {
		t.Errorf("%q lose their place, want 2", got)
	}
	if _, ok := w.Begin(); ok {
		t.Error("the old pool still counts")
	}
	if w.Claim(all[0]) {
		t.Error("the old pool can claim")
	}
	w.Renew()
	fresh := checkWaiting(t, w, "1,3")
	if fresh[0] == all[0] || fresh[0].Players[0] == all[0].Players[0] {
		t.Error("the new pool shares what a hook may still hold")
	}
	w.GiveBack(0, all[3])
	w.GiveBack(0, stuck...)
	checkWaiting(t, w, "1,2,3,4")
}
