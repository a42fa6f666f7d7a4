package client

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// DefaultGameShard is the id of a title's only game shard (wire §1.3).
const DefaultGameShard = "00000000-0000-0000-0000-000000000001"

// OperatorOptions say where an operator works.
type OperatorOptions struct {
	// Options are used as far as they make sense without sockets: Game and Social
	// are the operator gateways, such as "http://127.0.0.1:11200" for Social, and
	// have to be given as far as they are used. Log-in is on Social.
	Options
	// GameShardID is the shard to administer. Zero means [DefaultGameShard].
	GameShardID pragma.GameShardID
}

// Operator administers a backend with calls over HTTP. [NewOperator] makes one.
// It has no connection and no goroutines, and its methods may be called by
// several goroutines at once. It logs in again when its tokens grow old.
type Operator struct {
	opts   Options
	http   *transport
	shard  pragma.GameShardID
	who    Credentials
	where  *places
	nextID atomic.Int64
	given  bool // the tokens are not from a log-in

	mu     sync.Mutex // guards what follows; held while logging in
	tokens Tokens
	until  time.Time // when to log in again
}

// NewOperator logs an operator in.
func NewOperator(ctx context.Context, opts OperatorOptions, who Credentials) (*Operator, error) {
	o := newOperator(opts)
	o.who = who
	if _, err := o.token(ctx, pragma.Social); err != nil {
		return nil, fmt.Errorf("log in operator: %w", err)
	}
	return o, nil
}

// OperatorWithTokens returns an operator with the tokens of an earlier log-in. They
// are all it has: it does not log in again, so its calls fail when they expire. A
// token of a backend that is not called may be missing.
func OperatorWithTokens(opts OperatorOptions, tokens Tokens) *Operator {
	o := newOperator(opts)
	o.tokens, o.given = tokens, true
	return o
}

func newOperator(opts OperatorOptions) *Operator {
	o := &Operator{opts: opts.Options.withDefaults(), shard: opts.GameShardID}
	if o.shard.IsZero() {
		o.shard = pragma.GameShardID{15: 1} // DefaultGameShard
	}
	o.http = newTransport(&o.opts)
	o.where = &places{social: baseURL(opts.Social), auth: baseURL(opts.Social), shard: o.shard.String()}
	if opts.Game != "" {
		o.where.game = baseURL(opts.Game)
	}
	return o
}

// Social returns the operator gateway of the social backend, for [Call].
func (o *Operator) Social() Caller { return &httpCaller{o, pragma.Social, o.where.social} }

// Game returns the operator gateway of the game backend, for [Call].
func (o *Operator) Game() Caller { return &httpCaller{o, pragma.Game, o.where.game} }

// Close releases idle connections.
func (o *Operator) Close() { o.http.release() }

// token returns the token for a backend, after a log-in if that is due.
func (o *Operator) token(ctx context.Context, b pragma.Backend) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.given && (o.tokens.Social == "" || !o.until.IsZero() && time.Now().After(o.until)) {
		tokens, err := authenticate(ctx, o.http, o.where, o.who, "")
		if err != nil {
			return "", err
		}
		id, err := readClaims(tokens.Social)
		if err != nil {
			return "", fmt.Errorf("social token: %w", err)
		}
		o.tokens, o.until = tokens, time.Time{}
		if d := id.refreshIn(); d > 0 {
			o.until = time.Now().Add(d)
		}
	}
	if b == pragma.Game {
		return o.tokens.Game, nil
	}
	return o.tokens.Social, nil
}

// PartnerTokens says what tokens a trusted server is to get. The zero value is fine.
type PartnerTokens struct {
	Name         string
	AllowedTypes []string      // full request types; none: all
	Expires      time.Duration // whole hours; zero: the configured life
}

// CreatePartnerToken makes tokens for a game server or another trusted server
// (wire §2.6). They cannot be read again later.
func (o *Operator) CreatePartnerToken(ctx context.Context, r PartnerTokens) (pragma.PartnerID, Tokens, error) {
	req := &wire.AccountCreatePartnerTokenV1Request{
		GameShardID:     wire.UUID(o.shard),
		Name:            r.Name,
		AllowedTypes:    r.AllowedTypes,
		ExpirationHours: wire.Int32(r.Expires / time.Hour),
	}
	resp, err := invoke[wire.AccountCreatePartnerTokenV1Response](ctx, o.Social(), "AccountRpc.CreatePartnerTokenV1", req, nil)
	if err != nil {
		return pragma.PartnerID{}, Tokens{}, err
	}
	return pragma.PartnerID(resp.PartnerTokenID),
		Tokens{Game: resp.PragmaPartnerGameToken, Social: resp.PragmaPartnerSocialToken}, nil
}

// httpCaller makes calls over HTTP (wire §1.2).
type httpCaller struct {
	operator *Operator
	backend  pragma.Backend
	url      string
}

func (c *httpCaller) call(ctx context.Context, name string, req any, apply func(*wire.Frame) error) error {
	o := c.operator
	ctx, cancel := context.WithTimeoutCause(ctx, o.opts.CallTimeout, errCallTimeout)
	defer cancel()
	token, err := o.token(ctx, c.backend)
	if err != nil {
		return &CallError{Call: name, Err: fmt.Errorf("log in again: %w", err)}
	}
	body, err := wire.AppendRequest(nil, o.nextID.Add(1), name+"Request", req)
	if err != nil {
		return &CallError{Call: name, Err: err}
	}
	answer, err := o.http.send(ctx, http.MethodPost, c.url+"/v1/rpc", token, body)
	if err != nil {
		return &CallError{Call: name, Err: err}
	}
	f, err := wire.ParseFrame(answer)
	switch {
	case err != nil:
	case f.ServiceError != nil:
		return &CallError{Call: name, TraceID: f.ServiceError.TraceID, Err: refusal(f.ServiceError)}
	default:
		err = apply(&f)
	}
	return named(name, err)
}
