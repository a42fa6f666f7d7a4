package oidc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Claims are what a verified ID token says of its owner.
type Claims struct{ members map[string]jsontext.Value }

// parseClaims refuses what two readers might read differently, such as a member
// that stands twice.
func parseClaims(payload []byte) (Claims, error) {
	var c Claims
	if err := json.Unmarshal(payload, &c.members); err != nil {
		return Claims{}, fmt.Errorf("read claims: %w", err)
	}
	return c, nil
}

// Has reports whether the token has a claim that is not null.
func (c Claims) Has(name string) bool {
	v, ok := c.members[name]
	return ok && v.Kind() != 'n'
}

// Text returns a claim that is a text, or "".
func (c Claims) Text(name string) string {
	var text string
	if v := c.members[name]; v.Kind() != '"' || json.Unmarshal(v, &text) != nil {
		return ""
	}
	return text
}

// Bool reports whether a claim is true. The text "true" is: some providers write
// email_verified so.
func (c Claims) Bool(name string) bool {
	return c.members[name].Kind() == 't' || c.Text(name) == "true"
}

// Decode decodes a claim into what v points to, by the rules of
// github.com/go-json-experiment/json. A claim that is missing leaves it as it is.
func (c Claims) Decode(name string, v any) error {
	if !c.Has(name) {
		return nil
	}
	if err := json.Unmarshal(c.members[name], v); err != nil {
		return fmt.Errorf("claim %s: %w", name, err)
	}
	return nil
}

// id returns a claim that names an account: a text, or a whole number as it is
// written.
func (c Claims) id(name string) string {
	v := c.members[name]
	if v.Kind() == '0' && len(v) <= 20 && !strings.ContainsAny(string(v), ".eE") {
		return string(v)
	}
	return c.Text(name)
}

// is reports whether a claim has a value, or lists it.
func (c Claims) is(name, want string) bool {
	var list []jsontext.Value
	if v := c.members[name]; v.Kind() != '[' {
		list = []jsontext.Value{v}
	} else if json.Unmarshal(v, &list) != nil {
		return false
	}
	return slices.ContainsFunc(list, func(v jsontext.Value) bool {
		var text string
		switch v.Kind() {
		case '"':
			return json.Unmarshal(v, &text) == nil && text == want
		case '0', 't', 'f':
			return string(v) == want
		}
		return false
	})
}
