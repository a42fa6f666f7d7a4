package gameinstance

import (
	"fmt"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

const (
	// rememberEnd is how long a repeated EndGameV1 succeeds (engine §15).
	rememberEnd = 60 * time.Minute
	// purgeBatch is how many entries of an instance that is over are deleted at
	// once.
	purgeBatch = 256
)

// finishOver ends the instance: what else the hook did is dropped, except that
// players it removed before were removed. Data is deleted afterwards, in pieces.
func (t *turn) finishOver() error {
	r, err := t.roster()
	if err != nil {
		return err
	}
	c := &changes{removed: t.inst.removed}
	for _, p := range t.inst.players {
		if p.added { // and gone at once: whatever he was in before is over too
			c.added = append(c.added, p)
		}
	}
	t.h.Version++
	t.h.RosterVersion = t.h.Version
	t.s.recent.drop(t.h.ID)
	if err := t.writePlayers(c); err != nil {
		return err
	}
	if err := t.tellRemoved(t.inst.removed); err != nil {
		return err
	}
	if err := t.close(); err != nil {
		return err
	}
	players := make([]*member, len(r.Players))
	ids := make([]pragma.PlayerID, len(r.Players))
	for i := range r.Players {
		players[i], ids[i] = &r.Players[i], r.Players[i].PlayerID
		if err := t.leaveSlot(ids[i]); err != nil {
			return err
		}
	}
	if err := t.tellOver(ids); err != nil {
		return err
	}
	if err := t.callJobs(r); err != nil {
		return err
	}
	if err := t.watchOver(r); err != nil {
		return err
	}
	for _, gone := range t.inst.removed {
		players = append(players, gone.player.m)
	}
	return t.returnToParties(players)
}

// close brings the head into its last state.
func (t *turn) close() error {
	h := t.h
	if err := t.leaveQueue(); err != nil {
		return err
	}
	h.State, h.Reason = StateEnded, wire.GameInstanceTerminationEnded
	if t.inst.over.terminated {
		h.State, h.Reason = StateTerminated, t.reason
		if t.final != "" {
			h.State = t.final
		}
	}
	h.stopTimers()
	h.StaleBy, h.PurgeAt = time.Time{}, t.now
	h.LastAccess, h.Seen = t.now, nil
	return t.partAll(parting{end: EndReason(h.State), over: h.Reason, knows: t.endedBy})
}

// tellOver tells players and server that it is over (wire §9).
func (t *turn) tellOver(ids []pragma.PlayerID) error {
	n := &t.s.notices
	t.s.slots.Announce(t.tx, ids...)
	if t.inst.startFailed {
		t.tx.NotifyPlayers(n.startFailure.Of(&wire.Empty{}), ids...)
	}
	if t.inst.over.terminated {
		if err := t.s.slots.NotifyOnce(t.tx, n.terminated.Of(t.terminated()), ids...); err != nil {
			return err
		}
	} else if err := t.tellEnded(ids); err != nil {
		return err
	}
	if t.endedBy.IsZero() || !t.h.Server.IsZero() && t.h.Server != t.endedBy {
		t.tellServers(t.h.Reason)
	}
	return nil
}

// tellEnded tells the players whom the hook named. Those who are told the same
// share one encoded message.
func (t *turn) tellEnded(ids []pragma.PlayerID) error {
	var order []string
	groups := make(map[string][]pragma.PlayerID)
	exts := make(map[string]ext.Value)
	for _, id := range ids {
		v, named := t.inst.over.exts[id]
		if !named {
			continue
		}
		text := v.String()
		if _, ok := groups[text]; !ok {
			order = append(order, text)
		}
		groups[text] = append(groups[text], id)
		exts[text] = v
	}
	for _, text := range order {
		n := t.s.notices.ended.Of(&wire.GameInstanceGameEndedV1Notification{GameInstanceID: wire.UUID(t.h.ID), Ext: exts[text]})
		if err := t.s.slots.NotifyOnce(t.tx, n, groups[text]...); err != nil {
			return err
		}
	}
	return nil
}

// purge deletes the data of an instance that is over, piece by piece, and an hour
// later the instance.
func (s *Service) purge(tx *entity.Tx, h *head) error {
	id := h.ID.String()
	ix, err := s.indexes.InOrNew(tx, id)
	if err != nil {
		return err
	}
	if len(ix.Stores) > 0 {
		return s.purgeData(tx, h, ix)
	}
	if err := ignoreNotFound(s.indexes.Delete(tx, id)); err != nil {
		return err
	}
	forget := h.LastAccess.Add(rememberEnd)
	if tx.Now().Before(forget) {
		h.PurgeAt = forget
		return nil
	}
	if err := ignoreNotFound(s.rosters.Delete(tx, id)); err != nil {
		return err
	}
	return s.heads.Delete(tx, id)
}

func (s *Service) purgeData(tx *entity.Tx, h *head, ix *index) error {
	left := purgeBatch
	for name, keys := range ix.Stores {
		owner := pragma.PlayerID{}
		if name != ownerName(owner) {
			var err error
			if owner, err = pragma.ParseID[pragma.PlayerID](name); err != nil {
				return fmt.Errorf("data index of game instance %s: %w", h.ID, err)
			}
		}
		for key := range keys {
			if left--; left < 0 {
				break
			}
			if err := ignoreNotFound(s.entries.Delete(tx, entryID(h.ID, owner, key))); err != nil {
				return err
			}
			ix.put(owner, key, nil)
		}
	}
	h.PurgeAt = tx.Now().Add(purgePause)
	return nil
}

// purgePause lets others have their turn between two pieces.
const purgePause = 50 * time.Millisecond
