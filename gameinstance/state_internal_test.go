package gameinstance

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
)

func TestIDsOfEntriesAreDifferentAndFit(t *testing.T) {
	instance, player := pragma.NewID[pragma.GameInstanceID](), pragma.NewID[pragma.PlayerID]()
	keys := []string{"a", "a/b", "a#b", "#", "i", "a ", "A", "a\x00", "a\n", "ключ",
		strings.Repeat("k", maxPlainKey), strings.Repeat("k", maxPlainKey+1), strings.Repeat("я", MaxKeyRunes)}
	seen := make(map[string]string)
	for _, owner := range []pragma.PlayerID{{}, player} {
		for _, key := range keys {
			id := entryID(instance, owner, key)
			if other, taken := seen[id]; taken {
				t.Errorf("%q and %q have the same id", key, other)
			}
			seen[id] = key
			if err := (store.Key{Kind: "instance-data", ID: id}).Validate(); err != nil {
				t.Errorf("key %q: %v", key, err)
			}
		}
	}
}

func TestTheNextTimerIsTheEarliest(t *testing.T) {
	now := time.Unix(1e9, 0)
	at := func(n int) time.Time { return now.Add(time.Duration(n) * time.Second) }
	for _, row := range []struct {
		name string
		head head
		want time.Time
	}{
		{"none", head{}, time.Time{}},
		{"one", head{StaleBy: at(5)}, at(5)},
		{"earliest", head{StaleBy: at(5), AliveBy: at(2), AbsoluteBy: at(3)}, at(2)},
		{"over", head{State: StateEnded, PurgeAt: at(1)}, at(1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.head.due(); !got.Equal(row.want) {
				t.Errorf("due() = %v, want %v", got, row.want)
			}
		})
	}
}

func TestUnlinkingForgetsTheServer(t *testing.T) {
	h := head{State: StateRunning, Server: pragma.PartnerID{1}, Host: &host{"x", 1}, Allocation: &allocation{}, AliveBy: time.Unix(1, 0), StaleBy: time.Unix(2, 0)}
	r := roster{Start: ext.Of(map[string]int{"n": 1}), Players: []member{{Told: true, Connected: true, Tokens: make([]connectionToken, 1)}}}
	h.unlink()
	r.unlink()
	if h.State != StateCreated || !h.Server.IsZero() || h.Host != nil || h.Allocation != nil || !h.due().Equal(time.Unix(2, 0)) {
		t.Errorf("head is still linked: %+v", h)
	}
	if m := r.Players[0]; m.Told || m.Connected || m.Tokens != nil || !r.Start.IsEmpty() {
		t.Errorf("roster is still linked: %+v", r)
	}
}

func TestTokensLiveAndAreNeverLogged(t *testing.T) {
	now := time.Unix(1e9, 0)
	var m member
	if !m.renew(now, time.Hour) || m.renew(now.Add(29*time.Minute), time.Hour) {
		t.Fatal("a token is not kept for half of its life")
	}
	first := m.token()
	if !m.renew(now.Add(31*time.Minute), time.Hour) || !m.renew(now.Add(62*time.Minute), time.Hour) {
		t.Fatal("a token is not renewed")
	}
	if len(m.Tokens) != 2 || m.verify(first, now.Add(62*time.Minute)) || !m.verify(m.token(), now.Add(62*time.Minute)) {
		t.Error("want the two newest tokens to be good, and no other")
	}
	if m.verify(m.token(), now.Add(3*time.Hour)) {
		t.Error("an expired token is good")
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "secret", m.Tokens[0].Secret, "all", fmt.Sprint(m.Tokens), "detail", fmt.Sprintf("%+v %v %#v", m.Tokens, m, m))
	if strings.Contains(b.String(), m.token()) {
		t.Errorf("the token is in the log: %s", b.String())
	}
}

