package account_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

func TestLogInAnswersExactlyTheDocumentedMembers(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a := w.logIn(socialPlayer, unsafe("robin", "Robin"))
		game, social := a.Tokens.PragmaTokens.PragmaGameToken, a.Tokens.PragmaTokens.PragmaSocialToken
		want := fmt.Sprintf(`{"pragmaTokens":{"pragmaGameToken":%q,"pragmaSocialToken":%q}}`, game, social)
		if a.Status != http.StatusOK || a.Body != want {
			t.Errorf("got %d %s\nwant %s", a.Status, a.Body, want)
		}
		g, s := claims(t, game), claims(t, social)
		for _, c := range []struct {
			name string
			have map[string]any
			want map[string]any
		}{
			{"game", g, map[string]any{"backendType": "GAME", "sub": g["pragmaPlayerId"], "gameShardId": shard, "sessionId": s["sessionId"]}},
			{"social", s, map[string]any{"backendType": "SOCIAL", "sub": s["pragmaSocialId"], "gameShardId": nil, "pragmaPlayerId": g["pragmaPlayerId"]}},
			{"both", g, map[string]any{"iss": "pragma", "sessionType": "PLAYER", "displayName": "Robin", "idProvider": "UNSAFE", "pragmaSocialId": s["pragmaSocialId"], "expiresInMillis": "86400000"}},
		} {
			for name, want := range c.want {
				if c.have[name] != want {
					t.Errorf("%s token: %s = %v, want %v", c.name, name, c.have[name], want)
				}
			}
		}
		if d, _ := g["discriminator"].(string); len(d) != 4 || strings.Trim(d, "0123456789") != "" {
			t.Errorf("discriminator = %q, want four digits", d)
		}
		refresh, err := time.ParseDuration(fmt.Sprint(g["refreshInMillis"], "ms"))
		if err != nil || refresh < 40*time.Minute || refresh > 50*time.Minute {
			t.Errorf("refreshInMillis = %v, want 45 minutes give or take 5", g["refreshInMillis"])
		}
	})
}

func TestProviderMayBeNamedByItsNumber(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		_, social := w.mustLogIn("robin", "Robin")
		for name, provider := range map[string]string{"number": `1`, "number as text": `"1"`, "small": `"UNSAFE"`} {
			a := w.logIn(socialPlayer, `{"providerId":`+provider+`,"providerToken":"{\"accountId\":\"robin\",\"displayName\":\"x\"}","gameShardId":"`+shard+`","loginQueuePassToken":""}`)
			if a.Status != http.StatusOK {
				t.Errorf("%s: got %d %s", name, a.Status, a.Body)
				continue
			}
			got := claims(t, a.Tokens.PragmaTokens.PragmaSocialToken)
			if want := claims(t, social); got["pragmaSocialId"] != want["pragmaSocialId"] || got["displayName"] != "Robin" {
				t.Errorf("%s: got account %v, want the same as before", name, got["pragmaSocialId"])
			}
		}
	})
}

func TestLogInWithoutAShardGetsNoGameToken(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a := w.logIn(socialPlayer, body("UNSAFE", `{"accountId":"robin"}`, ""))
		if a.Status != http.StatusOK || a.Tokens.PragmaTokens.PragmaGameToken != "" || a.Tokens.PragmaTokens.PragmaSocialToken == "" {
			t.Fatalf("got %d %s, want a social token alone", a.Status, a.Body)
		}
		if got := claims(t, a.Tokens.PragmaTokens.PragmaSocialToken)["displayName"]; got != "robin" {
			t.Errorf("displayName = %v, want the account id", got)
		}
		w.Raw(socialPlayer, a.Tokens.PragmaTokens.PragmaSocialToken)
		// The player id comes with the first log-in that names the shard.
		game, _ := w.mustLogIn("robin", "")
		again, _ := w.mustLogIn("robin", "")
		if id := claims(t, game)["pragmaPlayerId"]; id == nil || id != claims(t, again)["pragmaPlayerId"] {
			t.Errorf("player ids %v and %v, want one", id, claims(t, again)["pragmaPlayerId"])
		}
	})
}

