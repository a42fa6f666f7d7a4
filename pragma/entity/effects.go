package entity

import (
	"context"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// effect is one thing to do after the commit: exactly one of its messages or do.
type effect struct {
	message  *pragma.Notification
	later    func() *pragma.Notification // makes message before the commit
	players  []pragma.PlayerID
	accounts []pragma.SocialID
	partner  pragma.PartnerID
	do       func(ctx context.Context)
}

// NotifyPlayers sends n to players after the commit. What one update asks for
// happens in the order it was asked for. What is said of an entity on this node is
// said in the order of its versions, whichever entities' updates say it: those that
// change it, and those that change nothing but have looked at it, such as a
// greeting. Nothing is sent after [store.ErrUnknown] or a crash: players then learn
// the present state from their next sync.
func (tx *Tx) NotifyPlayers(n *pragma.Notification, to ...pragma.PlayerID) {
	if len(to) > 0 {
		tx.effects = append(tx.effects, effect{message: n, players: slices.Clone(to)})
	}
}

// NotifyAccounts sends n to players of the Social backend after the commit, see
// [Tx.NotifyPlayers].
func (tx *Tx) NotifyAccounts(n *pragma.Notification, to ...pragma.SocialID) {
	if len(to) > 0 {
		tx.effects = append(tx.effects, effect{message: n, accounts: slices.Clone(to)})
	}
}

// NotifyPartner sends n to a trusted server after the commit, see
// [Tx.NotifyPlayers].
func (tx *Tx) NotifyPartner(n *pragma.Notification, to pragma.PartnerID) {
	tx.effects = append(tx.effects, effect{message: n, partner: to})
}

// NotifyLater reserves the place of a notification whose content is not known
// yet: fn is called once, when everything is decided and before the commit. It
// must change nothing, and may return nil for no notification. Only the first
// call with a key counts, so that several changes lead to one notification.
func (tx *Tx) NotifyLater(key any, fn func() *pragma.Notification, to ...pragma.PlayerID) {
	if len(to) > 0 && tx.first(laterKey{key}) {
		tx.effects = append(tx.effects, effect{later: fn, players: slices.Clone(to)})
	}
}

// After calls fn after the commit, in order with the notifications. A crash
// loses it, so fn must only speed up what would happen anyway, such as waking a
// loop. It runs while the entity waits: it must be quick, and cannot make
// updates. Its context does not end. A panic is logged.
func (tx *Tx) After(fn func(ctx context.Context)) {
	tx.effects = append(tx.effects, effect{do: fn})
}

// BeforeCommit calls fn after the function of the update returned nil and before
// the commit is built; fn may change entities and ask for notifications. Only
// the first call with a key counts. Functions run in the order of the calls; an
// error refuses the update.
func (tx *Tx) BeforeCommit(key any, fn func() error) {
	if tx.first(beforeKey{key}) {
		tx.before = append(tx.before, fn)
	}
}

type (
	laterKey  struct{ key any }
	beforeKey struct{ key any }
)

func (tx *Tx) first(key any) bool {
	if tx.once[key] {
		return false
	}
	if tx.once == nil {
		tx.once = make(map[any]bool)
	}
	tx.once[key] = true
	return true
}

// finish runs what was left for the end of fn.
func (tx *Tx) finish() error {
	for i := 0; i < len(tx.before); i++ { // one may add another
		if err := tx.before[i](); err != nil {
			return err
		}
	}
	for i := range tx.effects {
		if e := &tx.effects[i]; e.later != nil {
			e.message = e.later()
		}
	}
	return nil
}

func (e *effect) perform(ctx context.Context, h host, key store.Key) {
	defer func() {
		if p := recover(); p != nil {
			_ = recovered(h, key, p) // logged there; the commit stands
		}
	}()
	switch {
	case e.do != nil:
		e.do(ctx)
	case e.message == nil:
	case e.players != nil:
		h.NotifyPlayers(ctx, e.message, e.players...)
	case e.accounts != nil:
		h.NotifyAccounts(ctx, e.message, e.accounts...)
	default:
		h.NotifyPartner(ctx, e.message, e.partner)
	}
}
