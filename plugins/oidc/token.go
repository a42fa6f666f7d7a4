package oidc

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
)

// proof is what a client proves itself with: an ID token, or a code to get one.
type proof struct {
	IDToken string `json:"idToken"`

	Code         string `json:"code"`
	RedirectURI  string `json:"redirectUri"`
	CodeVerifier string `json:"codeVerifier"`

	Nonce string `json:"nonce"`
}

// maxToken is the longest provider token, in bytes.
const maxToken = 32 << 10

// parseProof reads a provider token: a bare ID token, or JSON with an idToken or
// a code. It does not look into the ID token.
func parseProof(text string) (proof, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxToken {
		return proof{}, errors.New("providerToken is too long")
	}
	p := proof{IDToken: text}
	if strings.HasPrefix(text, "{") {
		p = proof{}
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return proof{}, errors.New("providerToken is not readable JSON")
		}
	}
	switch {
	case p.Code == "" && p.IDToken == "":
		return proof{}, errors.New("providerToken must be an ID token, or JSON with idToken or code")
	case p.Code != "" && p.IDToken != "":
		return proof{}, errors.New("providerToken must have idToken or code, not both")
	}
	return p, nil
}