func TestNewsOfAnEntry(t *testing.T) {
	red, blue := viewer{team: 1}, viewer{team: 2}
	one, two := ext.Of(map[string]int{"n": 1}), ext.Of(map[string]int{"n": 2})
	e := func(v ext.Value, s PlayerSync) *entry { return &entry{Data: v, Sync: s} }
	for _, row := range []struct {
		name          string
		before, after *entry
		was, now      viewer
		want          byte
	}{
		{"created", nil, e(one, Public()), red, red, changed},
		{"created for others", nil, e(one, Team(2)), red, red, nothing},
		{"updated", e(one, Public()), e(two, Public()), red, red, changed},
		{"updated to the same", e(one, Public()), e(one, Public()), red, red, nothing},
		{"hidden", e(one, Public()), e(two, Hidden()), red, red, removed},
		{"shown", e(one, Hidden()), e(one, Public()), red, red, changed},
		{"still visible", e(one, Public()), e(one, Team(1)), red, red, nothing},
		{"deleted", e(one, Public()), nil, red, red, removed},
		{"deleted unseen", e(one, Team(2)), nil, red, red, nothing},
		{"player came into the team", e(one, Team(1)), e(one, Team(1)), blue, red, changed},
		{"player left the team", e(one, Team(1)), e(one, Team(1)), red, blue, removed},
		{"nobody's party is no party", nil, e(one, Party(pragma.PartyID{})), red, red, nothing},
	} {
		t.Run(row.name, func(t *testing.T) {
			change := touched{before: row.before, after: row.after}
			if got := change.news(row.was, row.now); got != row.want {
				t.Errorf("news() = %d, want %d", got, row.want)
			}
		})
	}
}

func TestPlayersWhoLearnTheSameShareANotification(t *testing.T) {
	watchers := make([]watcher, 100)
	for i := range watchers {
		v := viewer{player: pragma.PlayerID{byte(i)}, team: int64(i % 2)}
		watchers[i] = watcher{before: v, after: v}
	}
	data := ext.Of(map[string]int{"n": 1})
	d := delta{entries: []touched{{key: "a", after: &entry{Data: data, Sync: Public()}}, {key: "b", after: &entry{Data: data, Sync: Team(1)}}}}
	h := head{Version: 5, Seen: map[string]int64{"": 3}}
	all := d.audiences(watchers, h.seenBy)
	if len(all) != 2 || len(all[0].players) != 50 || len(all[1].players) != 50 {
		t.Fatalf("got %d audiences, want two of 50", len(all))
	}
	if n, m := len(all[0].update.Changed), len(all[1].update.Changed); n != 1 || m != 2 {
		t.Errorf("the teams see %d and %d entries, want 1 and 2", n, m)
	}
	h.noteSeen(watchers, all[1:])
	if got := []int64{h.seenBy(watchers[0].after), h.seenBy(watchers[1].after)}; got[0] != 3 || got[1] != 5 {
		t.Errorf("last seen versions are %v, want [3 5]", got)
	}
	if len(h.Seen) != 2 {
		t.Errorf("what a whole team saw takes %d notes, want one more than before", len(h.Seen))
	}
	h.noteSeen(watchers, all)
	if len(h.Seen) != 1 {
		t.Errorf("what all saw leaves %d notes, want 1", len(h.Seen))
	}
}

func TestTheRosterCacheKnowsVersionsAndIsBounded(t *testing.T) {
	c := newRosterCache()
	id := pragma.NewID[pragma.GameInstanceID]()
	c.put(id, 3, []member{{TeamNumber: 1}})
	if _, ok := c.get(id, 4); ok {
		t.Error("an old roster is returned")
	}
	if got, ok := c.get(id, 3); !ok || len(got) != 1 {
		t.Errorf("get() = %v, %v, want the roster", got, ok)
	}
	for range maxCachedRosters + 10 {
		c.put(pragma.NewID[pragma.GameInstanceID](), 1, nil)
	}
	if n := len(c.rosters); n != maxCachedRosters {
		t.Errorf("the cache holds %d rosters, want %d", n, maxCachedRosters)
	}
}
