package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// FuzzUnsafeToken checks that whatever an UNSAFE token says is taken or refused
// with a reason, and never with the token in the message.
func FuzzUnsafeToken(f *testing.F) {
	for _, token := range []string{
		`{"accountId":"test01","displayName":"Robin"}`, `{"accountId":""}`, `{}`, ``, `null`, `[]`, `"x"`, `{"accountId":1}`,
		`{"accountId":"a","accountId":"b"}`, "{\"accountId\":\"\xff\"}", `{"accountId":"a:b#c\u0000"}`, strings.Repeat("[", 100),
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		who, err := new(account.Unsafe).Validate(t.Context(), &account.ValidateRequest{ProviderToken: token, Type: pragma.Player})
		if err == nil {
			if who == nil || who.AccountID != "" && who.DisplayName == "" || !utf8.ValidString(who.AccountID+who.DisplayName) {
				t.Errorf("account = %+v", who)
			}
			return
		}
		if len(token) > 8 && contains(err.Error(), token) {
			t.Errorf("the token is in the message: %v", err)
		}
	})
}

// FuzzLogIn sends any body to the log-in of a running server: it is answered
// with tokens or with a documented error, and a log-in that works gives an account
// that can be found again.
func FuzzLogIn(f *testing.F) {
	for _, body := range []string{
		unsafe("test01", "Robin"), unsafe("", ""), unsafe(strings.Repeat("x", 101), "x"), unsafe("a:b", "#"), unsafe("ä", "🦊\u200b"),
		`{"providerId":1,"providerToken":"{\"accountId\":\"a\"}"}`, `{"providerId":101}`, `{"providerId":{}}`, `{}`, `[]`, ``, `{"providerId":"UNSAFE"`,
		`{"providerId":"UNSAFE","providerToken":"{\"accountId\":\"a\"}","gameShardId":"x"}`,
		`{"providerId":"UNSAFE","providerToken":"{\"accountId\":\"a\"}","loginOptions":{"hardwareClass":"PC"}}`, "\xff", strings.Repeat("[", 100),
	} {
		f.Add(body)
	}
	url := "http://" + serve(f) + "/v1/account/authenticateorcreatev2"
	f.Fuzz(func(t *testing.T, body string) {
		a := post(t, url, body)
		switch a.Status {
		case http.StatusOK:
			first, second := claims(t, a.Tokens.PragmaTokens.PragmaSocialToken), claims(t, post(t, url, body).Tokens.PragmaTokens.PragmaSocialToken)
			if first["pragmaSocialId"] != second["pragmaSocialId"] || first["displayName"] == "" {
				t.Errorf("log-ins as %v and %v", first, second)
			}
		case 400, 401, 403, 404, 413:
			if a.Refusal.ServiceError.Error == "" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		default:
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

// serve runs a real server, outside of a bubble, and returns where players log in.
func serve(f *testing.F) (address string) {
	ready := make(chan pragma.Addresses, 1)
	srv := &pragma.Server{
		Social: []pragma.Service{&account.Service{}}, Listen: freePort, Logger: slog.New(slog.DiscardHandler),
		Ready: func(a pragma.Addresses) { ready <- a },
	}
	ctx, cancel := context.WithCancel(f.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	select {
	case a := <-ready:
		return a[socialPlayer]
	case err := <-done:
		done <- nil
		f.Fatal(err)
	}
	return ""
}

func post(t *testing.T, url, body string) (a answer) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		a.Status, a.Body = resp.StatusCode, string(text)
		err = errors.Join(json.Unmarshal(text, &a.Tokens), json.Unmarshal(text, &a.Refusal))
	}
	if err != nil {
		t.Fatalf("%d %s: %v", a.Status, text, err)
	}
	return a
}
