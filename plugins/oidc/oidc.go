package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/openpragma/engine/internal/once"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// Provider is one OpenID Connect identity provider, such as Google. A server may
// have several with different types. Fields must not be changed once the server
// runs; it must not be copied then.
type Provider struct {
	account.ProviderDefaults

	// Type is the documented name of the provider, such as GOOGLE (wire §2.2). A
	// studio's own ends in _EXT by custom. Log-ins name it, and its configuration
	// stands under it.
	Type string
	// Number is the number by which log-ins may name the provider too: 101 or more,
	// for one that the studio has defined. 0 means none.
	Number int
	// Config is what the configuration starts from. Nil means [DefaultConfig].
	Config *Config
	// Adjust, if set, is called for every token that was accepted, before the
	// account is looked up. It may change what is known of the account, or refuse
	// the log-in with an error. Calls run at the same time.
	Adjust func(ctx context.Context, r *AdjustRequest) error
	// Transport carries the requests to the issuer. Nil means one that takes the
	// proxy of the environment and bounds its connections.
	Transport http.RoundTripper

	live *pragma.Live[Config]

	mu     sync.Mutex
	client *http.Client
	now    *issuer // of the present configuration
	used   *once.Set
}

var (
	_ account.IdentityProvider = (*Provider)(nil)
	_ pragma.Configurable      = (*Provider)(nil)
)

// AdjustRequest is a log-in whose ID token was accepted.
type AdjustRequest struct {
	// Claims are those of the token: what the issuer says of the account.
	Claims Claims
	// VerifiedEmail is the account's e-mail address, if the issuer has verified it.
	VerifiedEmail string
	// Request is the log-in. Nothing in it was checked but the token.
	Request *account.ValidateRequest
	// Account is what the log-in will go on with.
	Account *account.ProviderAccount
}

var typeName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,39}$`)

// GetType implements [account.IdentityProvider].
func (p *Provider) GetType() string { return p.Type }

// TypeNumber implements [account.IdentityProvider].
func (p *Provider) TypeNumber() int { return p.Number }

// MountPlugin implements [pragma.Configurable].
func (p *Provider) MountPlugin(m *pragma.PluginMount) error {
	if !typeName.MatchString(p.Type) || p.Type == "UNSAFE" {
		return fmt.Errorf("oidc.Provider.Type %q must be a name of its own such as GOOGLE", p.Type)
	}
	def := p.base()
	def.development = m.Mode() == pragma.Development
	live, err := pragma.PluginConfig(m, def)
	if err != nil {
		return err
	}
	p.live = live
	m.OnStart(func(ctx context.Context) error {
		cfg := p.config()
		if !cfg.RequireIssuerAtStart {
			return nil
		}
		if err := p.reach(ctx, cfg); err != nil {
			return fmt.Errorf("identity provider %s: %w", p.Type, errors.Unwrap(err))
		}
		return nil
	})
	m.Go("issuer", func(ctx context.Context) {
		if err := p.reach(ctx, p.config()); err != nil && ctx.Err() == nil {
			m.Log().WarnContext(ctx, "identity provider cannot be reached; log-ins try again", "provider", p.Type, "err", errors.Unwrap(err))
		}
		<-ctx.Done()
		p.http().CloseIdleConnections()
	})
	return nil
}

// reach asks the issuer for its keys, so that the first log-in need not.
func (p *Provider) reach(ctx context.Context, cfg *Config) error {
	ctx, cancel := outbound.Within(ctx, cfg.timeout())
	defer cancel()
	_, err := p.issuer(cfg).learn(ctx, cfg, "")
	return err
}

func (p *Provider) base() Config {
	if p.Config != nil {
		return *p.Config
	}
	return DefaultConfig()
}

// config returns the present configuration: of the server, or the field's.
func (p *Provider) config() *Config {
	if p.live == nil {
		cfg := p.base()
		return &cfg
	}
	cfg := p.live.Load()
	return &cfg
}

// Settings implements [account.IdentityProvider].
func (p *Provider) Settings() account.ProviderSettings { return p.config().ProviderSettings }

// CanAuthenticate implements [account.IdentityProvider]: players and operators
// may, as playerLoginEnabled and operatorLoginEnabled say.
func (p *Provider) CanAuthenticate(_ context.Context, t pragma.SessionType) bool {
	s := p.Settings()
	return t == pragma.Player && s.PlayerLoginEnabled || t == pragma.Operator && s.OperatorLoginEnabled
}

// Validate implements [account.IdentityProvider]. A token that is not accepted
// is [account.ErrUnauthorized]; an issuer that does not answer is
// [account.ErrProviderResponse].
func (p *Provider) Validate(ctx context.Context, r *account.ValidateRequest) (*account.ProviderAccount, error) {
	cfg := p.config()
	proof, err := parseProof(r.ProviderToken)
	if err != nil {
		return nil, refuse(err.Error())
	}
	limited, cancel := outbound.Within(ctx, cfg.timeout())
	defer cancel()
	from, raw := p.issuer(cfg), proof.IDToken
	if proof.Code != "" {
		if raw, err = from.exchange(limited, cfg, proof); err != nil {
			return nil, err
		}
	}
	claims, err := p.verify(limited, cfg, from, raw, proof.Nonce)
	if err != nil {
		return nil, err
	}
	return p.account(ctx, cfg, claims, r)
}

// account says what the claims mean for us.
func (p *Provider) account(ctx context.Context, cfg *Config, claims Claims, r *account.ValidateRequest) (*account.ProviderAccount, error) {
	who := &account.ProviderAccount{AccountID: claims.id(cfg.AccountIDClaim), DisplayName: claims.Text(cfg.DisplayNameClaim)}
	if who.AccountID == "" {
		return nil, refuse("the ID token does not name an account").Wrap(fmt.Errorf("claim %s", cfg.AccountIDClaim))
	}
	email := ""
	if claims.Bool("email_verified") {
		email = claims.Text(cfg.EmailClaim)
	}
	who.OperatorRoles = roles(cfg, who.AccountID, email)
	if p.Adjust != nil {
		if err := p.Adjust(ctx, &AdjustRequest{Claims: claims, VerifiedEmail: email, Request: r, Account: who}); err != nil {
			return nil, err
		}
	}
	return who, nil
}

// roles returns what the configuration lets an account do as an operator.
func roles(cfg *Config, accountID, email string) []string {
	var list []string
	if role, ok := cfg.OperatorAccounts[accountID]; ok {
		list = append(list, string(role))
	}
	for address, role := range cfg.OperatorEmails {
		if email != "" && lower(address) == lower(email) {
			list = append(list, string(role))
		}
	}
	return list
}

// lower changes ASCII letters only: by the rules of Unicode, other letters have
// some of them as their lower case, and another address would be the same.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// issuer returns what is known of the configured issuer. It starts anew when
// the configuration names another one.
func (p *Provider) issuer(cfg *Config) *issuer {
	client := p.http()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || p.now.url != cfg.Issuer {
		p.now = newIssuer(cfg.Issuer, client)
	}
	return p.now
}

func (p *Provider) http() *http.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		p.client = outbound.NewClient(p.Transport)
	}
	return p.client
}

func (p *Provider) tokens() *once.Set {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used == nil {
		p.used = once.NewSet(maxRemembered)
	}
	return p.used
}
