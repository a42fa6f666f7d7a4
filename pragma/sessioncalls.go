package pragma

import (
	"context"

	"github.com/openpragma/engine/internal/wire"
)

// sessionService has the calls that every backend answers: heartbeats, log-out
// and the exchange of tokens (wire §7.1).
type sessionService struct{}

func (sessionService) Name() string { return "PlayerSessionRpc" }

func (s sessionService) Mount(m *Mount) error {
	heartbeat := func(context.Context, *caller, *wire.Empty) (*wire.Empty, error) { return nil, nil }
	register(m, Player, "HeartbeatV1", heartbeat).inline = true
	register(m, Partner, "PartnerSessionRpc.HeartbeatPartnerV1", heartbeat).inline = true
	register(m, Operator, "OperatorSessionRpc.HeartbeatOperatorV1", heartbeat).inline = true
	register(m, Player, "RequestLogoutV1", m.logOut)
	register(m, Player, "SessionRefreshV1", m.refreshSession)
	PlayerNotice[wire.PlayerSessionTerminatedV1Notification](m, terminatedType)
	PartnerNotice[wire.PartnerSessionTerminatedV1Notification](m, partnerTerminatedType)
	s.mountOperators(m)
	if m.Backend() == Game {
		m.side.core.queue.mount(m)
	}
	if m.Backend() == Social {
		m.Go("login passes", m.side.forgetPasses)
	}
	return nil
}

// logOut ends the session and, after the answer, the socket.
func (m *Mount) logOut(ctx context.Context, c *caller, _ *wire.Empty) (*wire.Empty, error) {
	if _, err := m.side.sessions.end(ctx, c.player, EndAsRequested); err != nil {
		return nil, err
	}
	if c.socket != nil {
		c.socket.closeAfterCall(terminations[EndAsRequested].close)
	} else {
		m.side.sessions.announce(ctx, c.player, EndAsRequested) // the player may have a socket too
	}
	return nil, nil
}

// refreshSession takes the new token of the same session on an open socket.
func (m *Mount) refreshSession(_ context.Context, c *caller, req *wire.PlayerSessionRefreshV1Request) (*wire.Empty, error) {
	who, err := m.side.core.identify(Gateway{m.side.backend, Player}, req.Token)
	if err != nil {
		return nil, err
	}
	if who.id() != c.id() || m.side.sessions.subject(who.player) != m.side.sessions.subject(c.player) {
		return nil, ErrSessionReplaced.With("the token belongs to another session")
	}
	if c.socket != nil {
		c.socket.extend(who.expires)
	}
	return nil, nil
}
