package gameinstance_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/gameinstance"
)

func TestTokensAreNotPrintedByAccident(t *testing.T) {
	tokens := gameinstance.PartnerClientTokens{GameToken: "secret-game", SocialToken: "secret-social"}
	around := struct {
		T gameinstance.PartnerClientTokens
	}{tokens}
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, format, tokens)
		fmt.Fprintf(&out, format, &tokens)
		fmt.Fprintf(&out, format, around)
		fmt.Fprint(&out, errors.Join(fmt.Errorf("with "+format, tokens)))
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("tokens", "tokens", tokens, "pointer", &tokens, "around", around)
	}
	text, err := json.Marshal(&around)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	if strings.Contains(out.String(), "secret") || strings.Contains(out.String(), "736563726574") {
		t.Errorf("a token is printed: %s", out.String())
	}
	if !strings.Contains(out.String(), "***") {
		t.Errorf("nothing is printed: %s", out.String())
	}
}
