package steam

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/once"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma/account"
)

// assertion is what Steam sends a browser back with (wire §2.2).
type assertion struct {
	ClaimedID     string `json:"claimedId"`
	NS            string `json:"ns"`
	Mode          string `json:"mode"`
	OPEndpoint    string `json:"opEndpoint"`
	Identity      string `json:"identity"`
	ReturnTo      string `json:"returnTo"`
	ResponseNonce string `json:"responseNonce"`
	AssocHandle   string `json:"assocHandle"`
	Signed        string `json:"signed"`
	Sig           string `json:"sig"`
}

const openIDNamespace = "http://specs.openid.net/auth/2.0"

func parseAssertion(text string) (*assertion, error) {
	var a assertion
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return nil, errors.New("providerToken is not readable JSON")
	}
	return &a, nil
}

// check finds everything that is wrong with an assertion but its signature, and
// returns the account it names. All that counts must be signed.
func (a *assertion) check(cfg *OpenIDConfig, now time.Time) (id string, err error) {
	signed := strings.Split(a.Signed, ",")
	for _, field := range []string{"op_endpoint", "claimed_id", "identity", "return_to", "response_nonce", "assoc_handle"} {
		if !slices.Contains(signed, field) {
			return "", fmt.Errorf("the assertion does not sign %s", field)
		}
	}
	id, ok := strings.CutPrefix(a.ClaimedID, cfg.IdentityPrefix)
	switch {
	case a.NS != openIDNamespace || a.Mode != "id_res":
		return "", errors.New("the assertion is not a positive answer of OpenID 2.0")
	case a.OPEndpoint != cfg.Endpoint:
		return "", errors.New("the assertion is not from Steam")
	case !ok || !validID(id) || a.Identity != a.ClaimedID:
		return "", errors.New("the assertion does not name a Steam account")
	case !allowed(cfg.ReturnTo, a.ReturnTo):
		return "", errors.New("the assertion is meant for another site")
	case a.Sig == "" || a.AssocHandle == "":
		return "", errors.New("the assertion is not signed")
	}
	made, err := a.made()
	switch {
	case err != nil:
		return "", errors.New("the assertion has no readable nonce")
	case now.Sub(made) > cfg.maxAge()+skew:
		return "", errors.New("the assertion is too old")
	case made.Sub(now) > skew:
		return "", errors.New("the assertion is from the future")
	}
	return id, nil
}

// skew is how far the clocks of Steam and the server may differ.
const skew = time.Minute

// made returns when the assertion was made: its nonce begins with that.
func (a *assertion) made() (time.Time, error) {
	const layout = "2006-01-02T15:04:05Z"
	if len(a.ResponseNonce) < len(layout) || len(a.ResponseNonce) > 255 {
		return time.Time{}, errors.New("no time")
	}
	return time.Parse(layout, a.ResponseNonce[:len(layout)])
}

// allowed reports whether an address is one of a list, whatever its query is.
func allowed(list []string, address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Fragment != "" || u.User != nil {
		return false
	}
	u.RawQuery, u.ForceQuery = "", false
	return slices.Contains(list, u.String())
}

// form is the assertion as a question to the one who made it.
func (a *assertion) form() url.Values {
	return url.Values{
		"openid.ns":             {a.NS},
		"openid.mode":           {"check_authentication"},
		"openid.op_endpoint":    {a.OPEndpoint},
		"openid.claimed_id":     {a.ClaimedID},
		"openid.identity":       {a.Identity},
		"openid.return_to":      {a.ReturnTo},
		"openid.response_nonce": {a.ResponseNonce},
		"openid.assoc_handle":   {a.AssocHandle},
		"openid.signed":         {a.Signed},
		"openid.sig":            {a.Sig},
	}
}

// confirm asks Steam whether it made the assertion.
func (a *api) confirm(ctx context.Context, what *assertion) error {
	const method = "OpenID check_authentication"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.cfg.OpenID.Endpoint, strings.NewReader(what.form().Encode()))
	if err != nil {
		return odd(method, "%w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got, err := outbound.Do(a.client, req)
	if err != nil {
		return odd(method, "%w", err)
	}
	if got.Status != http.StatusOK {
		return odd(method, "status %d", got.Status)
	}
	answer := keyValues(string(got.Body))
	switch {
	case answer["ns"] != openIDNamespace:
		return odd(method, "an answer that is not of OpenID 2.0")
	case answer["is_valid"] == "true":
		return nil
	case answer["is_valid"] == "false":
		return refuse("Steam does not know the assertion, or it was used before")
	}
	return odd(method, "neither yes nor no")
}

// keyValues reads the key-value form of OpenID 2.0 §4.1.1. What stands twice
// counts as neither.
func keyValues(text string) map[string]string {
	values := make(map[string]string)
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if _, twice := values[key]; twice {
			value = ""
		}
		values[key] = value
	}
	return values
}

// maxRemembered is how many assertions can be fresh at a time.
const maxRemembered = 1 << 16

// openID returns the account that an assertion proves. Steam says yes to an
// assertion once; remembering it here as well costs little.
func (p *Provider) openID(ctx context.Context, a *api, text string) (player, error) {
	if !a.cfg.OpenID.Enabled {
		return player{}, refuse("log-ins by OpenID are not accepted; send a ticket")
	}
	what, err := parseAssertion(text)
	if err != nil {
		return player{}, refuse(err.Error())
	}
	id, err := what.check(&a.cfg.OpenID, time.Now())
	if err != nil {
		return player{}, refuse(err.Error())
	}
	if err := a.confirm(ctx, what); err != nil {
		return player{}, err
	}
	switch err := p.assertions().Use(what.ResponseNonce, time.Now().Add(a.cfg.OpenID.maxAge()+2*skew)); {
	case errors.Is(err, once.ErrUsed):
		return player{}, refuse("the assertion was used before")
	case err != nil:
		return player{}, account.ErrProviderResponse.With("too many log-ins; try again later").Wrap(err)
	}
	return player{id: id}, nil
}
