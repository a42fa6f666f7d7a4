package account

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// handleDelete registers the calls that delete accounts (wire §7.9).
func (s *Service) handleDelete(m *pragma.Mount) {
	onBoth(s, m, "DeleteAccount", act("delete account", s.deleteAccount))
	s.deleted = entity.NewLane(m, "account-deleted", entity.LaneOptions[Account, struct{}]{Deliver: s.tellDeleted})
}

func (s *Service) deleteAccount(ctx context.Context, audit auditor, req *wire.AccountSocialIDRequest) (*wire.Empty, error) {
	if err := audit(ctx, slog.String("account", req.PragmaSocialID.String())); err != nil {
		return nil, err
	}
	return nil, s.DeleteAccount(ctx, pragma.SocialID(req.PragmaSocialID))
}

// DeleteAccount deletes an account with all that points to it, if
// [Plugin.OnAccountDelete] does not refuse. Its display name and its provider
// accounts are free again: the next log-in with one of them makes a new account.
// Its sessions end with KICKED and its tokens are refused. It returns
// [ErrNotFound] for an unknown account. An error after the deletion is repaired
// in the background. It is safe for concurrent use.
func (s *Service) DeleteAccount(ctx context.Context, id pragma.SocialID) error {
	var gone Account
	err := s.accounts.all.Update(ctx, id.String(), func(tx *entity.Tx, acc *state) error {
		err := s.hook(tx.Context(), "OnAccountDelete", func(ctx context.Context) error {
			return s.Plugin.OnAccountDelete(ctx, &DeleteRequest{*acc.account()})
		})
		if err != nil {
			return err
		}
		gone = *acc.account()
		if err := s.accounts.delete(tx, acc); err != nil {
			return err
		}
		return s.deleted.Call(tx, id.String(), gone)
	})
	if err != nil {
		return accountError("delete account", err)
	}
	return accountError("end sessions", s.endSessions(ctx, &gone)) // tellDeleted does it if this process dies here
}

func (s *Service) endSessions(ctx context.Context, gone *Account) error {
	return s.m.EndSessions(ctx, gone.SocialID, slices.Collect(maps.Values(gone.Players))...)
}

// delete removes an account and frees what it has.
func (a *accounts) delete(tx *entity.Tx, acc *state) error {
	var nobody pragma.SocialID
	for _, l := range acc.Providers {
		if err := release(tx, a.providers, providerKey(l.Provider, l.AccountID), acc.SocialID, nobody); err != nil {
			return err
		}
	}
	for _, player := range acc.Players {
		if err := a.players.Delete(tx, player.String()); err != nil {
			return err
		}
	}
	if err := release(tx, a.names, nameKey(acc.DisplayName), acc.SocialID, nobody); err != nil {
		return err
	}
	if err := a.unmark(tx, acc); err != nil {
		return err
	}
	return a.all.Delete(tx, acc.SocialID.String())
}

// tellDeleted ends the sessions of an account that is deleted, and tells the plugin.
func (s *Service) tellDeleted(ctx context.Context, c *entity.Call[Account]) (struct{}, error) {
	if err := s.endSessions(ctx, &c.Request); err != nil {
		return struct{}{}, err
	}
	err := s.hook(ctx, "OnAccountDeleted", func(ctx context.Context) error {
		return s.Plugin.OnAccountDeleted(ctx, &DeletedEvent{c.Request})
	})
	if err != nil {
		s.m.Log().ErrorContext(ctx, "hook failed", "hook", "OnAccountDeleted", "account", c.Request.SocialID, "err", err)
	}
	return struct{}{}, ctx.Err() // a server that stops tells again
}