// provider is an identity provider of a test.
type provider struct {
	account.ProviderDefaults
	name     string
	validate func(ctx context.Context, r *account.ValidateRequest) (*account.ProviderAccount, error)
}

func (p *provider) GetType() string { return p.name }

func (p *provider) Validate(ctx context.Context, r *account.ValidateRequest) (*account.ProviderAccount, error) {
	return p.validate(ctx, r)
}

func TestRefusedLogInsHaveTheDocumentedStatus(t *testing.T) {
	banned := &pragma.Error{Code: pragma.PermissionDenied, Reason: "Studio_Banned", Title: true}
	steam := &provider{name: "STEAM", validate: func(ctx context.Context, r *account.ValidateRequest) (*account.ProviderAccount, error) {
		switch r.ProviderToken {
		case "bad":
			return nil, errors.New("steam says no to secret-ticket")
		case "unverified":
			return nil, &pragma.Error{Code: pragma.Unauthenticated, Reason: "AccountService_Unverified"}
		case "banned":
			return nil, banned
		case "hang":
			<-ctx.Done()
			time.Sleep(time.Second)
		case "panic":
			panic("boom")
		case "nobody":
			return nil, nil
		case "control":
			return &account.ProviderAccount{AccountID: "a\x00b"}, nil
		}
		return &account.ProviderAccount{AccountID: strings.Repeat("x", 101)}, nil
	}}
	run(t, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			name, body string
			gateway    pragma.Gateway
			http       int
			status     string
			error      string
		}{
			{"provider refuses", body("STEAM", "bad", shard), socialPlayer, 401, "SERVICE_ERROR", "AccountService_Unauthorized"},
			{"provider names the refusal", body("STEAM", "unverified", shard), socialPlayer, 401, "BAD_SESSION", "AccountService_Unverified"},
			{"provider with a title error", body("STEAM", "banned", shard), socialPlayer, 401, "SERVICE_ERROR", ""},
			{"provider hangs", body("STEAM", "hang", shard), socialPlayer, 500, "INTERNAL_ERROR", "UNKNOWN_ERROR"},
			{"provider panics", body("STEAM", "panic", shard), socialPlayer, 500, "INTERNAL_ERROR", "UNKNOWN_ERROR"},
			{"provider names nobody", body("STEAM", "nobody", shard), socialPlayer, 401, "SERVICE_ERROR", "AccountService_Unauthorized"},
			{"account id with control characters", body("STEAM", "control", shard), socialPlayer, 401, "SERVICE_ERROR", "AccountService_Unauthorized"},
			{"account id too long", body("STEAM", "long", shard), socialPlayer, 401, "SERVICE_ERROR", "AccountService_Unauthorized"},
			{"UNSAFE token unreadable", body("UNSAFE", "x", shard), socialPlayer, 401, "SERVICE_ERROR", "AccountService_Unauthorized"},
			{"UNSAFE without account", body("UNSAFE", "{}", shard), socialPlayer, 401, "SERVICE_ERROR", "AccountService_Unauthorized"},
			{"unknown provider", body("XBOX", "x", shard), socialPlayer, 400, "SERVICE_ERROR", "AccountService_Error"},
			{"no provider", `{}`, socialPlayer, 400, "SERVICE_ERROR", "AccountService_Error"},
			{"operator by a provider for players", body("STEAM", "x", shard), socialOperator, 400, "SERVICE_ERROR", "AccountService_Error"},
			{"unknown shard", body("UNSAFE", `{"accountId":"a"}`, "00000000-0000-0000-0000-000000000002"), socialPlayer, 404, "SERVICE_ERROR", "AccountService_NotFound"},
			{"impossible shard", body("UNSAFE", `{"accountId":"a"}`, "here"), socialPlayer, 404, "SERVICE_ERROR", "AccountService_NotFound"},
			{"malformed", `{`, socialPlayer, 400, "BAD_PARAM", "Serialization_Error"},
			{"too large", `{"providerToken":"` + strings.Repeat("x", 64<<10) + `"}`, socialPlayer, 413, "BAD_PARAM", "SessionService_RequestTooLarge"},
		} {
			a := w.logIn(tt.gateway, tt.body)
			if e := a.Refusal.ServiceError; a.Status != tt.http || e.Status != tt.status || e.Error != tt.error {
				t.Errorf("%s: got %d %s %s, want %d %s %s", tt.name, a.Status, e.Status, e.Error, tt.http, tt.status, tt.error)
			}
			if strings.Contains(a.Body, "secret-ticket") {
				t.Errorf("%s: the cause reached the client", tt.name)
			}
		}
		time.Sleep(2 * time.Second) // what hung comes back
	}, steam, &account.Unsafe{})
}

