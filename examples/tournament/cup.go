package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/pragma"
)

// cup is the platform's part of the evening: accounts, sets, the bracket.
type cup struct {
	*story
	platform *escstest.ESCS
	sender   *escstest.Sender
	social   string    // partner gateway of the social backend
	token    string    // partner token for it
	started  []fixture // by number
}

// entrant is a player as the platform knows him.
type entrant struct {
	*bot
	account escstest.Player
	absent  bool // he does not come
}

// link lets a player use his game account: his client gives the platform a one-time
// code, for which the backend tells who he is.
func (c *cup) link(ctx context.Context, b *bot, id int) (*entrant, error) {
	code, err := b.player.AuthCode(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s asks for a code: %w", b.name, err)
	}
	name, err := c.redeem(ctx, code)
	if err != nil {
		return nil, fmt.Errorf("the platform redeems the code of %s: %w", b.name, err)
	}
	return &entrant{bot: b, account: escstest.Player{
		PlayerID: fmt.Sprintf("5f158727c9e95137883b8b%02x", id), Username: name,
		IngamePlayerID: b.player.ID().String(), // his client registers it after linking
	}}, nil
}

// redeem returns the name of the player whose code it is.
func (c *cup) redeem(ctx context.Context, code string) (string, error) {
	body, err := json.Marshal(map[string]any{"requestId": 1, "type": "AuthCodeRpc.GetPlayerWithAuthCodeV1Request", "payload": map[string]any{
		"code": code, "application": map[string]any{"_id": applicationID, "secretKey": applicationSecret},
	}})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.social+"/v1/rpc", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.token}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Response struct {
			Payload struct {
				Player struct {
					Username string `json:"username"`
				} `json:"player"`
			} `json:"payload"`
		} `json:"response"`
	}
	if err := json.UnmarshalRead(resp.Body, &answer); err != nil {
		return "", err
	}
	name := answer.Response.Payload.Player.Username
	if name == "" {
		return "", errors.New("no profile in the answer")
	}
	return name, nil
}

// fixture is a set to be played.
type fixture struct {
	name string
	pair [2]*entrant
	mode string        // what the game is told
	ends time.Duration // from its start
	set  *escstest.Set // once it has ids
}

// play starts a set, has both clients play it, and returns the winner when the
// result is there.
func (c *cup) play(ctx context.Context, f fixture) (*entrant, error) {
	for _, e := range f.pair {
		if e.absent {
			c.say("%s: %s does not come", f.name, e.name)
		}
	}
	type played struct {
		points int
		err    error
	}
	clients := make([]chan played, len(f.pair))
	for i, e := range f.pair { // clients hear of the set before the backend does
		clients[i] = make(chan played, 1)
		if e.absent {
			clients[i] <- played{}
			continue
		}
		go func() {
			points, err := e.playSet(ctx, f.set.SetID)
			clients[i] <- played{points, err}
		}()
	}
	if err := c.start(ctx, f.set); err != nil {
		return nil, err
	}
	var told []string
	for i, e := range f.pair {
		p := <-clients[i]
		switch {
		case errors.Is(p.err, errOver):
			c.say("%s: %s has waited until the end of the set, and goes on to the next round", f.name, e.name)
			return e, nil // the other one gets the platform's penalty
		case p.err != nil:
			return nil, p.err
		}
		told = append(told, fmt.Sprintf("%s %d", e.name, p.points))
	}
	c.say("%s: the game is over, the players have seen %s", f.name, strings.Join(told, ", "))
	return c.result(ctx, f)
}

// enter gives a fixture its ids, which end in its number.
func (c *cup) enter(f *fixture) {
	n := len(c.started)
	f.set = &escstest.Set{
		SetID: fmt.Sprintf("%s%04x", setIDs, n), TournamentID: "66f0a1b2c3d4e5f600000001",
		MatchID: fmt.Sprintf("66f0a1b2c3d4e5f6aaaa%04x", n), RoundID: fmt.Sprintf("66f0a1b2c3d4e5f6bbbb%04x", n),
		End:   time.Now().Add(f.ends).Truncate(time.Second),
		Teams: [][]escstest.Player{{f.pair[0].account}, {f.pair[1].account}}, GlobalMetadata: f.mode,
	}
	c.started = append(c.started, *f)
}

// setIDs is how the ids of sets begin.
const setIDs = "66f0a1b2c3d4e5f60718"

// number is that of a set in the list of those that were started.
func number(setID string) int {
	var n int
	_, _ = fmt.Sscanf(strings.TrimPrefix(setID, setIDs), "%x", &n)
	return n
}

// start tells the backend of a set: of every other one by plain HTTP, and twice,
// since an answer may get lost.
func (c *cup) start(ctx context.Context, set *escstest.Set) error {
	tell, shape := c.sender.Call, escstest.Shape{}
	if number(set.SetID)%2 == 1 {
		tell, shape = c.sender.Post, escstest.Shape{Lists: true, Millis: true}
	}
	return errors.Join(tell(ctx, set, shape), tell(ctx, set, shape))
}

// result waits for the result of a set, and returns who has won.
func (c *cup) result(ctx context.Context, f fixture) (*entrant, error) {
	for {
		for _, r := range c.platform.Results() {
			if r.SetID != f.set.SetID {
				continue
			}
			points := make(map[string]float64)
			for _, p := range r.Players {
				points[p.PlayerID] = p.Scores["points"]
			}
			one, two := points[f.pair[0].account.PlayerID], points[f.pair[1].account.PlayerID]
			late := ""
			if time.Now().After(f.set.End) {
				late = ", late"
			}
			c.say("%s: the platform has the result%s: %s %v, %s %v", f.name, late, f.pair[0].name, one, f.pair[1].name, two)
			if one > two {
				return f.pair[0], nil
			}
			return f.pair[1], nil
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return nil, fmt.Errorf("wait for the result of %s: %w", f.name, err)
		}
	}
}

// allow makes the tokens that the platform is given: good for these two calls and
// nothing else.
func allow(ctx context.Context, a pragma.Addresses) (client.Tokens, error) {
	op, err := client.NewOperator(ctx, client.OperatorOptions{Options: client.Options{
		Social: a[pragma.Gateway{Backend: pragma.Social, Type: pragma.Operator}],
	}}, client.Unsafe("operator", "operator"))
	if err != nil {
		return client.Tokens{}, err
	}
	defer op.Close()
	_, tokens, err := op.CreatePartnerToken(ctx, client.PartnerTokens{
		Name: "escs", AllowedTypes: []string{"AuthCodeRpc.GetPlayerWithAuthCodeV1Request", escstest.SetStartType},
	})
	return tokens, err
}
