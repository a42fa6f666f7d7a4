package escs

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma"
)

// Delivery is the results of one set, as they are sent. It is the same in every
// attempt.
type Delivery struct {
	ID           string `json:"id"` // of this delivery, made by us
	TournamentID string `json:"tournamentId"`
	MatchID      string `json:"matchId"`
	SetID        string `json:"setId"`
	RoundID      string `json:"roundId"`
	// Results are those of the players, in the order of the set start.
	Results []PlayerScores `json:"results"`
}

// PlayerScores is what a player has reached.
type PlayerScores struct {
	PlayerID       string `json:"playerId"`       // at the platform
	IngamePlayerID string `json:"ingamePlayerId"` // as the set start names him
	// Scores are by the identifiers of score types.
	Scores map[string]float64 `json:"scores"`
}

// ResultEncoder writes the requests that send results to the platform (escs E8),
// whose format is not public. Nil in [Service].Encoder means [DefaultEncoder].
type ResultEncoder interface {
	// EncodeResults is called for every attempt, with the credentials of the
	// moment: secrets are never stored. It must return the same for the same request,
	// so that a repetition can be recognised. It usually returns one submission. An
	// encoder may split results into several, up to [MaxSubmissions], each with a
	// [Submission].Part of its own: they are sent in order, and none again that was
	// taken. An error or a panic counts as a failed attempt.
	EncodeResults(ctx context.Context, r *EncodeResultsRequest) ([]Submission, error)
}

// MaxSubmissions is how many requests the results of one set may be split into.
const MaxSubmissions = 1024

// EncodeResultsRequest is for [ResultEncoder].
type EncodeResultsRequest struct {
	// Delivery is what to send. Do not change it.
	Delivery *Delivery
	// GameID and Secret say who we are.
	GameID string
	Secret pragma.Secret
}

// Submission is one request to the platform.
type Submission struct {
	// Part tells the submissions of one set apart, such as the id of a player. It
	// must be empty if there is only one; it must be the same in every attempt.
	Part string
	// Method is the HTTP method; empty: POST. URL is where to; empty: the
	// configured url.
	Method string
	URL    string
	// Header is sent too. Unless it says otherwise, the content is JSON and the
	// Idempotency-Key is setId:roundId, with :part behind it if there is one.
	Header http.Header
	Body   []byte
}

// DefaultEncoder writes the documented form: one request for all players, with the
// credentials as BY_GAME_SECRET_KEY in its body (escs E8).
type DefaultEncoder struct{}

var _ ResultEncoder = DefaultEncoder{}

type defaultBody struct {
	ID     string        `json:"id"`
	Params defaultParams `json:"params"`
}

type defaultParams struct {
	Context      credentials    `json:"context"`
	TournamentID string         `json:"tournamentId"`
	MatchID      string         `json:"matchId"`
	SetID        string         `json:"setId"`
	RoundID      string         `json:"roundId"`
	Results      []PlayerScores `json:"results"`
}

// credentials is how the platform's calls are told who calls.
type credentials struct {
	Type      string `json:"type"`
	GameID    string `json:"gameId"`
	SecretKey string `json:"secretKey"`
}

// EncodeResults implements [ResultEncoder].
func (DefaultEncoder) EncodeResults(_ context.Context, r *EncodeResultsRequest) ([]Submission, error) {
	d := r.Delivery
	body, err := json.Marshal(&defaultBody{d.ID, defaultParams{
		Context:      credentials{"BY_GAME_SECRET_KEY", r.GameID, r.Secret.Reveal()},
		TournamentID: d.TournamentID, MatchID: d.MatchID, SetID: d.SetID, RoundID: d.RoundID, Results: d.Results,
	}}, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode results of set %s: %w", d.SetID, err)
	}
	return []Submission{{Body: body}}, nil
}
