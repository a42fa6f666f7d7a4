package authcode_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/openpragma/engine/authcode"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
)

func TestPartnerLearnsWhoAskedForTheCode(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		code := robin.code()
		if id, err := uuid.Parse(code); err != nil || id.Version() != 4 || id.String() != code {
			t.Errorf("code = %q, want a UUID of version 4", code)
		}
		a, err := cup.post(`{"requestId":77,"type":"` + redeemType + `","payload":` + flat(code, application, secret) + `}`)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`{"sequenceNumber":0,"response":{"requestId":77,"type":"AuthCodeRpc.GetPlayerWithAuthCodeV1Response","payload":{"player":{"playerId":"%s","username":"robin"}}}}`, robin.id)
		if diff := cmp.Diff(a.Text, want); diff != "" || a.Status != http.StatusOK {
			t.Errorf("status %d (-got +want):\n%s", a.Status, diff)
		}
		again := cup.redeem(code)
		wantRefusal(t, again, "AUTH_CODE_NOT_FOUND")
		if again.Status != http.StatusOK || again.ServiceError.Error != "" || again.ServiceError.Status != "SERVICE_ERROR" {
			t.Errorf("got %d %s", again.Status, again.Text)
		}
		detail := m{"type": "AuthCodeRpc.ReasonApplicationError", "payload": m{"reason": "AUTH_CODE_NOT_FOUND", "number": 10001.0}}
		if diff := cmp.Diff(again.ServiceError.ApplicationError, detail); diff != "" {
			t.Errorf("application error (-got +want):\n%s", diff)
		}
	})
}

func TestEveryDocumentedFormOfARequestIsRead(t *testing.T) {
	forms := []struct{ name, form string }{
		{"flat", `{"code":"CODE","applicationId":"APP","secretKey":"KEY"}`},
		{"flat in snake case", `{"code":"CODE","application_id":"APP","secret_key":"KEY"}`},
		{"alias", `{"authCode":"CODE","applicationId":"APP","secretKey":"KEY"}`},
		{"alias in snake case", `{"auth_code":"CODE","application_id":"APP","secret_key":"KEY"}`},
		{"nested with _id", `{"code":"CODE","application":{"_id":"APP","secretKey":"KEY"}}`},
		{"nested with id", `{"code":"CODE","application":{"id":"APP","secretKey":"KEY"}}`},
		{"nested in snake case", `{"auth_code":"CODE","application":{"id":"APP","secret_key":"KEY"}}`},
		{"half nested", `{"code":"CODE","applicationId":"APP","application":{"secretKey":"KEY"}}`},
		{"both, the same", `{"code":"CODE","authCode":"CODE","applicationId":"APP","secretKey":"KEY","application":{"_id":"APP","id":"APP","secretKey":"KEY"}}`},
		{"both, one empty", `{"code":"","authCode":"CODE","applicationId":"","secretKey":"KEY","application":{"_id":"APP","secretKey":""}}`},
		{"unknown members", `{"code":"CODE","applicationId":"APP","secretKey":"KEY","scope":["a"],"application":{"name":"Cup"}}`},
		{"code in capitals", `{"code":"CAPITALS","applicationId":"APP","secretKey":"KEY"}`},
	}
	run(t, options{}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		for _, f := range forms {
			code := robin.code()
			r := strings.NewReplacer("CODE", code, "CAPITALS", strings.ToUpper(code), "APP", application, "KEY", secret)
			a := cup.send(r.Replace(f.form))
			if a.Response == nil || a.Response.Payload.Player["playerId"] != robin.id {
				t.Errorf("%s: %s", f.name, a.Text)
			}
			time.Sleep(10 * time.Second) // he may not ask so often
		}
	})
}

