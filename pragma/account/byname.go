package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// ProfileByDisplayName returns the account with a display name and
// discriminator, or [ErrNotFound]. Names that differ only in case are the same.
// It is safe for concurrent use.
func (s *Service) ProfileByDisplayName(ctx context.Context, name pragma.DisplayName) (*Profile, error) {
	key := nameKey(name)
	if name.DisplayName == "" || name.Discriminator == "" || !isKey(key) {
		return nil, ErrNotFound.With("no such display name")
	}
	o, err := s.accounts.names.Read(ctx, key)
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrNotFound.With("no such display name")
	}
	if err != nil {
		return nil, fmt.Errorf("find display name: %w", err)
	}
	return s.Profile(ctx, o.SocialID)
}
