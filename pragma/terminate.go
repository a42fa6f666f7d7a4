package pragma

import (
	"context"
	"fmt"
	"strings"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/wire"
)

// Whereabouts is where a player is, as his session's last message and operators
// are told. The zero value is a player who is nowhere.
type Whereabouts struct {
	// Attributes are the session attributes (wire §2.4).
	Attributes map[int32]string
	// Version is that of the attributes in this session (wire §9); zero means 1,
	// that of attributes that never changed.
	Version int32

	PartyID         PartyID
	MatchmakingID   TicketID
	GameInstanceIDs []GameInstanceID
}

// TellWhereabouts registers fn to say where a player is, for
// SessionTerminatedV1Notification and GetCacheInfoOperatorV1 (wire §16.6). Package
// slot does it; only one service of a backend may. fn is called at any time, has
// the time of one call, and gets a session with nothing but the player's id for
// one who has never been here.
func (m *Mount) TellWhereabouts(fn func(ctx context.Context, s *PlayerSession) (Whereabouts, error)) {
	if m.side.whereabouts != nil {
		m.Problem(fmt.Errorf("TellWhereabouts is called twice on the %s backend", m.Backend()))
	}
	m.side.whereabouts = fn
}

// where asks where a player is. Not to know it is no reason to do nothing.
func (s *side) where(ctx context.Context, p *PlayerSession) (w Whereabouts) {
	if s.whereabouts != nil {
		err := guard(ctx, s.core.log, "TellWhereabouts", s.core.requestTimeout(), errLate, func(ctx context.Context) (err error) {
			w, err = s.whereabouts(ctx, p)
			return err
		})
		if err != nil {
			s.core.log.WarnContext(ctx, "cannot find out where a player is", "session", p.SessionID, "err", err)
			w = Whereabouts{}
		}
	}
	w.Version = max(w.Version, 1)
	return w
}

// terminations says how the reasons travel (wire §2.4, §16.8).
var terminations = map[EndReason]struct {
	wire  wire.SessionTerminationReason
	close closeCause
}{
	EndAsRequested: {wire.SessionTerminationAsRequested, closeCause{name: "log-out", code: websocket.StatusNormalClosure}},
	EndUsurped:     {wire.SessionTerminationUsurped, closeCause{name: "usurped", code: 4001}},
	EndKicked:      {wire.SessionTerminationKicked, closeCause{name: "kicked", code: 4002}},
	EndExpired:     {wire.SessionTerminationExpired, closeCause{name: "expired", code: 4003}},
}

// The notifications sent by [socket.terminate].
const (
	terminatedType        = "PlayerSessionRpc.SessionTerminatedV1Notification"
	partnerTerminatedType = "PartnerSessionRpc.PartnerSessionTerminatedV1Notification"
)

// terminate tells whoever is at the other end that the session is over and closes
// the socket. where is that of a player.
func (s *socket) terminate(reason EndReason, where Whereabouts) {
	end := terminations[reason]
	var body []byte
	var err error
	switch {
	case s.who.player != nil:
		body, err = wire.AppendNotification(nil, terminatedType, &wire.PlayerSessionTerminatedV1Notification{
			PlayerSession: s.gw.side.sessions.describe(s.who.player, where), Reason: end.wire,
		})
	case s.who.partner != nil:
		body, err = wire.AppendNotification(nil, partnerTerminatedType, &wire.PartnerSessionTerminatedV1Notification{
			PartnerSession: wire.PartnerSession{PragmaID: wire.UUID(s.who.partner.PartnerID)}, Reason: end.wire,
		})
	}
	if err != nil {
		s.gw.side.core.log.Error("cannot encode a notification", "gateway", s.gw.id.String(), "err", err)
	}
	if body == nil { // there is none for operators
		s.close(end.close)
		return
	}
	s.close(end.close, body)
}

func (s *sessions) describe(p *PlayerSession, where Whereabouts) wire.PlayerSession {
	return wire.PlayerSession{
		PragmaID:    wire.UUID(s.subject(p)),
		SessionID:   wire.UUID(p.SessionID),
		SocialID:    wire.UUID(p.SocialID),
		DisplayName: wire.DisplayName(p.DisplayName),
		Attributes:  where.Attributes,
		Version:     wire.Int32(where.Version),
	}
}

// sessionOver says on the bus that a player's session has ended while a socket of
// it may be open.
type sessionOver struct {
	Session PlayerSession `json:"session"`
	Reason  EndReason     `json:"reason"`
}

func (s *sessions) overSubject() string {
	return "session.over." + strings.ToLower(string(s.side.backend))
}

// announce closes the socket of a session that has ended, wherever it is.
func (s *sessions) announce(ctx context.Context, p *PlayerSession, reason EndReason) {
	data, err := json.Marshal(&sessionOver{*p, reason})
	if err == nil {
		err = s.side.core.bus.Publish(context.WithoutCancel(ctx), s.overSubject(), data)
	}
	if err != nil {
		s.side.core.log.ErrorContext(ctx, "cannot announce the end of a session", "session", p.SessionID, "err", err)
	}
}

// listen closes sockets of this node whose sessions have ended.
func (s *sessions) listen() error {
	_, err := s.side.core.bus.Subscribe(s.overSubject(), func(ctx context.Context, data []byte) {
		var over sessionOver
		err := json.Unmarshal(data, &over)
		if err == nil {
			err = s.terminate(ctx, &over.Session, over.Reason)
		}
		if err != nil {
			s.side.core.log.ErrorContext(ctx, "cannot close the socket of a session that has ended", "session", over.Session.SessionID, "err", err)
		}
	})
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", s.overSubject(), err)
	}
	return nil
}

// terminate closes the socket of a session that has ended, if it is here. It waits
// for a socket that is just being opened.
func (s *sessions) terminate(ctx context.Context, p *PlayerSession, reason EndReason) error {
	ctx, cancel := context.WithTimeout(ctx, s.side.core.requestTimeout())
	defer cancel()
	unlock, err := s.lock(ctx, s.keyOf(p))
	if err != nil {
		return err
	}
	defer unlock()
	s.close(ctx, p, reason)
	return nil
}

// close is terminate for those who hold the lock of the session.
func (s *sessions) close(ctx context.Context, p *PlayerSession, reason EndReason) {
	id := s.subject(p)
	s.side.sockets.forget(id, p.SessionID)
	if sock := s.side.sockets.player(id); sock != nil && sock.who.player.SessionID == p.SessionID {
		sock.terminate(reason, s.side.where(ctx, p))
	}
}
