package escs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma"
)

// DefaultPlatform is where the platform takes calls other than results, unless a
// studio was given another address.
const DefaultPlatform = "https://api.escs.io"

// GameServerConfirmation is the word of a trusted game server for what one player
// reached in a single-player round (escs E9). The platform compares it with what
// the player's client has said; a mismatch, or one that is not valid, voids the
// round. The flow of tournaments between players does not need it.
type GameServerConfirmation struct {
	// Platform is the address of the platform; empty means [DefaultPlatform].
	Platform string
	// Secret is the secret that the platform has made for the game.
	Secret pragma.Secret
	// TournamentID and RoundID name the round: the tournamentId and the _id that the
	// platform's client plugin returned when the game began.
	TournamentID, RoundID string
	// Valid says that the round counts, with Score.
	Valid bool
	Score float64
	// Transport carries the call; nil means [http.DefaultTransport].
	Transport http.RoundTripper
}

// Errors of calls to the platform.
var (
	// ErrPlatformRefused is an answer that says no; repeating the call is useless.
	ErrPlatformRefused = errors.New("escs: the platform refuses")
	// ErrPlatformAway is no answer, or one that says not now.
	ErrPlatformAway = errors.New("escs: the platform does not answer")
)

// confirmTimeout bounds a call whose context has no earlier deadline.
const confirmTimeout = 10 * time.Second

// ConfirmGameServer tells the platform. It makes one attempt, and may be called
// again with the same values. The error is [ErrPlatformRefused] or
// [ErrPlatformAway], or says what is missing; it holds no secret.
func ConfirmGameServer(ctx context.Context, c *GameServerConfirmation) error {
	if c.TournamentID == "" || c.RoundID == "" || c.Secret == "" {
		return errors.New("escs: a confirmation needs TournamentID, RoundID and Secret")
	}
	for _, id := range []string{c.TournamentID, c.RoundID} {
		if id == "." || id == ".." {
			return fmt.Errorf("escs: %q is no id", id)
		}
	}
	if math.IsNaN(c.Score) || math.IsInf(c.Score, 0) {
		return fmt.Errorf("escs: a score must be a number, not %v", c.Score)
	}
	said := struct {
		IsValid bool     `json:"isValid"`
		Score   *float64 `json:"score,omitzero"`
	}{IsValid: c.Valid}
	if c.Valid {
		said.Score = &c.Score
	}
	body, err := json.Marshal(&said)
	if err != nil {
		return fmt.Errorf("escs: encode confirmation: %w", err)
	}
	base := c.Platform
	if base == "" {
		base = DefaultPlatform
	}
	to := fmt.Sprintf("%s/tournaments/%s/rounds/%s/game-server-confirmation",
		strings.TrimRight(base, "/"), url.PathEscape(c.TournamentID), url.PathEscape(c.RoundID))
	return c.put(ctx, to, body)
}

func (c *GameServerConfirmation) put(ctx context.Context, to string, body []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, confirmTimeout, fmt.Errorf("no answer within %v", confirmTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, to, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("escs: %w", withoutAddress(ctx, err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("escs-game-secret-key", c.Secret.Reveal())
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	answer, err := call(newClient(base), req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPlatformAway, err)
	}
	v := judge(answer, nil)
	switch text := hide(v.text, c.Secret, keptError); v.outcome {
	case outcomeTaken:
		return nil
	case outcomeAgain:
		return fmt.Errorf("%w: %s", ErrPlatformAway, text)
	default:
		return fmt.Errorf("%w: %s", ErrPlatformRefused, text)
	}
}

// EventSubscriber asks the platform to be told of events, such as the end of a
// tournament (escs E10). The form of that call is not public, and tournaments do
// not need it: nothing here implements it, and nothing calls it. It is the place
// for a studio that was given the form.
type EventSubscriber interface {
	// SubscribeToEvent returns the id of a subscription.
	SubscribeToEvent(ctx context.Context, r *SubscribeToEventRequest) (string, error)
}

// SubscribeToEventRequest is for [EventSubscriber].
type SubscribeToEventRequest struct {
	Event        string // such as TOURNAMENT_END
	TournamentID string
	CallbackURL  string        // what the platform calls
	Lifetime     time.Duration // of the subscription
}