func TestRefusalsLeaveTheCodeAlone(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		code := robin.code()
		for _, row := range []struct{ name, payload, want string }{
			{"wrong secret", flat(code, application, "wrong"), "AccountService_Unauthorized"},
			{"secret too long", flat(code, application, secret+"x"), "AccountService_Unauthorized"},
			{"part of the secret", flat(code, application, secret[:5]), "AccountService_Unauthorized"},
			{"wrong id", flat(code, "wrong", secret), "AccountService_Unauthorized"},
			{"exchanged", flat(code, secret, application), "AccountService_Unauthorized"},
			{"wrong secret and wrong code", flat("x", application, "wrong"), "AccountService_Unauthorized"},
			{"code alone", `{"code":"` + code + `"}`, "AccountService_Unauthorized"},
			{"nothing", `{}`, "AccountService_Unauthorized"},
			{"huge secret", flat(code, application, strings.Repeat("x", 1<<19)), "AccountService_Unauthorized"},
			{"no code", `{"applicationId":"` + application + `","secretKey":"` + secret + `"}`, "AUTH_CODE_NOT_FOUND"},
			{"empty code", flat("", application, secret), "AUTH_CODE_NOT_FOUND"},
			{"zero code", flat("00000000-0000-0000-0000-000000000000", application, secret), "AUTH_CODE_NOT_FOUND"},
			{"unknown code", flat("5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301", application, secret), "AUTH_CODE_NOT_FOUND"},
			{"code that is none", flat("ünknown", application, secret), "AUTH_CODE_NOT_FOUND"},
			{"code with a space", flat(code+" ", application, secret), "AUTH_CODE_NOT_FOUND"},
			{"huge code", flat(strings.Repeat("a", 1<<19), application, secret), "AUTH_CODE_NOT_FOUND"},
			{"two codes", `{"code":"` + code + `","authCode":"x","applicationId":"` + application + `","secretKey":"` + secret + `"}`, "Serialization_Error"},
			{"two secrets", `{"code":"` + code + `","applicationId":"` + application + `","secretKey":"` + secret + `","application":{"secretKey":"x"}}`, "Serialization_Error"},
			{"two ids", `{"code":"` + code + `","secretKey":"` + secret + `","application":{"_id":"x","id":"` + application + `"}}`, "Serialization_Error"},
			{"member twice", `{"code":"` + code + `","code":"` + code + `"}`, "Serialization_Error"},
			{"code that is a number", `{"code":7}`, "Serialization_Error"},
			{"application that is text", `{"code":"` + code + `","application":"x"}`, "Serialization_Error"},
		} {
			a := cup.send(row.payload)
			if got := a.reason(); got != row.want {
				t.Errorf("%s: got %s, want %s", row.name, a.Text, row.want)
			}
			if (a.Status == http.StatusForbidden) != (row.want == "AccountService_Unauthorized") {
				t.Errorf("%s: status %d for %s", row.name, a.Status, row.want)
			}
			if strings.Contains(a.Text, code) || strings.Contains(a.Text, secret) {
				t.Errorf("%s: the answer tells what was sent: %s", row.name, a.Text)
			}
		}
		cup.redeem(code).wantPlayer(robin)
	})
}

func TestPlayerGetsCodesForNobodyElse(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian, cup := w.join("robin"), w.join("marian"), w.partner()
		for _, payload := range []m{{"playerId": marian.id}, {"player_id": marian.id}, {}, {"playerId": ""}} {
			cup.redeem(robin.Call("AuthCodeRpc.AuthCodeV1", payload)["authCode"].(string)).wantPlayer(robin)
		}
	})
}

