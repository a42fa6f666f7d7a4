package steam

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// api asks the Steam web API. Its errors are refusals, or
// [account.ErrProviderResponse] with a cause that holds no secret: the key is
// part of every address.
type api struct {
	cfg    *Config
	client *http.Client
}

// refuse returns a refusal of the log-in, with a message for the client.
func refuse(message string) *pragma.Error { return account.ErrUnauthorized.With("%s", message) }

// odd returns an error about Steam, not about the player.
func odd(method string, format string, args ...any) error {
	return account.ErrProviderResponse.Wrap(fmt.Errorf("steam %s: "+format, append([]any{method}, args...)...))
}

// call asks one method of the web API and decodes its answer.
func (a *api) call(ctx context.Context, method string, args url.Values, answer any) error {
	args.Set("key", a.cfg.SteamWebAPIKey.Reveal())
	args.Set("format", "json")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(a.cfg.APIURL, "/")+"/"+method+"/?"+args.Encode(), nil)
	if err != nil {
		return odd(method, "cannot be asked") // the cause names the address
	}
	got, err := outbound.Do(a.client, req)
	if err != nil {
		return odd(method, "%w", err)
	}
	if got.Status != http.StatusOK {
		return odd(method, "status %d", got.Status)
	}
	if err := json.Unmarshal(got.Body, answer, json.MatchCaseInsensitiveNames(true)); err != nil {
		return odd(method, "unreadable answer")
	}
	return nil
}

// player is what Steam says of who plays.
type player struct {
	id     string
	owner  string // who owns the game: the same, or one who lends it; empty if not said
	banned bool
}

// ticketAnswer has Params or Error.
type ticketAnswer struct {
	Response struct {
		Params *struct {
			Result          string `json:"result"`
			SteamID         string `json:"steamid"`
			OwnerSteamID    string `json:"ownersteamid"`
			VACBanned       bool   `json:"vacbanned"`
			PublisherBanned bool   `json:"publisherbanned"`
		} `json:"params"`
		Error *struct {
			Code int    `json:"errorcode"`
			Text string `json:"errordesc"`
		} `json:"error"`
	} `json:"response"`
}

// ticket asks who a session ticket belongs to.
func (a *api) ticket(ctx context.Context, hex string) (player, error) {
	const method = "ISteamUserAuth/AuthenticateUserTicket/v1"
	args := url.Values{"appid": {strconv.FormatUint(uint64(a.cfg.AppID), 10)}, "ticket": {hex}}
	if a.cfg.Identity != "" {
		args.Set("identity", a.cfg.Identity)
	}
	var body ticketAnswer
	if err := a.call(ctx, method, args, &body); err != nil {
		return player{}, err
	}
	p, e := body.Response.Params, body.Response.Error
	switch {
	case e != nil && p != nil:
		return player{}, odd(method, "both an account and an error")
	case e != nil:
		return player{}, refuse("Steam does not accept the ticket").Wrap(fmt.Errorf("steam error %d: %.100q", e.Code, e.Text))
	case p == nil || p.Result != "OK":
		return player{}, odd(method, "no account")
	case !validID(p.SteamID), p.OwnerSteamID != "" && p.OwnerSteamID != "0" && !validID(p.OwnerSteamID):
		return player{}, odd(method, "an account with an impossible id")
	}
	who := player{id: p.SteamID, banned: p.VACBanned || p.PublisherBanned}
	if p.OwnerSteamID != "0" {
		who.owner = p.OwnerSteamID
	}
	return who, nil
}

// vacBanned asks whether an account is banned by VAC.
func (a *api) vacBanned(ctx context.Context, id string) (bool, error) {
	const method = "ISteamUser/GetPlayerBans/v1"
	var body struct {
		Players []struct {
			SteamID   string `json:"SteamId"`
			VACBanned *bool  `json:"VACBanned"`
		} `json:"players"`
	}
	if err := a.call(ctx, method, url.Values{"steamids": {id}}, &body); err != nil {
		return false, err
	}
	if len(body.Players) != 1 || body.Players[0].SteamID != id || body.Players[0].VACBanned == nil {
		return false, odd(method, "an answer about somebody else")
	}
	return *body.Players[0].VACBanned, nil
}

// owns asks whether an account owns the game.
func (a *api) owns(ctx context.Context, id string) (owns bool, owner string, err error) {
	const method = "ISteamUser/CheckAppOwnership/v2"
	var body struct {
		Ownership *struct {
			Owns   *bool  `json:"ownsapp"`
			Owner  string `json:"ownersteamid"`
			Result string `json:"result"`
		} `json:"appownership"`
	}
	args := url.Values{"appid": {strconv.FormatUint(uint64(a.cfg.AppID), 10)}, "steamid": {id}}
	if err := a.call(ctx, method, args, &body); err != nil {
		return false, "", err
	}
	o := body.Ownership
	if o == nil || o.Owns == nil || o.Result != "OK" {
		return false, "", odd(method, "no statement")
	}
	if !validID(o.Owner) {
		o.Owner = "" // 0 stands for nobody else
	}
	return *o.Owns, o.Owner, nil
}

// name asks what an account is called.
func (a *api) name(ctx context.Context, id string) (string, error) {
	const method = "ISteamUser/GetPlayerSummaries/v2"
	var body struct {
		Response struct {
			Players []struct {
				SteamID string `json:"steamid"`
				Name    string `json:"personaname"`
			} `json:"players"`
		} `json:"response"`
	}
	if err := a.call(ctx, method, url.Values{"steamids": {id}}, &body); err != nil {
		return "", err
	}
	if len(body.Response.Players) != 1 || body.Response.Players[0].SteamID != id {
		return "", odd(method, "an answer about somebody else")
	}
	return body.Response.Players[0].Name, nil
}

// Individual accounts of the public universe are this number and 32 bits.
const firstID = 76561197960265728

// validID reports whether text is the id of an individual account, in the one
// way it can be written.
func validID(text string) bool {
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && n > firstID && n <= firstID+1<<32-1 && text == strconv.FormatUint(n, 10)
}
