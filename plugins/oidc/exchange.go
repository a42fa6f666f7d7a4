package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma/account"
)

// exchange gets an ID token for an authorization code. The error is a refusal,
// or [account.ErrProviderResponse].
func (i *issuer) exchange(ctx context.Context, cfg *Config, p proof) (string, error) {
	switch {
	case cfg.ClientSecret == "":
		return "", refuse("authorization codes are not accepted; send an ID token")
	case !slices.Contains(cfg.RedirectURIs, p.RedirectURI):
		return "", refuse("redirectUri is not one of those that are allowed")
	}
	known, err := i.learn(ctx, cfg, "")
	if err != nil {
		return "", err
	}
	answer, err := i.sendCode(ctx, cfg, known.endpoints, p)
	if err != nil {
		return "", account.ErrProviderResponse.Wrap(fmt.Errorf("exchange code: %w", err))
	}
	return readExchange(answer)
}

func (i *issuer) sendCode(ctx context.Context, cfg *Config, e endpoints, p proof) (*outbound.Answer, error) {
	if err := outbound.CheckURL(e.Token, cfg.development); err != nil {
		return nil, fmt.Errorf("token_endpoint %w", err)
	}
	id, secret := cfg.ClientIDs[0], cfg.ClientSecret.Reveal()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {p.Code}, "redirect_uri": {p.RedirectURI}}
	if p.CodeVerifier != "" {
		form.Set("code_verifier", p.CodeVerifier)
	}
	basic := len(e.TokenAuthMethods) == 0 || slices.Contains(e.TokenAuthMethods, "client_secret_basic")
	if !basic {
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if basic { // RFC 6749 §2.3.1 wants both parts form-encoded
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	return outbound.Do(i.client, req)
}

// readExchange tells a bad code, which is the client's fault, from the rest.
func readExchange(answer *outbound.Answer) (string, error) {
	var body struct {
		IDToken string `json:"id_token"`
		Error   string `json:"error"`
	}
	readable := json.Unmarshal(answer.Body, &body) == nil
	switch {
	case readable && answer.Status == http.StatusOK && body.IDToken != "":
		return body.IDToken, nil
	case readable && answer.Status == http.StatusBadRequest && body.Error == "invalid_grant":
		return "", refuse("the authorization code is not valid")
	case readable && answer.Status == http.StatusOK:
		return "", account.ErrProviderResponse.Wrap(errors.New("exchange code: no ID token; was the scope openid asked for?"))
	}
	return "", account.ErrProviderResponse.Wrap(fmt.Errorf("exchange code: status %d, error %.40q", answer.Status, body.Error))
}
