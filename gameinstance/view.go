package gameinstance

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// This file decides what players see. It does no I/O.

// viewer is what decides which entries a player sees.
type viewer struct {
	player pragma.PlayerID
	party  pragma.PartyID
	team   int64
}

func viewerOf(m *member) viewer { return viewer{m.PlayerID, m.PartyID, m.TeamNumber} }

func (v viewer) sees(s PlayerSync) bool {
	switch s.scope {
	case syncPlayer:
		return s.id == v.player
	case syncParty:
		return s.id == v.party && !v.party.IsZero()
	case syncTeam:
		return s.team == v.team
	case syncPublic:
		return true
	}
	return false
}

// touched is an entry that may look different to somebody after a commit. Nil
// means that there is none before, or after, it.
type touched struct {
	owner         pragma.PlayerID
	key           string
	before, after *entry
}

// What a player learns of a touched entry.
const (
	nothing byte = iota
	changed
	removed
)

// news says what a player learns who is before and after the commit what the
// viewers say.
func (t *touched) news(before, after viewer) byte {
	had := t.before != nil && before.sees(t.before.Sync)
	has := t.after != nil && after.sees(t.after.Sync)
	switch {
	case has && (!had || t.before != t.after && !t.before.Data.Equal(t.after.Data)):
		return changed
	case had && !has:
		return removed
	}
	return nothing
}

// compareTouched is the order in which entries are told: the instance's own
// first, then by player and key.
func compareTouched(a, b touched) int {
	return cmp.Or(a.owner.Compare(b.owner), cmp.Compare(a.key, b.key))
}

// watcher is a player who was in the instance before a commit and still is.
type watcher struct {
	before, after viewer
	// hostPresent says whether he knows where the server is; host is what he is
	// to be told of it.
	hostPresent bool
	host        *wire.HostConnectionDetails
}

// delta is what a commit changes for those who watch.
type delta struct {
	entries []touched
	added   []*member // or moved to another team
	removed []wire.UUID
	// host says that everybody is told of the server, as after an unlink.
	host bool
}

// audience is players who are told the same.
type audience struct {
	players []pragma.PlayerID
	update  wire.GameInstanceUpdatedV1Notification
}

// audiences says who is told what about a commit. previous is the version of
// the last change that a player was able to see.
func (d *delta) audiences(watchers []watcher, previous func(viewer) int64) []*audience {
	var all []*audience
	groups := make(map[string]*audience)
	var sign []byte // its memory is used again and again
	for i := range watchers {
		w := &watchers[i]
		var sees bool
		sign, sees = d.sign(sign[:0], w)
		if !sees {
			continue
		}
		before := previous(w.before)
		sign = binary.AppendVarint(sign, before)
		a := groups[string(sign)]
		if a == nil || w.host != nil {
			a = &audience{update: d.update(w), players: make([]pragma.PlayerID, 0, len(watchers)-i)}
			a.update.PreviousVersion = wire.Int64(before)
			all = append(all, a)
			if w.host == nil {
				groups[string(sign)] = a
			}
		}
		a.players = append(a.players, w.after.player)
	}
	return all
}

// sign appends a text that is equal for players who learn the same, and reports
// whether that is anything at all.
func (d *delta) sign(sign []byte, w *watcher) ([]byte, bool) {
	sees := d.host || w.host != nil || len(d.added)+len(d.removed) > 0
	for i := range d.entries {
		news := d.entries[i].news(w.before, w.after)
		sees = sees || news != nothing
		sign = append(sign, news)
	}
	for _, m := range d.added {
		sign = strconv.AppendBool(sign, sameParty(m, w.after))
	}
	return strconv.AppendBool(sign, w.hostPresent), sees
}

