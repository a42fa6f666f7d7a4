package pragma

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/wire"
)

// This file is what operators see of sessions and do to them (wire §16.6).

// ErrSessionNotFound is a session that is not live, or never was.
var ErrSessionNotFound = &Error{Code: NotFound, Reason: "SessionService_SessionNotFound", Message: "no live session has this id"}

// maxListed bounds the sessions of players that one list looks at. Beyond it the
// count is too low.
const maxListed = 100_000

// shownAddress is the address of a client for operators to see; empty if it is not
// known.
func shownAddress(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// mountOperators registers the calls of operators.
func (sessionService) mountOperators(m *Mount) {
	HandleOperator(m, "OperatorSessionRpc.ListSessionsOperatorV1", m.side.listSessions)
	HandleOperator(m, "OperatorSessionRpc.GetSessionOperatorV1", m.side.getSession)
	HandleOperator(m, "OperatorSessionRpc.TerminateSessionOperatorV1", m.terminateSession)
	if m.Backend() == Game {
		HandleOperator(m, "MultiplayerRpc.GetCacheInfoOperatorV1", m.side.cacheInfo)
	}
}

// listSessions lists live sessions in the order in which they began, so that a
// page shows the same ones as long as none before it ends. Connections of partners
// and operators are those of this node.
func (s *side) listSessions(ctx context.Context, _ *OperatorSession, req *wire.OperatorSessionListSessionsOperatorV1Request) (*wire.OperatorSessionListSessionsOperatorV1Response, error) {
	if _, _, err := req.Of(0); err != nil {
		return nil, ErrMalformed.With("%v", err)
	}
	all := s.sockets.sessions()
	if t := req.Filter.SessionType; t == wire.SessionTypeNone || t == wire.SessionTypePlayer {
		players, err := s.sessions.listed(ctx, &req.Filter)
		if err != nil {
			return nil, err
		}
		all = append(all, players...)
	}
	all = slices.DeleteFunc(all, func(i wire.OperatorSessionInfo) bool { return !shown(&req.Filter, &i) })
	slices.SortFunc(all, func(a, b wire.OperatorSessionInfo) int { return bytes.Compare(a.SessionID[:], b.SessionID[:]) })
	start, end, err := req.Of(len(all))
	if err != nil {
		return nil, ErrMalformed.With("%v", err)
	}
	return &wire.OperatorSessionListSessionsOperatorV1Response{Sessions: all[start:end], Count: wire.Int64(len(all))}, nil
}

// shown reports whether a filter lets a session through.
func shown(f *wire.SessionFilter, i *wire.OperatorSessionInfo) bool {
	player := f.PlayerID.IsZero() ||
		i.SessionType == wire.SessionTypePlayer && i.BackendType == wire.BackendTypeGame && i.PragmaID == f.PlayerID
	return player &&
		(f.SessionType == wire.SessionTypeNone || i.SessionType == f.SessionType) &&
		(f.State == wire.SessionStateUnknown || i.State == f.State) &&
		(f.SocialID.IsZero() || i.SocialID == f.SocialID) &&
		(f.DisplayName == "" || i.DisplayName != nil &&
			(strings.EqualFold(f.DisplayName, i.DisplayName.DisplayName) || strings.EqualFold(f.DisplayName, DisplayName(*i.DisplayName).String())))
}

func (s *side) getSession(ctx context.Context, _ *OperatorSession, req *wire.OperatorSessionRequest) (*wire.OperatorSessionGetSessionOperatorV1Response, error) {
	info, _, err := s.findSession(ctx, req.SessionID)
	if err != nil {
		return nil, err
	}
	return &wire.OperatorSessionGetSessionOperatorV1Response{Session: *info}, nil
}

// findSession finds a live session; player is nil for those of others.
func (s *side) findSession(ctx context.Context, id wire.UUID) (info *wire.OperatorSessionInfo, player *PlayerSession, err error) {
	if id.IsZero() {
		return nil, nil, ErrMalformed.With("sessionId is missing")
	}
	for _, i := range s.sockets.sessions() {
		if i.SessionID == id {
			return &i, nil, nil
		}
	}
	err = s.sessions.each(ctx, func(r *sessionRecord) bool {
		if wire.UUID(r.Session.SessionID) == id && r.live() {
			i := s.sessions.info(r)
			info, player = &i, &r.Session
		}
		return info == nil
	})
	if err == nil && info == nil {
		err = ErrSessionNotFound
	}
	return info, player, err
}

// terminateSession ends a session for good if it is a player's: his tokens of that
// log-in are worthless. Partners and operators lose their connections, but may open
// others with their tokens.
func (m *Mount) terminateSession(ctx context.Context, o *OperatorSession, req *wire.OperatorSessionRequest) (*wire.Empty, error) {
	s := m.side
	info, player, err := s.findSession(ctx, req.SessionID)
	if err != nil {
		return nil, err
	}
	err = m.Audit(ctx, o, "terminate session", slog.String("session", info.SessionID.String()),
		slog.String("sessionType", info.SessionType.String()), slog.String("backend", string(s.backend)), slog.String("whose", info.PragmaID.String()))
	if err != nil {
		return nil, err
	}
	if player == nil {
		s.sockets.kick(SessionID(info.SessionID))
		return nil, nil
	}
	ended, err := s.sessions.end(ctx, player, EndKicked)
	if err != nil {
		return nil, err
	}
	if !ended {
		return nil, ErrSessionNotFound
	}
	s.sessions.announce(ctx, player, EndKicked)
	return nil, nil
}

// cacheInfo says where a player is. One who was never here is nowhere.
func (s *side) cacheInfo(ctx context.Context, _ *OperatorSession, req *wire.MultiplayerGetCacheInfoOperatorV1Request) (*wire.MultiplayerGetCacheInfoOperatorV1Response, error) {
	if req.PlayerID.IsZero() {
		return nil, ErrMalformed.With("playerId is missing")
	}
	r, rev, err := s.sessions.load(ctx, s.sessions.key(req.PlayerID))
	if err != nil {
		return nil, err
	}
	if rev == 0 {
		r.Session.PlayerID = PlayerID(req.PlayerID)
	}
	var w Whereabouts
	if s.whereabouts != nil {
		if w, err = s.whereabouts(ctx, &r.Session); err != nil {
			return nil, err
		}
	}
	resp := &wire.MultiplayerGetCacheInfoOperatorV1Response{
		PartyID: wire.UUID(w.PartyID), MatchmakingID: wire.UUID(w.MatchmakingID), SessionVersion: wire.Int32(max(w.Version, 1)),
	}
	for _, id := range w.GameInstanceIDs {
		resp.GameInstanceIDs = append(resp.GameInstanceIDs, wire.UUID(id))
	}
	if r.live() {
		info := s.sessions.info(&r)
		resp.Session = &info
	}
	return resp, nil
}

// each calls fn with the sessions of players that are live or ending, until it
// returns false. It reads them through the due index, in which no others are.
func (s *sessions) each(ctx context.Context, fn func(r *sessionRecord) bool) error {
	now, err := s.side.store.Now(ctx)
	if err != nil {
		return err
	}
	recs, err := s.side.store.Due(ctx, s.kind(), now.Add(2*liveDue), maxListed)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		r := new(sessionRecord)
		if err := json.Unmarshal(rec.Body, r); err != nil {
			s.side.core.log.ErrorContext(ctx, "unreadable session", "record", rec.Key.String(), "err", err)
			continue
		}
		if !fn(r) {
			break
		}
	}
	return nil
}

