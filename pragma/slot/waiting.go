package slot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// Waiting is a notification that a player may not have got yet.
type Waiting struct {
	ID           pragma.ID[Waiting]   `json:"id"`
	Since        time.Time            `json:"since"`
	Notification *pragma.Notification `json:"notification"`
	// UntilGame says that it means nothing to a player who has joined a game since.
	UntilGame bool `json:"untilGame,omitzero"`
}

const (
	// waitingLife is how long a notification waits for its player.
	waitingLife = time.Hour
	// maxWaiting bounds the notifications that wait for one player; the oldest goes.
	maxWaiting = 8
	// settleAfter is how long a notification that was sent stays in the slot. If the
	// connection, or this process, turns out to be dead by then, the player is told
	// again when he comes back.
	settleAfter = 2 * time.Second
	// settleBatch is how many slots are tidied in one commit.
	settleBatch = 64
)

// NotifyOnce sends a player something that is said only once and that no later
// state repeats, such as the end of a game (wire §9, waiting events). It is kept
// in the slot by the same commit. If the player has no socket, or loses it, or this
// process dies, within seconds, [Slots.TellWaiting] sends it when he connects within
// an hour; so he may get it twice. One who goes on with the frames he has missed
// (ADR 12) gets it with them, and again with the next greeting within the hour.
func (s *Slots) NotifyOnce(tx *entity.Tx, n *pragma.Notification, to ...pragma.PlayerID) error {
	return s.notifyOnce(tx, Waiting{Notification: n}, to)
}

// NotifyUntilGame is [Slots.NotifyOnce] for something that means nothing to a
// player who is in a game, such as his removal from the one before: it stops
// waiting when he joins one.
func (s *Slots) NotifyUntilGame(tx *entity.Tx, n *pragma.Notification, to ...pragma.PlayerID) error {
	return s.notifyOnce(tx, Waiting{Notification: n, UntilGame: true}, to)
}

func (s *Slots) notifyOnce(tx *entity.Tx, news Waiting, to []pragma.PlayerID) error {
	for _, id := range to {
		p, err := s.Edit(tx, id)
		if err != nil {
			return err
		}
		if news.UntilGame && p.InGame() {
			continue
		}
		p.Waiting = slices.DeleteFunc(p.Waiting, func(w Waiting) bool { return tx.Now().Sub(w.Since) > waitingLife })
		if len(p.Waiting) == maxWaiting {
			p.Waiting = p.Waiting[1:]
		}
		w := news
		w.ID, w.Since = pragma.NewID[pragma.ID[Waiting]](), tx.Now()
		p.Waiting = append(p.Waiting, w)
		tx.After(func(context.Context) { s.sent(id, w.ID) })
	}
	tx.NotifyPlayers(news.Notification, to...)
	return nil
}

// receipt says that a notification has reached a player's socket.
type receipt struct {
	player pragma.PlayerID
	id     pragma.ID[Waiting]
	sent   time.Time
}

// sent notes that a notification was sent to a player, if he has a socket here.
// When there is too much to do, it stays in the slot and is sent once more.
func (s *Slots) sent(player pragma.PlayerID, id pragma.ID[Waiting]) {
	if !s.m.PlayerConnected(player) {
		return
	}
	select {
	case s.receipts <- receipt{player, id, time.Now()}:
	default:
	}
}

// settleReceipts takes notifications that were sent a while ago out of the slots
// of players who are still connected.
func (s *Slots) settleReceipts(ctx context.Context) {
	var young []receipt // at most one, that came after the last batch
	for {
		batch := young
		if young = nil; batch == nil {
			select {
			case <-ctx.Done():
				return
			case first := <-s.receipts:
				batch = append(batch, first)
			}
		}
		if !pause(ctx, batch[0].wait()) {
			return
		}
		for len(batch) < settleBatch && len(s.receipts) > 0 && young == nil {
			if next := <-s.receipts; next.wait() > 0 {
				young = append(young, next)
			} else {
				batch = append(batch, next)
			}
		}
		batch = slices.DeleteFunc(batch, func(r receipt) bool { return !s.m.PlayerConnected(r.player) })
		if len(batch) == 0 {
			continue
		}
		if err := s.forget(ctx, batch); err != nil && ctx.Err() == nil {
			s.m.Log().WarnContext(ctx, "notifications that were sent may be sent again", "players", len(batch), "err", err)
		}
	}
}

// wait is how much longer the notification stays.
func (r receipt) wait() time.Duration { return time.Until(r.sent.Add(settleAfter)) }

// pause waits, and reports false if ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (s *Slots) forget(ctx context.Context, batch []receipt) error {
	return s.players.Upsert(ctx, batch[0].player.String(), func(tx *entity.Tx, _ *Player) error {
		for _, r := range batch {
			p, err := s.players.InOrNew(tx, r.player.String())
			if err != nil {
				return err
			}
			p.Waiting = slices.DeleteFunc(p.Waiting, func(w Waiting) bool { return w.ID == r.id })
			if len(p.Waiting) == 0 {
				p.Waiting = nil
			}
		}
		return nil
	})
}

// TellWaiting sends a player who connects what waits for him. The service that
// uses [Slots.NotifyOnce] registers it with OnConnect, behind its own function.
func (s *Slots) TellWaiting(ctx context.Context, who *pragma.PlayerSession) error {
	err := s.players.Update(ctx, who.PlayerID.String(), func(tx *entity.Tx, p *Player) error {
		for _, w := range p.Waiting {
			if tx.Now().Sub(w.Since) <= waitingLife {
				tx.NotifyPlayers(w.Notification, who.PlayerID)
			}
		}
		p.Waiting = nil
		return nil
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tell player %s what waits for him: %w", who.PlayerID, err)
	}
	return nil
}
