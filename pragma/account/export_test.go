package account

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// DeleteMarked deletes an account with what its bans, groups and tags have left
// elsewhere.
func (s *Service) DeleteMarked(ctx context.Context, id pragma.SocialID) error {
	return s.accounts.all.Update(ctx, id.String(), func(tx *entity.Tx, acc *state) error {
		if err := s.accounts.unmark(tx, acc); err != nil {
			return err
		}
		return s.accounts.all.Delete(tx, id.String())
	})
}