func TestCallsBelongToTheirGateways(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin := w.join("robin")
		robin.Request("AuthCodeRpc.GetPlayerWithAuthCodeV1", m{})
		if f := robin.Read(); f.ServiceError == nil || f.ServiceError.Error != "SessionService_WrongSessionType" {
			t.Errorf("a player redeems: %s", f.Text)
		}
		other := &partner{t, w.door(socialPartner), w.partnerToken("AccountRpc.ViewTagsPartnerV1Request")}
		wantRefusal(t, other.redeem(robin.code()), "SessionService_WrongSessionType")
		cup := w.partner()
		a, err := cup.post(`{"requestId":1,"type":"AccountRpc.ViewTagsPartnerV1Request","payload":{}}`)
		if err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, a, "SessionService_WrongSessionType")
		cup.token = "no token"
		a = cup.redeem(robin.code())
		wantRefusal(t, a, "AccountService_TokenDecodeFailed")
		if a.Status != http.StatusUnauthorized {
			t.Errorf("status %d", a.Status)
		}
		all := &partner{t, w.door(socialPartner), w.partnerToken()}
		all.redeem(robin.code()).wantPlayer(robin)
	})
}

// crew shows partners another profile, and misbehaves on demand.
type crew struct {
	authcode.Defaults
	build atomic.Pointer[builder] // nil: the defaults
}

type builder func(*authcode.BuildPlayerProfileRequest) (*authcode.PlayerProfile, error)

func (c *crew) by(fn builder) { c.build.Store(&fn) }

func (c *crew) BuildPlayerProfile(ctx context.Context, r *authcode.BuildPlayerProfileRequest) (*authcode.PlayerProfile, error) {
	if build := c.build.Load(); build != nil {
		return (*build)(r)
	}
	return c.Defaults.BuildPlayerProfile(ctx, r)
}

func TestPluginDecidesWhatPartnersLearn(t *testing.T) {
	errShy := &pragma.Error{Code: pragma.FailedPrecondition, Reason: "CREW_SHY", Title: true}
	profile := authcode.PlayerProfile{PlayerID: "7", Username: "Robin", Email: "r@example.com", FirstName: "Robin", LastName: "Hood", Avatar: "https://example.com/r.png"}
	plugin := &crew{}
	run(t, options{plugin: plugin}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		plugin.by(func(r *authcode.BuildPlayerProfileRequest) (*authcode.PlayerProfile, error) {
			if r.Account.SocialID.String() != robin.id || r.Account.DisplayName.DisplayName != "robin" || r.Partner.Name != "escs" {
				t.Errorf("request = %+v of %+v", r.Account, r.Partner)
			}
			return &profile, nil
		})
		want := m{"playerId": "7", "username": "Robin", "email": "r@example.com", "firstName": "Robin", "lastName": "Hood", "avatar": "https://example.com/r.png"}
		if diff := cmp.Diff(cup.redeem(robin.code()).Response.Payload.Player, want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		for _, row := range []struct {
			name  string
			build func() (*authcode.PlayerProfile, error)
			want  string
		}{
			{"refusal", func() (*authcode.PlayerProfile, error) { return &profile, errShy }, "CREW_SHY"},
			{"failure", func() (*authcode.PlayerProfile, error) { return nil, errors.New("robin hides in the forest") }, "UNKNOWN_ERROR"},
			{"panic", func() (*authcode.PlayerProfile, error) { panic("arrow") }, "UNKNOWN_ERROR"},
			{"overrun", func() (*authcode.PlayerProfile, error) { time.Sleep(time.Minute); return &profile, nil }, "UNKNOWN_ERROR"},
			{"no profile", func() (*authcode.PlayerProfile, error) { return nil, nil }, "UNKNOWN_ERROR"},
			{"nobody", func() (*authcode.PlayerProfile, error) { return &authcode.PlayerProfile{Username: "x"}, nil }, "UNKNOWN_ERROR"},
		} {
			plugin.by(func(*authcode.BuildPlayerProfileRequest) (*authcode.PlayerProfile, error) { return row.build() })
			code := robin.code()
			a := cup.redeem(code)
			if a.reason() != row.want || strings.Contains(a.Text, "forest") {
				t.Errorf("%s: got %s, want %s", row.name, a.Text, row.want)
			}
			plugin.build.Store(nil)
			wantRefusal(t, cup.redeem(code), "AUTH_CODE_NOT_FOUND")
		}
		time.Sleep(time.Minute) // for the hook that was left behind
	})
}

