package escstest

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Request is one request that reached the platform.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Header http.Header
	Body   []byte // as it came
	Key    string // the idempotency key
	// Result is what the body says; nil if it is no submission.
	Result *Result
	// Fault is what the script had for it; empty: nothing.
	Fault string
	// Status is the status of the answer, 0 if none was given.
	Status int
	// Accepted says that the platform took it: it counts as the result. Duplicate
	// says that it had taken one with this key before.
	Accepted  bool
	Duplicate bool
	// Told says that the sender was told so.
	Told bool
}

// Result is a submission as the platform reads it (escs E8).
type Result struct {
	DeliveryID   string
	GameID       string
	SecretKey    string
	TournamentID string
	MatchID      string
	SetID        string
	RoundID      string
	Players      []PlayerResult
}

// PlayerResult is one player of a [Result].
type PlayerResult struct {
	PlayerID       string             `json:"playerId"`
	IngamePlayerID string             `json:"ingamePlayerId"`
	Scores         map[string]float64 `json:"scores"`
}

// submission is the body of the documented form.
type submission struct {
	ID     string `json:"id"`
	Params struct {
		Context struct {
			Type      string `json:"type"`
			GameID    string `json:"gameId"`
			SecretKey string `json:"secretKey"`
		} `json:"context"`
		TournamentID string         `json:"tournamentId"`
		MatchID      string         `json:"matchId"`
		SetID        string         `json:"setId"`
		RoundID      string         `json:"roundId"`
		Results      []PlayerResult `json:"results"`
	} `json:"params"`
}

// contextType is how a game says who it is.
const contextType = "BY_GAME_SECRET_KEY"

// read decodes a submission. It returns nil if it is none.
func read(body []byte) *Result {
	var s submission
	if json.Unmarshal(body, &s) != nil || s.Params.Context.Type != contextType {
		return nil
	}
	p := &s.Params
	return &Result{
		DeliveryID: s.ID, GameID: p.Context.GameID, SecretKey: p.Context.SecretKey,
		TournamentID: p.TournamentID, MatchID: p.MatchID, SetID: p.SetID, RoundID: p.RoundID, Players: p.Results,
	}
}

// Confirmation is what a game server's word for one player's round says (escs E9).
type Confirmation struct {
	TournamentID, RoundID string
	IsValid               bool
	Score                 *float64 // nil: none
}

// Requests returns everything that reached the platform, in order.
func (e *ESCS) Requests() []Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

// Results returns what the platform has taken, one for each key, in order.
func (e *ESCS) Results() []Result {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []Result
	for _, r := range e.requests {
		if r.Accepted && !r.Duplicate && r.Result != nil {
			list = append(list, *r.Result)
		}
	}
	return list
}

// Confirmations returns what game servers have confirmed, in order.
func (e *ESCS) Confirmations() []Confirmation {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.confirmations)
}

// Violations returns what the sender has done that it must not: a request after
// it was told that the result was taken, two bodies for one key, or a submission
// without key or ids. An answer that the sender did not wait for, or that a dying
// sender could not note, counts as told: the platform cannot know better.
func (e *ESCS) Violations() []string {
	var list []string
	complain := func(n int, r *Request, format string, args ...any) {
		list = append(list, fmt.Sprintf("request %d, key %q: ", n+1, r.Key)+fmt.Sprintf(format, args...))
	}
	told := make(map[string]bool)
	first := make(map[string][]byte)
	for n, r := range e.Requests() {
		if r.Method == http.MethodPut {
			continue
		}
		switch {
		case r.Key == "":
			complain(n, &r, "no idempotency key")
			continue
		case r.Result == nil:
			complain(n, &r, "no submission: %s", r.Body)
			continue
		case r.Result.SetID == "" || r.Result.RoundID == "":
			complain(n, &r, "no set or round")
		case told[r.Key]:
			complain(n, &r, "sent again after a success")
		}
		body := bytes.Replace(r.Body, []byte(`"secretKey":"`+r.Result.SecretKey+`"`), nil, 1)
		if before := first[r.Key]; before == nil {
			first[r.Key] = body
		} else if !bytes.Equal(before, body) {
			complain(n, &r, "another body than before: %s, was %s", body, before)
		}
		told[r.Key] = told[r.Key] || r.Told
	}
	return list
}
