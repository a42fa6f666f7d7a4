package escstest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Set is a set as the platform starts it (escs §6).
type Set struct {
	SetID, TournamentID, MatchID, RoundID string
	End                                   time.Time
	Teams                                 [][]Player
	GlobalMetadata                        string
}

// Player is a participant of a [Set].
type Player struct {
	PlayerID       string `json:"playerId"`
	IngamePlayerID string `json:"ingamePlayerId"`
	Username       string `json:"username,omitempty"`
	FirstName      string `json:"firstName,omitempty"`
	LastName       string `json:"lastName,omitempty"`
	IngameMetadata string `json:"ingameMetadata,omitempty"`
	Avatar         string `json:"avatar,omitempty"`
}

// Shape says how a set start is written down. The zero value is the message shape
// with the end in seconds.
type Shape struct {
	// Lists writes each team as a list instead of an object with players.
	Lists bool
	// Misspelt writes pariticipants.
	Misspelt bool
	// Millis writes the end in milliseconds.
	Millis bool
	// Text writes the end as text.
	Text bool
	// Snake writes snake_case on the top level.
	Snake bool
	// Under puts the whole under this member, such as setStart.
	Under string
}

// Write returns the set start as JSON.
func (sh Shape) Write(s *Set) []byte {
	name := func(camel, snake string) string {
		if sh.Snake {
			return snake
		}
		return camel
	}
	participants := "participants"
	if sh.Misspelt {
		participants = "pariticipants"
	}
	body := map[string]any{
		name("setId", "set_id"):                     s.SetID,
		name("tournamentId", "tournament_id"):       s.TournamentID,
		name("matchId", "match_id"):                 s.MatchID,
		name("roundId", "round_id"):                 s.RoundID,
		name("setEndTimeUnix", "set_end_time_unix"): sh.end(s.End),
		participants: sh.teams(s.Teams),
	}
	if s.GlobalMetadata != "" {
		body[name("globalMetadata", "global_metadata")] = s.GlobalMetadata
	}
	var whole any = body
	if sh.Under != "" {
		whole = map[string]any{sh.Under: body}
	}
	text, err := json.Marshal(whole, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil { // texts and numbers only
		panic(err)
	}
	return text
}

func (sh Shape) end(t time.Time) any {
	n := t.Unix()
	if sh.Millis {
		n = t.UnixMilli()
	}
	if sh.Text {
		return strconv.FormatInt(n, 10)
	}
	return n
}

func (sh Shape) teams(teams [][]Player) any {
	if sh.Lists {
		return teams
	}
	list := make([]map[string]any, len(teams))
	for i, team := range teams {
		list[i] = map[string]any{"players": team}
	}
	return list
}

// Sender starts sets, as the platform does. Its methods may be called by any
// number of goroutines.
type Sender struct {
	// Address is the partner gateway of the game backend, with or without http://.
	Address string
	// HTTP makes the calls. Nil means [http.DefaultClient].
	HTTP *http.Client
	// Token is a partner token of the game backend, for [Sender.Call].
	Token string
	// Type is the type of the call. Empty means the documented one.
	Type string
	// Path is where the plain form is taken. Empty means the documented path.
	Path string
	// Bearer is the token of the plain form, Secret the other way to be let in; an
	// empty one is left out.
	Bearer string
	Secret string
}

// What a [Sender] uses unless it is told otherwise (escs E3).
const (
	SetStartType = "ExternalMatchmakingRpc.SetStartV1Request"
	SetStartPath = "/escs/v1/set-start"
)

// ErrRefused is a set start that the game backend does not want.
var ErrRefused = errors.New("escstest: the set start was refused")

// Call starts a set by a call on the partner gateway.
func (s *Sender) Call(ctx context.Context, set *Set, sh Shape) error {
	payload := jsontext.Value(sh.Write(set))
	body, err := json.Marshal(map[string]any{"requestId": 1, "type": cmp.Or(s.Type, SetStartType), "payload": payload}, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("escstest: encode set %s: %w", set.SetID, err)
	}
	answer, err := s.post(ctx, "/v1/rpc", body, http.Header{"Authorization": {"Bearer " + s.Token}})
	if err != nil {
		return err
	}
	var said struct {
		ServiceError jsontext.Value `json:"serviceError"`
	}
	if err := json.Unmarshal(answer, &said); err != nil || said.ServiceError != nil {
		return fmt.Errorf("%w: %s", ErrRefused, answer)
	}
	return nil
}

// Post starts a set by the plain form.
func (s *Sender) Post(ctx context.Context, set *Set, sh Shape) error {
	header := make(http.Header)
	if s.Bearer != "" {
		header.Set("Authorization", "Bearer "+s.Bearer)
	}
	if s.Secret != "" {
		header.Set("escs-game-secret-key", s.Secret)
	}
	_, err := s.post(ctx, cmp.Or(s.Path, SetStartPath), sh.Write(set), header)
	return err
}

// post sends a body and returns that of a good answer.
func (s *Sender) post(ctx context.Context, path string, body []byte, header http.Header) ([]byte, error) {
	url := s.Address + path
	if !strings.Contains(s.Address, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("escstest: %w", err)
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	resp, err := cmp.Or(s.HTTP, http.DefaultClient).Do(req)
	if err != nil {
		return nil, fmt.Errorf("escstest: start a set: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return nil, fmt.Errorf("escstest: read the answer: %w", err)
	case resp.StatusCode < 200 || resp.StatusCode >= 300:
		return nil, fmt.Errorf("%w: status %d: %s", ErrRefused, resp.StatusCode, answer)
	}
	return answer, nil
}