// brokenStore fails when it is told to.
type brokenStore struct {
	store.Driver
	broken atomic.Bool
}

func (s *brokenStore) Commit(ctx context.Context, b *store.Batch) error {
	if s.broken.Load() {
		return store.ErrUnavailable
	}
	return s.Driver.Commit(ctx, b)
}

func TestLogInThatCannotBeStoredIsADatabaseError(t *testing.T) {
	db := &brokenStore{Driver: store.NewMemory()}
	build := func() *pragma.Server {
		return &pragma.Server{
			Game:  []pragma.Service{&lab{}},
			Store: func(context.Context) (store.Driver, error) { return db, nil },
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw}
		db.broken.Store(true)
		a := w.logIn(socialPlayer, unsafe("robin", "Robin"))
		db.broken.Store(false)
		if e := a.Refusal.ServiceError; a.Status != http.StatusInternalServerError || e.Status != "SERVICE_ERROR" || e.Error != "Database_Error" {
			pw.T.Errorf("got %d %s %s, want 500 SERVICE_ERROR Database_Error", a.Status, e.Status, e.Error)
		}
	})
}

func TestFirstLogInsAtTheSameTimeMakeOneAccount(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		social, players := make([]any, 50), make([]any, 50)
		var wg sync.WaitGroup
		for i := range social {
			wg.Go(func() {
				a, err := w.tryLogIn(socialPlayer, unsafe("robin", "Robin"))
				if err != nil || a.Status != http.StatusOK {
					t.Errorf("log-in %d: %d %s %v", i, a.Status, a.Body, err)
					return
				}
				c := claims(t, a.Tokens.PragmaTokens.PragmaGameToken)
				social[i], players[i] = c["pragmaSocialId"], c["pragmaPlayerId"]
			})
		}
		wg.Wait()
		for i := range social {
			if social[i] != social[0] || players[i] != players[0] {
				t.Fatalf("log-in %d is account %v and player %v, the first is %v and %v", i, social[i], players[i], social[0], players[0])
			}
		}
	})
}

func TestAccountsSurviveRestartAndKill(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, _ := w.mustLogIn("robin", "Robin")
		want := claims(t, game)
		for name, end := range map[string]func(){"restart": w.Restart, "kill": func() { w.Kill(); w.Start() }} {
			end()
			game, _ := w.mustLogIn("robin", "Another")
			got := claims(t, game)
			for _, claim := range []string{"pragmaSocialId", "pragmaPlayerId", "displayName", "discriminator"} {
				if got[claim] != want[claim] {
					t.Errorf("after a %s: %s = %v, want %v", name, claim, got[claim], want[claim])
				}
			}
			if got["sessionId"] == want["sessionId"] {
				t.Errorf("after a %s: the session is the same", name)
			}
		}
	})
}

// A server that dies while accounts are made leaves whole ones or none.
func TestKillInTheMiddleOfFirstLogInsLeavesNoHalves(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		for round := range 5 {
			var wg sync.WaitGroup
			known := make([]any, 20)
			for i := range known {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * time.Microsecond)
					a, err := w.tryLogIn(socialPlayer, unsafe(fmt.Sprint(round, "-", i), "Robin"))
					if err == nil && a.Status == http.StatusOK {
						known[i] = claims(t, a.Tokens.PragmaTokens.PragmaGameToken)["pragmaPlayerId"]
					}
				})
			}
			time.Sleep(10 * time.Microsecond)
			w.Kill()
			wg.Wait()
			w.Start()
			for i, player := range known {
				game, _ := w.mustLogIn(fmt.Sprint(round, "-", i), "Robin")
				if got := claims(t, game)["pragmaPlayerId"]; player != nil && got != player {
					t.Errorf("account %d-%d was player %v and is %v", round, i, player, got)
				}
			}
		}
	})
}

