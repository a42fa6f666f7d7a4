package playerdata

import (
	"context"
	"errors"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// Service is the player data service of the Game backend (wire §7.11). It has no
// settings.
type Service struct{}

// Name implements [pragma.Service].
func (s *Service) Name() string { return "PlayerDataServiceRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Game {
		return errors.New("playerdata.Service belongs on the Game backend")
	}
	pragma.HandlePlayer(m, "GetV1", func(context.Context, *pragma.PlayerSession, *wire.PlayerDataGetV1Request) (*wire.PlayerDataGetV1Response, error) {
		return &wire.PlayerDataGetV1Response{}, nil
	})
	pragma.HandlePartner(m, "GetPartnerV1", func(context.Context, *pragma.PartnerSession, *wire.PlayerDataGetPartnerV1Request) (*wire.PlayerDataGetPartnerV1Response, error) {
		return &wire.PlayerDataGetPartnerV1Response{}, nil
	})
	return nil
}
