package matchmaking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// describe asks the pool plugin by what a party is found.
func (s *Service) describe(ctx context.Context, key QueueKey, p *Party, now time.Time) error {
	var a *Attributes
	err := pragma.RunHook(ctx, s.m, hookDescribe, func(ctx context.Context) (err error) {
		a, err = s.Pool.Describe(ctx, &DescribeRequest{key, p, now})
		return err
	})
	if err != nil {
		return err
	}
	if err := p.describe(a); err != nil {
		return ErrPlugin.Wrap(fmt.Errorf("%s: %w", hookDescribe, err))
	}
	return nil
}

// rejoin lets a party or a game wait whose ticket was found in the store. A party
// that the pool plugin does not want any more is sent back.
func (s *Service) rejoin(ctx context.Context, id pragma.TicketID, t *ticket) {
	if s.Pool == nil || t.Game != nil {
		s.index.addTicket(id, t)
		return
	}
	key, p := t.key(), t.party(id)
	why := s.describe(ctx, key, p, time.Now())
	if why == nil {
		s.index.add(key, p)
		return
	}
	if ctx.Err() != nil {
		return
	}
	s.m.Log().WarnContext(ctx, "the plugin refuses a party that waits; it is sent back", "party", p.ID, "err", why)
	err := s.tickets.Update(ctx, id.String(), func(tx *entity.Tx, t *ticket) error {
		return s.sendBack(tx, id, t, wire.MatchmakingFailureUnspecified)
	})
	if err != nil && !errors.Is(err, entity.ErrNotFound) {
		s.m.Log().WarnContext(ctx, "cannot send a party back from matchmaking", "party", p.ID, "err", err)
	}
}
