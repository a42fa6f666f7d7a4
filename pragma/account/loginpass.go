package account

import (
	"context"
	"errors"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// loginPass checks that the log-in queue has let a player in. Operators do not
// queue.
func (s *Service) loginPass(t pragma.SessionType, req *wire.AuthenticateOrCreateV2Request) (pragma.LoginPass, error) {
	if t != pragma.Player {
		return pragma.LoginPass{}, nil
	}
	pass, err := s.m.LoginPass(req.LoginQueuePassToken)
	return pass, passRefused(err)
}

// usePass spends the pass for the account that logs in. A provider that names
// nobody is refused by the accounts.
func usePass(ctx context.Context, pass pragma.LoginPass, p IdentityProvider, who *ProviderAccount) error {
	if who == nil {
		return nil
	}
	return passRefused(pass.Use(ctx, p.GetType(), who.AccountID))
}

// passRefused marks a refusal of the log-in queue and names failures of the store.
func passRefused(err error) error {
	if e, ok := errors.AsType[*pragma.Error](err); ok && e.Code == pragma.PermissionDenied {
		return e.Wrap(errors.Join(errForbidden, e.Unwrap()))
	}
	if err != nil {
		return storeFailure(err)
	}
	return nil
}