// listed returns the live sessions of players that a filter may let through.
func (s *sessions) listed(ctx context.Context, f *wire.SessionFilter) (all []wire.OperatorSessionInfo, err error) {
	take := func(r *sessionRecord) bool {
		if r.live() {
			all = append(all, s.info(r))
		}
		return true
	}
	one := f.PlayerID
	if s.side.backend == Social {
		one = f.SocialID
	}
	if one.IsZero() {
		return all, s.each(ctx, take)
	}
	r, _, err := s.load(ctx, s.key(one))
	take(&r)
	return all, err
}

// info describes a player's live session.
func (s *sessions) info(r *sessionRecord) wire.OperatorSessionInfo {
	p := &r.Session
	seen := r.Since
	if r.LastCall.After(seen) {
		seen = r.LastCall
	}
	info := wire.OperatorSessionInfo{
		SessionID: wire.UUID(p.SessionID), SessionType: wire.SessionTypePlayer, BackendType: s.side.wireBackend(),
		State: wire.SessionStateDetached, PragmaID: s.subject(p), SocialID: wire.UUID(p.SocialID),
		DisplayName:              &wire.DisplayName{DisplayName: p.DisplayName.DisplayName, Discriminator: p.DisplayName.Discriminator},
		ConnectedTimestampMillis: wire.Int64(r.Opened.UnixMilli()),
		RemoteAddress:            r.Address, NodeName: r.Node,
	}
	if r.State == sessionConnected {
		info.State = wire.SessionStateConnected
		if sock := s.side.sockets.player(s.subject(p)); sock != nil {
			seen = sock.seen()
		}
	}
	info.LastSeenTimestampMillis = wire.Int64(seen.UnixMilli())
	return info
}

