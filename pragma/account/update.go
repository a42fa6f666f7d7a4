package account

import (
	"context"
	"log/slog"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// handleNames registers the calls that change display names (wire §7.9, §16.7).
func (s *Service) handleNames(m *pragma.Mount) {
	pragma.HandlePlayer(m, "UpdateDisplayNameV1", func(ctx context.Context, p *pragma.PlayerSession, req *wire.AccountUpdateDisplayNameV1Request) (*wire.AccountUpdateDisplayNameV1Response, error) {
		return renamed(s.rename(ctx, p.SocialID, req.RequestedDisplayName, pragma.Player))
	})
	pragma.HandlePartner(m, "UpdateDisplayNamePartnerV1", func(ctx context.Context, _ *pragma.PartnerSession, req *wire.AccountUpdateDisplayNamePartnerV1Request) (*wire.AccountUpdateDisplayNameV1Response, error) {
		return renamed(s.rename(ctx, pragma.SocialID(req.PragmaSocialID), req.RequestedDisplayName, pragma.Partner))
	})
	pragma.HandleOperator(m, "UpdateDisplayNameOperatorV1", func(ctx context.Context, o *pragma.OperatorSession, req *wire.AccountUpdateDisplayNamePartnerV1Request) (*wire.AccountUpdateDisplayNameV1Response, error) {
		if err := s.m.Audit(ctx, o, "update display name", slog.String("account", req.PragmaSocialID.String())); err != nil {
			return nil, err
		}
		return renamed(s.rename(ctx, pragma.SocialID(req.PragmaSocialID), req.RequestedDisplayName, pragma.Operator))
	})
}

func renamed(name pragma.DisplayName, err error) (*wire.AccountUpdateDisplayNameV1Response, error) {
	if err != nil {
		return nil, err
	}
	return &wire.AccountUpdateDisplayNameV1Response{UpdatedDisplayName: wire.DisplayName(name)}, nil
}

// UpdateDisplayName gives an account another display name and returns it with its
// digits, which stay if nobody has them with the new name. The old one is free at
// once. Tokens have the new name from the next log-in or refresh on; sessions
// that are open keep the old one. Spaces around the name are cut off; it has 1 to
// 32 printable letters and no #, or the error is [ErrBadRequest]. Other errors are
// [ErrNotFound], [ErrNoDiscriminators] and those of [Plugin.OnAccountUpdate]. It
// is safe for concurrent use.
func (s *Service) UpdateDisplayName(ctx context.Context, id pragma.SocialID, name string) (pragma.DisplayName, error) {
	return s.rename(ctx, id, name, "")
}

func (s *Service) rename(ctx context.Context, id pragma.SocialID, requested string, by pragma.SessionType) (pragma.DisplayName, error) {
	name, err := checkName(requested)
	if err != nil {
		return pragma.DisplayName{}, err
	}
	var after pragma.DisplayName
	err = s.update(ctx, id, Change{DisplayName: name}, by, func(tx *entity.Tx, acc *state) error {
		if err := s.accounts.rename(tx, acc, name); err != nil {
			return err
		}
		after = acc.DisplayName
		return nil
	})
	return after, err
}

// update makes a change of account data that somebody asked for, if the plugin
// does not refuse it.
func (s *Service) update(ctx context.Context, id pragma.SocialID, c Change, by pragma.SessionType, fn func(tx *entity.Tx, acc *state) error) error {
	err := s.accounts.all.Update(ctx, id.String(), func(tx *entity.Tx, acc *state) error {
		err := s.hook(tx.Context(), "OnAccountUpdate", func(ctx context.Context) error {
			return s.Plugin.OnAccountUpdate(ctx, &UpdateRequest{*acc.account(), c, by})
		})
		if err != nil {
			return err
		}
		return fn(tx, acc)
	})
	return accountError("update account", err)
}
