package steam

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/openpragma/engine/internal/once"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// Provider lets players in who are known to Steam. The zero value is ready for a
// server whose configuration has its keys. Fields must not be changed once the
// server runs; it must not be copied then.
type Provider struct {
	account.ProviderDefaults

	// Config is what the configuration starts from. Nil means [DefaultConfig].
	Config *Config
	// Transport carries the requests to Steam. Nil means one that takes the proxy
	// of the environment and bounds its connections.
	Transport http.RoundTripper

	live *pragma.Live[Config]
	log  func(ctx context.Context, what string, err error)

	mu     sync.Mutex
	client *http.Client
	used   *once.Set
}

var (
	_ account.IdentityProvider = (*Provider)(nil)
	_ pragma.Configurable      = (*Provider)(nil)
)

// GetType implements [account.IdentityProvider]: it returns STEAM.
func (*Provider) GetType() string { return "STEAM" }

// MountPlugin implements [pragma.Configurable].
func (p *Provider) MountPlugin(m *pragma.PluginMount) error {
	def := p.base()
	def.development = m.Mode() == pragma.Development
	live, err := pragma.PluginConfig(m, def)
	if err != nil {
		return err
	}
	p.live = live
	p.log = func(ctx context.Context, what string, err error) {
		m.Log().WarnContext(ctx, what, "provider", p.GetType(), "err", err)
	}
	m.Go("steam", func(ctx context.Context) {
		<-ctx.Done()
		p.http().CloseIdleConnections()
	})
	return nil
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

// Validate implements [account.IdentityProvider]. The token is a session ticket
// in hex, or an OpenID assertion as JSON (wire §2.2). One that is not accepted is
// [account.ErrUnauthorized]; Steam not answering as it should is
// [account.ErrProviderResponse].
func (p *Provider) Validate(ctx context.Context, r *account.ValidateRequest) (*account.ProviderAccount, error) {
	a := &api{cfg: p.config(), client: p.http()}
	ctx, cancel := outbound.Within(ctx, a.cfg.timeout())
	defer cancel()
	who, err := p.identify(ctx, a, strings.TrimSpace(r.ProviderToken))
	if err != nil {
		return nil, err
	}
	name, err := p.inspect(ctx, a, who)
	if err != nil {
		return nil, err
	}
	found := &account.ProviderAccount{AccountID: who.id, DisplayName: name}
	if role, ok := a.cfg.OperatorAccounts[who.id]; ok {
		found.OperatorRoles = []string{string(role)}
	}
	return found, nil
}

// The longest tokens, in bytes.
const (
	maxTicket    = 8 << 10
	maxAssertion = 16 << 10
)

// identify finds out who the player is.
func (p *Provider) identify(ctx context.Context, a *api, token string) (player, error) {
	if strings.HasPrefix(token, "{") {
		if len(token) > maxAssertion {
			return player{}, refuse("providerToken is too long")
		}
		return p.openID(ctx, a, token)
	}
	if !isTicket(token) {
		return player{}, refuse("providerToken must be a session ticket in hex")
	}
	return a.ticket(ctx, token)
}

// isTicket reports whether a text can be a ticket, so that nothing else is sent
// to Steam.
func isTicket(text string) bool {
	if len(text) == 0 || len(text)%2 != 0 || len(text) > maxTicket {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F')
	})
}

// inspect applies the restrictions, and returns the player's name. What has to
// be asked is asked at the same time.
func (p *Provider) inspect(ctx context.Context, a *api, who player) (name string, err error) {
	if a.cfg.RestrictByAccountBan && who.banned {
		return "", refuse("this Steam account is banned")
	}
	lent := who.owner != "" && who.owner != who.id
	if lent && !a.cfg.AllowFamilySharing {
		return "", refuse("the game is borrowed, which is not allowed here")
	}
	var bans, owner error
	var wg sync.WaitGroup
	if a.cfg.RestrictByAccountBan {
		wg.Go(func() { bans = a.checkBans(ctx, who) })
	}
	if a.cfg.RestrictByAppOwnership {
		wg.Go(func() { owner = a.checkOwner(ctx, who) })
	}
	if a.cfg.FetchPlayerName {
		wg.Go(func() { name = p.askName(ctx, a, who.id) })
	}
	wg.Wait()
	return name, worse(bans, owner)
}

// worse returns the error that says more: a refusal before a failure of Steam.
func worse(a, b error) error {
	if a == nil || errors.Is(b, account.ErrUnauthorized) {
		return b
	}
	return a
}

// checkBans asks for the bans a ticket does not tell: of one who lends the game,
// and of a player without ticket.
func (a *api) checkBans(ctx context.Context, who player) error {
	id := who.owner
	if id == who.id {
		return nil // the ticket has told
	}
	if id == "" {
		id = who.id
	}
	banned, err := a.vacBanned(ctx, id)
	if err == nil && banned {
		return refuse("this Steam account is banned")
	}
	return err
}

// checkOwner asks whether the player, or who lends it to him, owns the game.
func (a *api) checkOwner(ctx context.Context, who player) error {
	id := who.owner
	if id == "" {
		id = who.id
	}
	owns, owner, err := a.owns(ctx, id)
	switch {
	case err != nil:
		return err
	case !owns:
		return refuse("this Steam account does not own the game")
	case owner != "" && owner != id && !a.cfg.AllowFamilySharing:
		return refuse("the game is borrowed, which is not allowed here")
	}
	return nil
}

// askName returns a player's name, or nothing: a log-in does not fail for it.
func (p *Provider) askName(ctx context.Context, a *api, id string) string {
	name, err := a.name(ctx, id)
	if err != nil && p.log != nil {
		p.log(ctx, "the name of a player is not known", errors.Unwrap(err))
	}
	return name
}

func (p *Provider) http() *http.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		p.client = outbound.NewClient(p.Transport)
	}
	return p.client
}

func (p *Provider) assertions() *once.Set {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used == nil {
		p.used = once.NewSet(maxRemembered)
	}
	return p.used
}