// seen is when the socket showed a sign of life.
func (s *socket) seen() time.Time {
	if life := s.lastLife.Load(); life != 0 {
		return time.Unix(0, life)
	}
	return s.opened // not accepted yet
}

// sessions describes the sessions of partners and operators on this node. An
// operator's sockets of one log-in are one session.
func (s *sockets) sessions() (all []wire.OperatorSessionInfo) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	operators := make(map[SessionID]int) // index in all
	for _, socks := range s.others {
		for sock := range socks {
			info := s.describe(sock.who, sock.session, sock.opened)
			info.State, info.RemoteAddress = wire.SessionStateConnected, shownAddress(sock.client)
			info.LastSeenTimestampMillis = wire.Int64(sock.seen().UnixMilli())
			i, known := operators[sock.session]
			switch {
			case !known:
				operators[sock.session] = len(all)
				all = append(all, info)
			case info.ConnectedTimestampMillis < all[i].ConnectedTimestampMillis:
				all[i] = info
			}
		}
	}
	for _, streams := range s.away {
		for _, st := range streams {
			if info, waits := s.waiting(st); waits {
				all = append(all, info)
			}
		}
	}
	return all
}

// waiting describes the session of a partner whose connection broke and who may
// go on.
func (s *sockets) waiting(st *stream) (info wire.OperatorSessionInfo, waits bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ring.who.partner == nil || !st.resumable() {
		return info, false
	}
	info = s.describe(st.ring.who, st.ring.owner, st.ring.born)
	info.State = wire.SessionStateDetached
	info.LastSeenTimestampMillis = wire.Int64(st.ring.away.UnixMilli())
	return info, true
}

func (s *sockets) describe(who *caller, id SessionID, opened time.Time) wire.OperatorSessionInfo {
	info := wire.OperatorSessionInfo{
		SessionID: wire.UUID(id), BackendType: s.side.wireBackend(), PragmaID: s.subject(who),
		ConnectedTimestampMillis: wire.Int64(opened.UnixMilli()), NodeName: s.side.core.node,
	}
	if p := who.partner; p != nil {
		info.SessionType, info.PartnerName = wire.SessionTypePartner, p.Name
		return info
	}
	o := who.operator
	info.SessionType, info.SocialID = wire.SessionTypeOperator, wire.UUID(o.SocialID)
	info.DisplayName = &wire.DisplayName{DisplayName: o.DisplayName.DisplayName, Discriminator: o.DisplayName.Discriminator}
	return info
}

// kick ends a session of a partner or an operator on this node.
func (s *sockets) kick(id SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, socks := range s.others {
		for sock := range socks {
			if sock.session == id {
				sock.terminate(EndKicked, Whereabouts{})
			}
		}
	}
	for _, streams := range s.away {
		for _, st := range streams {
			if st.ring.owner == id {
				st.end()
			}
		}
	}
}

func (s *side) wireBackend() wire.BackendType {
	if s.backend == Social {
		return wire.BackendTypeSocial
	}
	return wire.BackendTypeGame
}