// update is the notification to one player, without its versions.
func (d *delta) update(w *watcher) wire.GameInstanceUpdatedV1Notification {
	n := wire.GameInstanceUpdatedV1Notification{
		PlayersRemoved:               d.removed,
		HostConnectionDetailsPresent: w.hostPresent,
		HostConnectionDetails:        w.host,
	}
	for i := range d.entries {
		t := &d.entries[i]
		switch t.news(w.before, w.after) {
		case changed:
			n.Changed = append(n.Changed, dataEntry(t.owner, t.key, t.after.Data))
		case removed:
			n.Removed = append(n.Removed, dataKey(t.owner, t.key))
		}
	}
	for _, m := range d.added {
		n.PlayersAdded = append(n.PlayersAdded, broadcastPlayer(m, w.after))
	}
	return n
}

// sameParty reports whether a player is in the viewer's party.
func sameParty(m *member, v viewer) bool { return !m.PartyID.IsZero() && m.PartyID == v.party }

func broadcastPlayer(m *member, to viewer) wire.BroadcastGamePlayer {
	b := wire.BroadcastGamePlayer{
		PlayerID:    wire.UUID(m.PlayerID),
		SocialID:    wire.UUID(m.SocialID),
		DisplayName: wire.DisplayName(m.DisplayName),
		TeamNumber:  wire.Int64(m.TeamNumber),
	}
	if sameParty(m, to) {
		b.PartyID = wire.UUID(m.PartyID)
	}
	return b
}

func dataEntry(owner pragma.PlayerID, key string, data ext.Value) wire.DataEntry {
	return wire.DataEntry{Scope: scopeOf(owner), PlayerID: wire.UUID(owner), Key: key, Data: data}
}

func dataKey(owner pragma.PlayerID, key string) wire.DataKey {
	return wire.DataKey{Scope: scopeOf(owner), PlayerID: wire.UUID(owner), Key: key}
}

func scopeOf(owner pragma.PlayerID) wire.DataScope {
	if owner.IsZero() {
		return wire.DataScopeInstance
	}
	return wire.DataScopePlayer
}

// seenBy returns the version of the last change that a player was able to see.
func (h *head) seenBy(v viewer) int64 {
	if len(h.Seen) == 1 {
		return h.Seen[""]
	}
	return max(h.Seen[""], h.Seen[teamName(v.team)], h.Seen[playerName(v.player)])
}

// noteSeen notes that the players of the audiences see the present version. Who
// was in the instance and who was in which team is the same since everybody last
// saw a change, because that is one.
func (h *head) noteSeen(watchers []watcher, audiences []*audience) {
	n := 0
	for _, a := range audiences {
		n += len(a.players)
	}
	switch n {
	case len(watchers):
		h.Seen = map[string]int64{"": h.Version}
		return
	case 0:
		return
	}
	told := make(map[pragma.PlayerID]bool, n)
	for _, a := range audiences {
		for _, id := range a.players {
			told[id] = true
		}
	}
	wholeTeam := make(map[int64]bool)
	for _, w := range watchers {
		whole, known := wholeTeam[w.after.team]
		wholeTeam[w.after.team] = told[w.after.player] && (whole || !known)
	}
	if h.Seen == nil {
		h.Seen = make(map[string]int64)
	}
	for _, w := range watchers {
		switch {
		case wholeTeam[w.after.team]:
			h.Seen[teamName(w.after.team)] = h.Version
		case told[w.after.player]:
			h.Seen[playerName(w.after.player)] = h.Version
		}
	}
}

func teamName(n int64) string              { return "t:" + strconv.FormatInt(n, 10) }
func playerName(id pragma.PlayerID) string { return "u:" + id.String() }

// visible lists the entries of an index that a player sees, in the order of
// [compareTouched], without data.
func (x *index) visible(v viewer, owners []pragma.PlayerID) []touched {
	var list []touched
	for _, owner := range owners {
		for key, sync := range x.of(owner) {
			if v.sees(sync) {
				list = append(list, touched{owner: owner, key: key})
			}
		}
	}
	slices.SortFunc(list, compareTouched)
	return list
}
