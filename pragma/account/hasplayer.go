package account

import (
	"context"
	"errors"

	"github.com/openpragma/engine/pragma"
)

// HasPlayer reports whether a player id belongs to an account. Services that
// cannot know this package ask it through an interface of their own. It is safe
// for concurrent use.
func (s *Service) HasPlayer(ctx context.Context, id pragma.PlayerID) (bool, error) {
	_, err := s.ProfileOfPlayer(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