func TestOperatorsLogInOnlyWhereAProviderAllowsIt(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a := w.logIn(socialOperator, unsafe("test01", "test01"))
		if a.Status != http.StatusOK {
			t.Fatalf("got %d %s", a.Status, a.Body)
		}
		for backend, token := range map[string]string{"SOCIAL": a.Tokens.PragmaTokens.PragmaSocialToken, "GAME": a.Tokens.PragmaTokens.PragmaGameToken} {
			c := claims(t, token)
			want := map[string]any{"sessionType": "OPERATOR", "backendType": backend, "idProvider": "UNSAFE", "displayName": "test01", "sub": c["pragmaSocialId"]}
			for name, want := range want {
				if c[name] != want {
					t.Errorf("%s: %s = %v, want %v", backend, name, c[name], want)
				}
			}
			if diff := cmp.Diff([]any{"ADMIN"}, c["operatorRoles"]); diff != "" {
				t.Errorf("%s: operatorRoles (-want +got):\n%s", backend, diff)
			}
		}
		// The account is the same one; the session is of another kind.
		if resp := w.logIn(socialPlayer, unsafe("test01", "")); resp.Status != http.StatusOK ||
			claims(t, resp.Tokens.PragmaTokens.PragmaGameToken)["sessionType"] != "PLAYER" {
			t.Errorf("as a player: %d %s", resp.Status, resp.Body)
		}
	})
}

func TestProductionRefusesToBelieveEverybody(t *testing.T) {
	key := "social: {serviceConfigs: {TokenSignerConfig: {}}}\ncore: {backendMode: PRODUCTION}"
	own := &provider{name: "OWN", validate: func(context.Context, *account.ValidateRequest) (*account.ProviderAccount, error) {
		return &account.ProviderAccount{AccountID: "a"}, nil
	}}
	for _, tt := range []struct {
		name      string
		providers []account.IdentityProvider
		want      string // part of the error; empty: it starts
	}{
		{"nothing said", nil, "Providers is empty"},
		{"UNSAFE", []account.IdentityProvider{&account.Unsafe{}}, "set account.Unsafe.Production"},
		{"UNSAFE on purpose", []account.IdentityProvider{&account.Unsafe{Production: true}}, ""},
		{"another provider", []account.IdentityProvider{own}, ""},
		{"twice the same", []account.IdentityProvider{own, own}, "OWN is listed twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			srv := &pragma.Server{
				Config: pragmatest.Config(t, key), Listen: freePort,
				Social: []pragma.Service{&account.Service{Providers: tt.providers}},
				Ready:  func(pragma.Addresses) { cancel() },
			}
			err := srv.Run(ctx)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Run = %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Run = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestOperatorsOfProductionNeedPermission(t *testing.T) {
	for _, tt := range []struct {
		name  string
		allow bool
		want  int
	}{{"by default", false, 400}, {"allowed", true, 200}} {
		t.Run(tt.name, func(t *testing.T) {
			build := func() *pragma.Server {
				return &pragma.Server{
					Config: pragmatest.Config(t, "core: {backendMode: PRODUCTION}"), Game: []pragma.Service{&lab{}},
					Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{&account.Unsafe{Production: true, Operators: tt.allow}}}},
				}
			}
			pragmatest.Run(t, build, func(pw *pragmatest.World) {
				w := &world{World: pw}
				if got := w.logIn(socialOperator, unsafe("test01", "")).Status; got != tt.want {
					pw.T.Errorf("status = %d, want %d", got, tt.want)
				}
			})
		})
	}
}

func TestAccountServiceBelongsOnSocial(t *testing.T) {
	srv := &pragma.Server{Game: []pragma.Service{&account.Service{}}, Listen: freePort}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "Social") {
		t.Errorf("Run = %v, want an error that says where it belongs", err)
	}
}
