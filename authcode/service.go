package authcode

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// Service is the service of auth codes (escs E1, E2; wire §7.13). Fill in the
// fields and put it into the list of services of a server's Social side.
type Service struct {
	// Plugin says what partners learn about a player. Nil means [Defaults].
	Plugin ProfilePlugin
	// Accounts knows everybody; an *account.Service does. It is required.
	Accounts Accounts

	m     *pragma.Mount
	cfg   *pragma.Live[Config]
	codes *codes
}

// Accounts looks accounts up. Its method may be called by any number of
// goroutines.
type Accounts interface {
	// Profile returns an account, or [account.ErrNotFound].
	Profile(ctx context.Context, id pragma.SocialID) (*account.Profile, error)
}

var _ Accounts = (*account.Service)(nil)

// Name returns the prefix of the service's calls.
func (s *Service) Name() string { return "AuthCodeRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Social {
		return errors.New("authcode.Service belongs on the Social backend")
	}
	if s.Accounts == nil {
		return errors.New("authcode.Service.Accounts is nil: set it to the account service")
	}
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	s.m = m
	var err error
	s.cfg, err = pragma.ServiceConfig(m, "AuthCodeServiceConfig", DefaultConfig())
	err = errors.Join(err, pragma.AcceptDaoConfig(m, "AuthCodeDaoConfig", codeKind, playerKind), pragma.MountPlugin(m, "AuthCodeService.profilePlugin", s.Plugin))
	s.codes = newCodes(m, s.cfg)
	pragma.HandlePlayer(m, "AuthCodeV1", s.authCode)
	pragma.HandlePartner(m, "GetPlayerWithAuthCodeV1", s.playerWithAuthCode)
	m.Go("cleaner", newCleaner(m, s.cfg).run)
	return err
}

// authCode makes a code for whoever asks; what the request says of a player does
// not matter.
func (s *Service) authCode(ctx context.Context, p *pragma.PlayerSession, _ *wire.AuthCodeAuthCodeV1Request) (*wire.AuthCodeAuthCodeV1Response, error) {
	code, err := s.codes.issue(ctx, p.SocialID)
	if err != nil {
		return nil, err
	}
	return &wire.AuthCodeAuthCodeV1Response{AuthCode: code.String()}, nil
}

// playerWithAuthCode redeems a code. The order of the checks is part of the
// protocol (escs E2).
func (s *Service) playerWithAuthCode(ctx context.Context, p *pragma.PartnerSession, req *wire.AuthCodeGetPlayerWithAuthCodeV1Request) (*wire.AuthCodeGetPlayerWithAuthCodeV1Response, error) {
	if cfg := s.cfg.Load(); !cfg.knows(req.ApplicationID, req.SecretKey) {
		return nil, ErrUnauthorized
	}
	code, err := pragma.ParseID[codeID](req.Code)
	if err != nil || code.IsZero() {
		return nil, ErrCodeNotFound
	}
	owner, err := s.codes.redeem(ctx, code)
	if err != nil {
		return nil, err
	}
	profile, err := s.profile(ctx, p, owner)
	if err != nil {
		return nil, err
	}
	return &wire.AuthCodeGetPlayerWithAuthCodeV1Response{Player: wire.AuthCodePlayerProfile(*profile)}, nil
}

// knows reports whether both the id and the secret are the configured ones. It
// takes as long for every wrong one: digests have one length, and both are
// compared whatever the first comparison says.
func (c *Config) knows(id, secret string) bool {
	return sameText(id, c.AuthCodeApplicationID)&sameText(secret, c.AuthCodeApplicationSecret.Reveal()) == 1
}

func sameText(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// profile returns what a partner learns about the owner of a code.
func (s *Service) profile(ctx context.Context, p *pragma.PartnerSession, owner pragma.SocialID) (*PlayerProfile, error) {
	acc, err := s.Accounts.Profile(ctx, owner)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return nil, ErrCodeNotFound.Wrap(err)
	case err != nil:
		return nil, fmt.Errorf("look up account %s: %w", owner, err)
	}
	r := &BuildPlayerProfileRequest{Account: acc, Partner: p}
	var profile *PlayerProfile
	err = pragma.RunHook(ctx, s.m, "BuildPlayerProfile", func(ctx context.Context) error {
		built, err := s.Plugin.BuildPlayerProfile(ctx, r)
		if err == nil && (built == nil || built.PlayerID == "") {
			err = errors.New("the plugin made a profile without a player id")
		}
		if err == nil {
			own := *built
			profile = &own
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("build profile of %s: %w", owner, err)
	}
	return profile, nil
}
