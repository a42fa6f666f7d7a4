package pragma

import (
	"context"
	"errors"
	"time"
)

// EndSessions ends every session of an account, on both backends, with KICKED:
// that of the social id on Social and those of the player ids on Game. Whoever is
// connected is told and closed with 4002. Tokens of all log-ins up to now are
// refused from then on, also of those that were never used; a later log-in is
// welcome, so whoever shuts somebody out sees to that first. Services call it,
// for example after an account is deleted. It may be called again after an error.
func (m *Mount) EndSessions(ctx context.Context, account SocialID, players ...PlayerID) error {
	var errs []error
	for _, side := range m.side.core.sides {
		switch side.backend {
		case Social:
			errs = append(errs, side.sessions.bar(ctx, &PlayerSession{SocialID: account}))
		case Game:
			for _, player := range players {
				errs = append(errs, side.sessions.bar(ctx, &PlayerSession{SocialID: account, PlayerID: player}))
			}
		}
	}
	return errors.Join(errs...)
}

// bar ends the live session of the player, if there is one, and shuts out all
// others that have been signed. p names the player alone.
func (s *sessions) bar(ctx context.Context, p *PlayerSession) error {
	var ended *PlayerSession
	err := s.update(ctx, s.keyOf(p), func(r *sessionRecord, now time.Time) error {
		ended = nil
		switch {
		case r.live():
			r.State, r.Reason, r.Since, r.due = sessionEnding, EndKicked, now, now
			session := r.Session
			ended = &session
		case r.State == "":
			*r = sessionRecord{Session: *p, State: sessionEnded, Reason: EndKicked, Since: now}
		}
		last := r.Session.SessionID
		if last.Compare(r.Barred) < 0 {
			last = r.Barred
		}
		r.Barred = NewOrderedIDAfter(last)
		return nil
	})
	if err != nil || ended == nil {
		return err
	}
	s.ended(ended)
	s.announce(ctx, ended, EndKicked)
	return nil
}
