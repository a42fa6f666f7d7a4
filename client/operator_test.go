package client_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

func (f *fake) operator() *client.Operator {
	f.t.Helper()
	opts := client.OperatorOptions{Options: f.options()}
	opts.Game, opts.Social = "game-operator", "social-operator"
	o, err := client.NewOperator(f.t.Context(), opts, client.Unsafe("test01", "Test"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(o.Close)
	return o
}

func TestOperatorMakesPartnerTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		o := f.operator()
		f.on("AccountRpc.CreatePartnerTokenV1", answer(`{"pragmaPartnerGameToken":"g","pragmaPartnerSocialToken":"s","partnerTokenId":"`+gameA+`"}`))
		partner, tokens, err := o.CreatePartnerToken(t.Context(), client.PartnerTokens{Name: "arena", Expires: 48 * time.Hour})
		if err != nil || partner.String() != gameA || tokens != (client.Tokens{Game: "g", Social: "s"}) {
			t.Errorf("CreatePartnerToken = %v, %v, %v", partner, tokens, err)
		}
		want := []string{`{"gameShardId":"` + client.DefaultGameShard + `","name":"arena","expirationHours":48}`}
		if diff := cmp.Diff(want, f.seen("social-operator AccountRpc.CreatePartnerTokenV1")); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	})
}

func TestOperatorCallsGoOverHTTPWithTheTokenOfTheBackend(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		o := f.operator()
		f.on("Some.EchoV1", func(c *fakeCall) { c.reply(c.payload) })
		got, err := client.Call[map[string]string](t.Context(), o.Game(), "Some.EchoV1", map[string]string{"a": "b"})
		if err != nil || (*got)["a"] != "b" {
			t.Errorf("Call = %v, %v", got, err)
		}
		if len(f.all("POST game-operator /v1/rpc")) != 1 {
			t.Errorf("no HTTP call in %q", f.order())
		}
		if got := f.all("POST game-operator /v1/rpc")[0].head.Get("Authorization"); len(got) < 20 {
			t.Errorf("Authorization = %q", got)
		}
		f.on("Some.EchoV1", func(c *fakeCall) { c.refuse("SessionService_WrongSessionType") })
		_, err = client.Call[map[string]string](t.Context(), o.Social(), "Some.EchoV1", nil)
		if e, ok := errors.AsType[*client.CallError](err); !ok || e.TraceID != "trace-1" || !errors.Is(err, pragma.ErrWrongSessionType) {
			t.Errorf("refused call = %v", err)
		}
	})
}

func TestOperatorLogsInAgainWhenItsTokensGrowOld(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refresh = "60000"
		o := f.operator()
		f.on("Some.CallV1", answer(`{}`))
		for range 3 {
			if _, err := client.Call[struct{}](t.Context(), o.Social(), "Some.CallV1", nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(45 * time.Second)
		}
		if got := len(f.all("POST social-operator /v1/account/authenticateorcreatev2")); got != 2 {
			t.Errorf("%d log-ins, want 2", got)
		}
	})
}

func TestOperatorWithTokensDoesNotLogIn(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		opts := client.OperatorOptions{Options: f.options()}
		opts.Game, opts.Social = "game-operator", ""
		o := client.OperatorWithTokens(opts, client.Tokens{Game: "the-token"})
		defer o.Close()
		f.on("Some.CallV1", answer(`{}`))
		for range 2 {
			if _, err := client.Call[struct{}](t.Context(), o.Game(), "Some.CallV1", nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(48 * time.Hour)
		}
		if got := f.all("POST game-operator /v1/rpc")[0].head.Get("Authorization"); got != "Bearer the-token" {
			t.Errorf("Authorization = %q", got)
		}
		if got := len(f.all("POST social-operator /v1/account/authenticateorcreatev2")); got != 0 {
			t.Errorf("%d log-ins, want none", got)
		}
	})
}

func TestOperatorLogInIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.routes["POST /v1/account/authenticateorcreatev2"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }
		opts := client.OperatorOptions{Options: f.options()}
		opts.Social = "social-operator"
		_, err := client.NewOperator(t.Context(), opts, client.Unsafe("test01", "Test"))
		if e, ok := errors.AsType[*client.HTTPError](err); !ok || e.Status != 403 {
			t.Errorf("NewOperator = %v, want status 403", err)
		}
	})
}
