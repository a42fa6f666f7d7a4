package pragma

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/internal/wire"
)

// Notice is a registered kind of notification with payload T. Make one while
// mounting, with [PlayerNotice] or [PartnerNotice].
type Notice[T any] struct{ typ string }

// PlayerNotice registers a notification to players, such as
// "PartyDetailsV1Notification"; the service name is put in front unless the
// name has a dot.
func PlayerNotice[T any](m *Mount, name string) Notice[T] { return notice[T](m, Player, name) }

// PartnerNotice registers a notification to trusted servers.
func PartnerNotice[T any](m *Mount, name string) Notice[T] { return notice[T](m, Partner, name) }

func notice[T any](m *Mount, t SessionType, name string) Notice[T] {
	typ := qualified(m.service, name)
	if _, taken := m.side.notices[typ]; taken {
		m.Problem(fmt.Errorf("notification %s is registered twice", typ))
	}
	m.side.notices[typ] = t
	return Notice[T]{typ}
}

// Of encodes a notification. Send the same value to everybody who gets the same
// payload: it is encoded once here, not once per receiver. It panics only if T
// cannot be encoded at all, which the first test that sends it shows.
func (n Notice[T]) Of(payload *T) *Notification {
	body, err := wire.AppendNotification(nil, n.typ, payload)
	return &Notification{typ: n.typ, body: body, err: err}
}

// Notification is an encoded message without a receiver. It is immutable.
type Notification struct {
	typ  string
	body []byte
	err  error
}

// Type returns the full type, such as PartyRpc.PartyDetailsV1Notification.
func (n *Notification) Type() string { return n.typ }

// NotifyPlayers sends n to the sockets of players of the Game backend. It
// returns when the message is on its way; it is delivered at most once, in the
// order of the calls, and lost for players without a socket: they are told the
// present state when they connect. While a call of a connection runs, messages
// to that connection wait for its answer.
func (m *Mount) NotifyPlayers(ctx context.Context, n *Notification, to ...PlayerID) {
	ids := make([][16]byte, len(to))
	for i, id := range to {
		ids[i] = id
	}
	m.side.notify(ctx, Player, n, ids)
}

// NotifyAccounts sends n to the sockets of players of the Social backend. See
// [Mount.NotifyPlayers].
func (m *Mount) NotifyAccounts(ctx context.Context, n *Notification, to ...SocialID) {
	ids := make([][16]byte, len(to))
	for i, id := range to {
		ids[i] = id
	}
	m.side.notify(ctx, Player, n, ids)
}

// NotifyPartner sends n to every socket opened with the partner's token.
func (m *Mount) NotifyPartner(ctx context.Context, n *Notification, to PartnerID) {
	m.side.notify(ctx, Partner, n, [][16]byte{to})
}

func qualified(service, name string) string {
	for _, r := range name {
		if r == '.' {
			return name
		}
	}
	return service + "." + name
}
