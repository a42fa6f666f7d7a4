package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// Credentials prove to an identity provider who somebody is (wire §2.2).
type Credentials struct {
	// Provider is the provider's name, such as "STEAM".
	Provider string
	// Token is what this provider wants to see. It is a secret.
	Token string
}

// LogValue implements [slog.LogValuer] without the token.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("provider", c.Provider), slog.String("token", "***"))
}

// Unsafe returns credentials of the development provider, which believes
// everybody. Servers in production refuse them.
func Unsafe(accountID, displayName string) Credentials {
	text, err := wire.Marshal(struct {
		AccountID   string `json:"accountId"`
		DisplayName string `json:"displayName"`
	}{accountID, displayName})
	if err != nil { // text that is not UTF-8: the server refuses it with a reason
		text = nil
	}
	return Credentials{Provider: string(wire.IDProviderUnsafe), Token: string(text)}
}

// Tokens are the tokens of a log-in, one for each backend. They are secrets.
type Tokens struct {
	Game   string
	Social string
}

// LogValue implements [slog.LogValuer] without the tokens.
func (Tokens) LogValue() slog.Value { return slog.StringValue("***") }

// LogIn logs a player in and connects him (wire §2.1): it waits in the log-in
// queue, opens both sockets and asks for the player's present party and games.
// ctx bounds the log-in, not the life of the player.
//
// A refused log-in is a [pragma.Error]; [ErrNoGameAccess] is an account that may
// not enter the game. Nothing is tried again.
func LogIn(ctx context.Context, opts Options, who Credentials) (*Player, error) {
	opts = opts.withDefaults()
	p := newPlayer(opts)
	err := p.logIn(ctx, who)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("log in: %w", err)
	}
	return p, nil
}

// Resume connects a player with the tokens of an earlier log-in, such as those
// [Player.Tokens] returned. Within the grace time of the session the player
// finds party and game as they were.
func Resume(ctx context.Context, opts Options, tokens Tokens) (*Player, error) {
	opts = opts.withDefaults()
	p := newPlayer(opts)
	where, err := discover(ctx, p.http, opts)
	switch {
	case err != nil:
	case where.social == "":
		err = errNoSocial
	default:
		err = p.start(ctx, where, tokens)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("resume session: %w", err)
	}
	return p, nil
}

func (p *Player) logIn(ctx context.Context, who Credentials) error {
	where, err := discover(ctx, p.http, p.opts)
	if err != nil {
		return err
	}
	if where.social == "" {
		return errNoSocial
	}
	pass, err := queue(ctx, p.http, where, p.opts.OnQueue)
	if err != nil {
		return err
	}
	tokens, err := authenticate(ctx, p.http, where, who, pass)
	if err != nil {
		return err
	}
	return p.start(ctx, where, tokens)
}

// places are the addresses of one backend and what belongs to it.
type places struct {
	game, social string // base URLs
	auth         string // base URL for the log-in
	shard        string
}

// discover reads /v1/info (wire §1.3). Addresses from the options come first.
func discover(ctx context.Context, t *transport, opts Options) (*places, error) {
	if opts.Game == "" {
		return nil, errors.New("Options.Game is missing")
	}
	game := baseURL(opts.Game)
	var info wire.Info
	if err := t.do(ctx, http.MethodGet, game+"/v1/info", "", nil, &info); err != nil {
		return nil, err
	}
	where := &places{shard: info.GameShardID.String()}
	if opts.Social != "" {
		where.game, where.social = game, baseURL(opts.Social)
		where.auth = where.social
		return where, nil
	}
	where.game = backendURL(info.GameBackend.Protocol, info.GameBackend.Host, info.GameBackend.Port)
	where.social = backendURL(info.SocialBackend.Protocol, info.SocialBackend.Host, info.SocialBackend.Port)
	where.auth = cmp.Or(
		backendURL(info.AuthenticateBackend.Protocol, info.AuthenticateBackend.Host, info.AuthenticateBackend.Port),
		where.social)
	if where.game == "" {
		return nil, fmt.Errorf("%s/v1/info does not name the game backend", game)
	}
	return where, nil
}

// backendURL returns the base URL of a backend, or nothing if it is not named.
func backendURL(protocol, host string, port wire.Int32) string {
	if host == "" {
		return ""
	}
	return cmp.Or(protocol, "http") + "://" + net.JoinHostPort(host, strconv.Itoa(int(port)))
}

var errNoSocial = errors.New("/v1/info does not name the social backend: give Options.Social")

// queue waits in the log-in queue and returns the pass token.
func queue(ctx context.Context, t *transport, where *places, tell func(QueuePosition)) (string, error) {
	const path = "/v1/loginqueue/"
	var ticket wire.LoginQueueTicket
	if err := t.do(ctx, http.MethodGet, where.game+path+"getinqueuev1", "", nil, &ticket); err != nil {
		return "", err
	}
	failures := 0
	for !ticket.IsAllowedIn {
		if tell != nil {
			tell(QueuePosition{Position: int(ticket.PositionInQueue), Eta: time.Duration(ticket.Eta) * time.Millisecond})
		}
		wait := max(time.Duration(ticket.PollNextDuration)*time.Millisecond, 100*time.Millisecond)
		if err := pause(ctx, wait); err != nil {
			return "", fmt.Errorf("wait in log-in queue: %w", err)
		}
		ask := wire.CheckTicketRequest{Token: ticket.Token}
		var next wire.LoginQueueTicket
		if err := t.do(ctx, http.MethodPost, where.game+path+"checkticketv1", "", &ask, &next); err != nil {
			// The ticket keeps its place while the server restarts.
			if failures++; failures > maxQueueFailures || !passing(err) {
				return "", err
			}
			continue
		}
		failures, ticket = 0, next
		if ticket.Token == "" {
			ticket.Token = ask.Token
		}
	}
	return ticket.Token, nil
}

// maxQueueFailures is how often in a row a question to the log-in queue may fail.
const maxQueueFailures = 10

// passing reports whether asking again may help: nobody has refused.
func passing(err error) bool {
	if e, ok := errors.AsType[*HTTPError](err); ok {
		return e.Status >= http.StatusInternalServerError
	}
	e, refused := errors.AsType[*pragma.Error](err)
	return !refused || e.Code == pragma.Unavailable
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// authenticate exchanges credentials for tokens (wire §2.2).
func authenticate(ctx context.Context, t *transport, where *places, who Credentials, pass string) (Tokens, error) {
	ask := wire.AuthenticateOrCreateV2Request{
		ProviderID:          wire.IDProvider(who.Provider),
		ProviderToken:       who.Token,
		GameShardID:         where.shard,
		LoginQueuePassToken: pass,
	}
	var answer wire.AuthenticateOrCreateV2Response
	err := t.do(ctx, http.MethodPost, where.auth+"/v1/account/authenticateorcreatev2", "", &ask, &answer)
	if err != nil {
		return Tokens{}, err
	}
	tokens := Tokens{Game: answer.PragmaTokens.PragmaGameToken, Social: answer.PragmaTokens.PragmaSocialToken}
	switch {
	case tokens.Social == "":
		return Tokens{}, errors.New("server sent no tokens")
	case tokens.Game == "":
		return Tokens{}, ErrNoGameAccess
	}
	return tokens, nil
}
