package gameinstance

import (
	"errors"
	"fmt"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// writeRoster brings players into the roster and their slots.
func (t *turn) writeRoster(c *changes) error {
	t.h.GameServerVersion, t.h.GameServerZone = t.inst.head.GameServerVersion, t.inst.head.GameServerZone
	if len(c.added)+len(c.moved)+len(c.removed) > 0 {
		if err := t.writePlayers(c); err != nil {
			return err
		}
	}
	if t.rosterDirty {
		r, err := t.roster()
		if err != nil {
			return err
		}
		t.h.RosterVersion = t.h.Version
		t.h.MoreBy = r.moreBy()
	}
	return nil
}

func (t *turn) writePlayers(c *changes) error {
	r, err := t.roster()
	if err != nil {
		return err
	}
	t.rosterDirty = true
	for _, p := range c.moved {
		r.find(p.m.PlayerID).TeamNumber = p.team
	}
	if err := t.writeRemoved(r, c.removed); err != nil {
		return err
	}
	for n, p := range c.added {
		m := *p.m
		m.TeamNumber = p.team
		if c.toldExt != nil {
			m.Told, m.ServerExt, m.ConnectBy = true, c.toldExt[n], t.now.Add(millis(t.cfg.ConnectPlayersTimeoutMillis))
		}
		r.joined(m)
		where, err := t.s.slots.Edit(t.tx, m.PlayerID)
		if err != nil {
			return fmt.Errorf("change slot of player %s: %w", m.PlayerID, err)
		}
		where.JoinGame(t.h.ID, t.s.reconnectMode() != ReconnectDisabled)
	}
	return nil
}

// writeRemoved takes players out of the roster and their slots.
func (t *turn) writeRemoved(r *roster, removed []removal) error {
	for _, gone := range removed {
		m := gone.player.m
		r.Players = slices.DeleteFunc(r.Players, func(o member) bool { return o.PlayerID == m.PlayerID })
		r.left(leaver{m.PlayerID, m.PartyID, m.TeamNumber, t.removeExts[m.PlayerID]})
		if t.removeExts[m.PlayerID].Len() > 0 && r.removeBytes() > MaxRemoveBytes {
			return pragma.ErrTooLarge.With("the exts of players who leave a game have at most %d bytes in all", MaxRemoveBytes)
		}
		if err := t.leaveSlot(m.PlayerID); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) leaveSlot(id pragma.PlayerID) error {
	where, err := t.s.slots.Edit(t.tx, id)
	if err != nil {
		return fmt.Errorf("change slot of player %s: %w", id, err)
	}
	where.LeaveGame(t.h.ID)
	return nil
}

// writeData writes the entries that changed, and the index if it did.
func (t *turn) writeData(c *changes) error {
	for i := range c.entries {
		if err := t.writeEntry(&c.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) writeEntry(e *touched) error {
	if e.before == e.after {
		return nil
	}
	id := entryID(t.h.ID, e.owner, e.key)
	if e.before == nil || e.after == nil || e.before.Sync != e.after.Sync {
		ix, err := t.indexToChange()
		if err != nil {
			return err
		}
		var sync *PlayerSync
		if e.after != nil {
			sync = &e.after.Sync
		}
		ix.put(e.owner, e.key, sync)
	}
	if e.before != nil {
		t.h.DataBytes -= e.before.Data.Len()
		t.h.DataEntries--
	}
	if e.after == nil {
		return ignoreNotFound(t.s.entries.Delete(t.tx, id))
	}
	t.h.DataBytes += e.after.Data.Len()
	t.h.DataEntries++
	doc, err := t.s.entries.InOrNew(t.tx, id)
	if err != nil {
		return err
	}
	*doc = *e.after
	return nil
}

// ignoreNotFound is for entries that never reached the store.
func ignoreNotFound(err error) error {
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	return err
}