func TestEmailAddressIsLeftOutByDefault(t *testing.T) {
	r := &authcode.BuildPlayerProfileRequest{Account: &account.Profile{
		SocialID: pragma.NewID[pragma.SocialID](), DisplayName: pragma.DisplayName{DisplayName: "Robin", Discriminator: "0042"},
		EmailAddress: "robin@example.com", EmailVerified: true,
	}}
	got, err := authcode.Defaults{}.BuildPlayerProfile(t.Context(), r)
	want := &authcode.PlayerProfile{PlayerID: r.Account.SocialID.String(), Username: "Robin"}
	if diff := cmp.Diff(got, want); diff != "" || err != nil {
		t.Errorf("%v (-got +want):\n%s", err, diff)
	}
}

// lookup is an account service that fails on demand.
type lookup struct{ err error }

func (l *lookup) Profile(_ context.Context, id pragma.SocialID) (*account.Profile, error) {
	return &account.Profile{SocialID: id}, l.err
}

func TestCodeOfAnAccountThatIsGoneIsUnknown(t *testing.T) {
	accounts := &lookup{}
	run(t, options{accounts: accounts}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		cup.redeem(robin.code()).wantPlayer(robin)
		accounts.err = account.ErrNotFound
		wantRefusal(t, cup.redeem(robin.code()), "AUTH_CODE_NOT_FOUND")
		accounts.err = pragma.ErrUnavailable
		a := cup.redeem(robin.code())
		wantRefusal(t, a, "Service_OperatingError")
		if a.Status != http.StatusServiceUnavailable {
			t.Errorf("status %d", a.Status)
		}
	})
}

func TestCodesAndSecretsAreNeverLoggedOrStored(t *testing.T) {
	db := store.NewMemory()
	open := func(context.Context) (store.Driver, error) { return unclosed{db}, nil }
	run(t, options{store: open}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		var codes []string
		for range 4 {
			codes = append(codes, robin.code())
		}
		cup.redeem(codes[0]).wantPlayer(robin)
		cup.redeem(codes[0])
		cup.send(flat(codes[1], application, secret+"x"))
		cup.send(`{"code":7,"secretKey":"` + secret + `"}`)
		cup.send(`{"code":"` + codes[1] + `","authCode":"` + codes[2] + `"}`)
		for _, kind := range []string{"auth-code", "auth-code-player"} {
			for r, err := range db.List(t.Context(), store.Query{Kind: kind}) {
				for _, code := range codes {
					if err != nil || strings.Contains(r.ID+string(r.Body), code) {
						t.Errorf("%s has a code: %s, %v", r.Key, r.Body, err)
					}
				}
			}
		}
		w.Restart()
		cup.door = w.door(socialPartner)
		robin = w.join("robin")
		cup.redeem(codes[3]).wantPlayer(robin)
		for _, text := range append(codes, secret, strings.ReplaceAll(codes[1], "-", "")) {
			if strings.Contains(w.Logs(), text) {
				t.Errorf("the log has %s:\n%s", text, w.Logs())
			}
		}
	})
}

func TestErrorsAreComparedByTheirDocumentedNames(t *testing.T) {
	if !errors.Is(authcode.ErrUnauthorized, account.ErrUnauthorized) {
		t.Error("ErrUnauthorized is not that of accounts")
	}
	for _, row := range []struct {
		err    *pragma.Error
		name   string
		number int
	}{
		{authcode.ErrCodeNotFound, "AUTH_CODE_NOT_FOUND", 10001},
		{authcode.ErrCodeExpired, "AUTH_CODE_EXPIRED", 10002},
	} {
		detail, err := ext.As[struct {
			Reason string `json:"reason"`
			Number int    `json:"number"`
		}](row.err.Detail)
		if err != nil || row.err.Reason != row.name || !row.err.Title || detail.Reason != row.name || detail.Number != row.number {
			t.Errorf("%v: %+v, %v", row.err, detail, err)
		}
	}
}
