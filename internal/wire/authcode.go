package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The calls of AuthCodeRpc (escs E1, E2; wire §7.13).

// AuthCodeAuthCodeV1Request asks for a code. The player is the caller, whatever
// PlayerID says.
type AuthCodeAuthCodeV1Request struct {
	PlayerID string `json:"playerId"` // any text
}

// AuthCodeAuthCodeV1Response has the code, a UUID.
type AuthCodeAuthCodeV1Response struct {
	AuthCode string `json:"authCode"`
}

// AuthCodeGetPlayerWithAuthCodeV1Request redeems a code. The other side's format
// is not public, so several forms are read: authCode for code, and an object
// application with _id or id, and secretKey.
type AuthCodeGetPlayerWithAuthCodeV1Request struct {
	Code          string `json:"code"`
	ApplicationID string `json:"applicationId"`
	SecretKey     string `json:"secretKey"`
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]. What stands there twice
// must be the same.
func (r *AuthCodeGetPlayerWithAuthCodeV1Request) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain AuthCodeGetPlayerWithAuthCodeV1Request
	var text struct {
		plain
		AuthCode    string `json:"authCode"`
		Application struct {
			UnderscoreID string `json:"_id"`
			ID           string `json:"id"`
			SecretKey    string `json:"secretKey"`
		} `json:"application"`
	}
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	*r = AuthCodeGetPlayerWithAuthCodeV1Request(text.plain)
	app := &text.Application
	if !merge(&r.Code, text.AuthCode) || !merge(&r.ApplicationID, app.UnderscoreID) ||
		!merge(&r.ApplicationID, app.ID) || !merge(&r.SecretKey, app.SecretKey) {
		return mismatch("one code, one application id, one secret").not(0)
	}
	return nil
}

// merge takes another spelling of a member, and reports false if both are there
// and differ.
func merge(to *string, other string) bool {
	if *to == "" {
		*to = other
	}
	return other == "" || other == *to
}

// AuthCodeGetPlayerWithAuthCodeV1Response says whose the code was.
type AuthCodeGetPlayerWithAuthCodeV1Response struct {
	Player AuthCodePlayerProfile `json:"player"`
}

// AuthCodePlayerProfile is what a partner learns about a player.
type AuthCodePlayerProfile struct {
	PlayerID  string `json:"playerId"`
	Username  string `json:"username"`
	Email     string `json:"email,omitzero"`
	FirstName string `json:"firstName,omitzero"`
	LastName  string `json:"lastName,omitzero"`
	Avatar    string `json:"avatar,omitzero"`
}
