package gameinstance

import (
	"fmt"
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// tell tells everybody what the commit means for him (wire §9).
func (t *turn) tell(c *changes) error {
	if err := t.tellRemoved(c.removed); err != nil {
		return err
	}
	if err := t.tellAdded(c); err != nil {
		return err
	}
	if err := t.tellPlayers(c); err != nil {
		return err
	}
	t.tellServer(c)
	gone := make([]*member, len(c.removed))
	for i, r := range c.removed {
		gone[i] = r.player.m
	}
	return t.returnToParties(gone)
}

// tellRemoved tells players that they are out, and why: nothing repeats that, so it
// waits for those who are away, until they join a game.
func (t *turn) tellRemoved(removed []removal) error {
	n := &t.s.notices
	for _, r := range removed {
		id := r.player.m.PlayerID
		t.s.slots.Announce(t.tx, id)
		news := n.removed.Of(&wire.GameInstanceRemovedFromGameV1Notification{GameInstanceID: wire.UUID(t.h.ID), Ext: r.ext})
		if r.terminated {
			news = n.terminated.Of(t.terminated())
		}
		if err := t.s.slots.NotifyUntilGame(t.tx, news, id); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) terminated() *wire.GameInstanceTerminationV1Notification {
	return &wire.GameInstanceTerminationV1Notification{GameInstanceID: wire.UUID(t.h.ID), Reason: t.reason}
}

// tellAdded tells new players where they are. Those who see the same share one
// encoded message.
func (t *turn) tellAdded(c *changes) error {
	if len(c.added) == 0 {
		return nil
	}
	ids := make([]pragma.PlayerID, len(c.added))
	for n, p := range c.added {
		ids[n] = p.m.PlayerID
	}
	t.s.slots.Announce(t.tx, ids...)
	encoded := make(map[string]*pragma.Notification)
	for n, id := range ids {
		view, sign, err := t.view(id)
		if err != nil {
			return err
		}
		sign += c.addedExt[n].String()
		note := encoded[sign]
		if note == nil {
			note = t.s.notices.added.Of(&wire.GameInstanceAddedToGameV1Notification{
				GameInstanceID: wire.UUID(t.h.ID), Ext: c.addedExt[n], GameInstance: view,
			})
			encoded[sign] = note
		}
		t.tx.NotifyPlayers(note, id)
	}
	return nil
}

// tellPlayers tells those who stay what they see of the change.
func (t *turn) tellPlayers(c *changes) error {
	if !c.changes() && len(t.connected) == 0 && !t.unlinked {
		return nil
	}
	watchers, err := t.watchers()
	if err != nil {
		return err
	}
	d := delta{entries: c.entries, host: t.unlinked}
	for _, r := range c.removed {
		d.removed = append(d.removed, wire.UUID(r.player.m.PlayerID))
	}
	for _, p := range slices.Concat(c.added, c.moved) {
		m := *p.m
		m.TeamNumber = p.team
		d.added = append(d.added, &m)
	}
	all := d.audiences(watchers, t.h.seenBy)
	t.h.noteSeen(watchers, all)
	for _, a := range all {
		a.update.GameInstanceID = wire.UUID(t.h.ID)
		a.update.Version = wire.Int64(t.h.Version)
		t.tx.NotifyPlayers(t.s.notices.updated.Of(&a.update), a.players...)
	}
	return nil
}

// watchers lists the players who stay, and tells those who were connected where
// the server is.
func (t *turn) watchers() ([]watcher, error) {
	list, err := t.staying()
	if err != nil {
		return nil, err
	}
	for _, id := range t.connected {
		m, err := t.member(id)
		if err != nil {
			return nil, err
		}
		details := t.h.details(m)
		t.tx.NotifyPlayers(t.s.notices.host.Of(&wire.GameInstanceHostConnectionDetailsV1Notification{ConnectionDetails: details}), id)
		at := slices.IndexFunc(list, func(w watcher) bool { return w.after.player == id })
		if at >= 0 {
			list[at].hostPresent, list[at].host = true, &details
		}
	}
	return list, nil
}

// staying lists the players who were there before and still are.
func (t *turn) staying() ([]watcher, error) {
	watch := func(m *member) watcher {
		v := viewerOf(m)
		return watcher{before: v, after: v, hostPresent: t.h.Host != nil && m.Connected}
	}
	if !t.inst.loaded { // no hook has looked at the players, so they are all the same
		members, err := t.members()
		list := make([]watcher, len(members))
		for i := range members {
			list[i] = watch(&members[i])
		}
		return list, err
	}
	var list []watcher
	for _, p := range t.inst.players {
		if !p.added {
			w := watch(p.m)
			w.after.team = p.team
			list = append(list, w)
		}
	}
	return list, nil
}

// tellServer tells the linked server of players who came later, in batches.
func (t *turn) tellServer(c *changes) {
	if c.toldExt == nil {
		return
	}
	players := make([]wire.GameServerPlayer, len(c.added))
	for n, p := range c.added {
		m := *p.m
		m.TeamNumber, m.ServerExt = p.team, c.toldExt[n]
		players[n] = serverPlayer(&m)
	}
	for batch := range slices.Chunk(players, t.cfg.AddPlayersBatchSize) {
		t.tx.NotifyPartner(t.s.notices.addPlayers.Of(&wire.GameInstanceAddPlayersV1Notification{
			GameInstanceID: wire.UUID(t.h.ID), GameServerPlayers: batch,
		}), t.h.Server)
	}
}

// returnToParties gives players back to their parties.
func (t *turn) returnToParties(players []*member) error {
	if t.s.Parties == nil {
		return nil
	}
	var order []pragma.PartyID
	groups := make(map[pragma.PartyID][]pragma.PlayerID)
	for _, m := range players {
		if m.PartyID.IsZero() {
			continue
		}
		if groups[m.PartyID] == nil {
			order = append(order, m.PartyID)
		}
		groups[m.PartyID] = append(groups[m.PartyID], m.PlayerID)
	}
	for _, id := range order {
		if err := t.s.Parties.ReturnFromGameInstance(t.tx, id, t.h.ID, groups[id]); err != nil {
			return fmt.Errorf("return players to party %s: %w", id, err)
		}
	}
	return nil
}

// serverPlayer is a player as the server sees him.
func serverPlayer(m *member) wire.GameServerPlayer {
	return wire.GameServerPlayer{
		PlayerID: wire.UUID(m.PlayerID), SocialID: wire.UUID(m.SocialID), DisplayName: wire.DisplayName(m.DisplayName),
		PartyID: wire.UUID(m.PartyID), TeamNumber: wire.Int64(m.TeamNumber), ClientVersion: m.ClientVersion, Ext: m.ServerExt,
	}
}

// details is how a player reaches the server.
func (h *head) details(m *member) wire.HostConnectionDetails {
	if h.Host == nil || m == nil || !m.Connected {
		return wire.HostConnectionDetails{}
	}
	return wire.HostConnectionDetails{
		GameInstanceID: wire.UUID(h.ID), ExtConnectionDetails: &m.ConnectionExt,
		Hostname: h.Host.Hostname, Port: wire.Int32(h.Host.Port), ConnectionToken: m.token(),
	}
}

// view is the instance as one of its players sees it, and a text that is equal
// for players who see the same. It is nil for others.
func (t *turn) view(id pragma.PlayerID) (*wire.BroadcastGameInstance, string, error) {
	members, err := t.members()
	if err != nil {
		return nil, "", err
	}
	at := slices.IndexFunc(members, func(m member) bool { return m.PlayerID == id })
	if at < 0 {
		return nil, "", nil
	}
	me := &members[at]
	v := viewerOf(me)
	b := &wire.BroadcastGameInstance{
		GameInstanceID: wire.UUID(t.h.ID), Version: wire.Int64(t.h.Version), State: t.h.State.wire(),
		GameServerVersion: t.h.GameServerVersion, GameServerZone: t.h.GameServerZone, IsInMatchmaking: t.h.InMatchmaking,
	}
	b.Players = make([]wire.BroadcastGamePlayer, 0, len(members))
	for i := range members {
		b.Players = append(b.Players, broadcastPlayer(&members[i], v))
	}
	if details := t.h.details(me); !details.GameInstanceID.IsZero() {
		b.HostConnectionDetails = &details
	}
	ix, err := t.index()
	if err != nil {
		return nil, "", err
	}
	sign := append([]byte(nil), v.party[:]...)
	visible := ix.visible(v, owners(members))
	b.Data = make([]wire.DataEntry, 0, len(visible))
	for _, e := range visible {
		stored, err := t.entry(e.owner, e.key)
		if err != nil {
			return nil, "", err
		}
		if stored == nil {
			return nil, "", fmt.Errorf("game instance %s: entry %q is in the index and nowhere else", t.h.ID, e.key)
		}
		b.Data = append(b.Data, dataEntry(e.owner, e.key, stored.Data))
		sign = append(append(append(sign, 0), e.owner[:]...), e.key...)
	}
	return b, string(append(sign, 0)), nil
}
