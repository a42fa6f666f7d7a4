package client_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

func TestLogInFollowsTheDocumentedOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		synctest.Wait()
		want := []string{
			"GET game /v1/info",
			"GET game /v1/loginqueue/getinqueuev1",
			"POST social /v1/account/authenticateorcreatev2",
			"UPGRADE game",
			"UPGRADE social",
		}
		got := slices.DeleteFunc(f.order(), func(what string) bool { return strings.Contains(what, "Rpc.") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if got := p.ID().String(); got != robin {
			t.Errorf("ID() = %s, want %s", got, robin)
		}
		if got := p.DisplayName().String(); got != "Robin#0042" {
			t.Errorf("DisplayName() = %s, want Robin#0042", got)
		}
		if !p.State().Connected {
			t.Error("not connected after log-in")
		}
		want = []string{`{"providerId":"UNSAFE","providerToken":"{\"accountId\":\"robin\",\"displayName\":\"Robin\"}","gameShardId":"` +
			shard + `","loginQueuePassToken":"pass"}`}
		if diff := cmp.Diff(want, f.seen("POST social /v1/account/authenticateorcreatev2")); diff != "" {
			t.Errorf("log-in (-want +got):\n%s", diff)
		}
	})
}

func TestSocketsAreOpenedWithTheTokenOfTheirBackend(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		tokens := p.Tokens()
		for host, token := range map[string]string{"game": tokens.Game, "social": tokens.Social} {
			head := f.all("UPGRADE " + host)[0].head
			if got, want := head.Get("Authorization"), "Bearer "+token; got != want {
				t.Errorf("%s: Authorization = %q, want %q", host, got, want)
			}
			if got := head.Get("Accept"); got != "application/json" {
				t.Errorf("%s: Accept = %q, want application/json", host, got)
			}
			if got := head.Get("Pragma-Reconnect"); got != "new" {
				t.Errorf("%s: reconnect header of the first socket = %q, want new", host, got)
			}
			if got := head.Get("Sec-WebSocket-Extensions"); got != "" {
				t.Errorf("%s: offers extensions %q", host, got)
			}
		}
	})
}

func TestBothAddressesGivenAreUsedAsTheyAre(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.player(func(o *client.Options) { o.Game, o.Social = "http://g.example", "http://s.example/" })
		for _, want := range []string{"POST s.example /v1/account/authenticateorcreatev2", "UPGRADE g.example", "UPGRADE s.example"} {
			if !contains(f.order(), want) {
				t.Errorf("no %s in %q", want, f.order())
			}
		}
	})
}

func TestLogInWaitsInTheQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.route("GET /v1/loginqueue/getinqueuev1", `{"token":"t1","positionInQueue":7,"eta":"3000","pollNextDuration":2000,"isAllowedIn":false}`)
		asked := 0
		f.routes["POST /v1/loginqueue/checkticketv1"] = func(w http.ResponseWriter, _ *http.Request) {
			asked++
			if asked == 1 {
				_, _ = w.Write([]byte(`{"token":"t2","positionInQueue":1,"eta":"1000","pollNextDuration":1000,"isAllowedIn":false}`))
				return
			}
			_, _ = w.Write([]byte(`{"token":"t3","isAllowedIn":true}`))
		}
		var told []client.QueuePosition
		start := time.Now()
		f.player(func(o *client.Options) { o.OnQueue = func(q client.QueuePosition) { told = append(told, q) } })
		if got, want := time.Since(start), 3*time.Second; got != want {
			t.Errorf("waited %v, want %v", got, want)
		}
		want := []client.QueuePosition{{Position: 7, Eta: 3 * time.Second}, {Position: 1, Eta: time.Second}}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("OnQueue (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{`{"token":"t1"}`, `{"token":"t2"}`}, f.seen("POST game /v1/loginqueue/checkticketv1")); diff != "" {
			t.Errorf("checkticketv1 (-want +got):\n%s", diff)
		}
		if body := f.seen("POST social /v1/account/authenticateorcreatev2")[0]; !strings.Contains(body, `"t3"`) {
			t.Errorf("log-in does not have the last queue token: %s", body)
		}
	})
}

func TestLogInKeepsItsPlaceWhileTheServerIsAway(t *testing.T) {
	for _, tt := range []struct {
		name             string
		failures, status int
		body             string
		in               bool
	}{
		{"a restart", 10, 503, "", true},
		{"for ever", 11, 503, "", false},
		{"the place is lost", 1, 401, `{"serviceError":{"status":"BAD_SESSION","error":"AccountService_TokenExpired","debugDetails":["x"]}}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				f.route("GET /v1/loginqueue/getinqueuev1", `{"token":"t1","pollNextDuration":1000,"isAllowedIn":false}`)
				asked := 0
				f.routes["POST /v1/loginqueue/checkticketv1"] = func(w http.ResponseWriter, _ *http.Request) {
					if asked++; asked <= tt.failures {
						w.WriteHeader(tt.status)
						_, _ = w.Write([]byte(tt.body))
						return
					}
					_, _ = w.Write([]byte(`{"token":"t2","isAllowedIn":true}`))
				}
				p, err := client.LogIn(t.Context(), f.options(), client.Unsafe("robin", "Robin"))
				if (err == nil) != tt.in {
					t.Errorf("LogIn = %v, want it in: %t", err, tt.in)
				}
				if err == nil {
					p.Close()
				}
			})
		})
	}
}

func TestLogInStopsWaitingWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.route("GET /v1/loginqueue/getinqueuev1", `{"token":"t1","pollNextDuration":60000,"isAllowedIn":false}`)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := client.LogIn(ctx, f.options(), client.Unsafe("robin", "Robin"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("LogIn = %v, want the context's error", err)
		}
	})
}

func TestLogInFails(t *testing.T) {
	refusal := func(status int, name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"sequenceNumber":0,"serviceError":{"requestId":0,"status":"SERVICE_ERROR","error":"` + name + `","debugDetails":["` + name + `: no"]}}`))
		}
	}
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	const auth = "POST /v1/account/authenticateorcreatev2"
	tests := map[string]struct {
		route  string
		answer http.HandlerFunc
		check  func(error) bool
	}{
		"provider refuses": {auth, refusal(401, "AccountService_Unauthorized"), func(err error) bool {
			return errors.Is(err, &pragma.Error{Reason: "AccountService_Unauthorized"})
		}},
		"no access to the game": {auth, body(`{"pragmaTokens":{"pragmaGameToken":"","pragmaSocialToken":"x"}}`), func(err error) bool {
			return errors.Is(err, client.ErrNoGameAccess)
		}},
		"no tokens":       {auth, body(`{}`), func(err error) bool { return strings.Contains(err.Error(), "no tokens") }},
		"token is broken": {auth, body(`{"pragmaTokens":{"pragmaGameToken":"x","pragmaSocialToken":"x"}}`), func(err error) bool { return strings.Contains(err.Error(), "cannot be read") }},
		"not a backend": {"GET /v1/info", body(`<html>`), func(err error) bool {
			return strings.Contains(err.Error(), "/v1/info")
		}},
		"unavailable": {"GET /v1/info", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, func(err error) bool {
			e, ok := errors.AsType[*client.HTTPError](err)
			return ok && e.Status == 503
		}},
		"info without a social backend": {"GET /v1/info", body(`{"gameBackend":{"host":"game","port":1}}`), func(err error) bool {
			return strings.Contains(err.Error(), "Options.Social")
		}},
		"info without addresses": {"GET /v1/info", body(`{}`), func(err error) bool { return strings.Contains(err.Error(), "does not name") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				f.routes[tt.route] = tt.answer
				_, err := client.LogIn(t.Context(), f.options(), client.Unsafe("robin", "Robin"))
				if err == nil || !tt.check(err) {
					t.Errorf("LogIn = %v", err)
				}
			})
		})
	}
}

func TestLogInFailsWhenASocketIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refuseUpgrades("social", refuseUpgrade("SessionService_TokenDoesNotMatchCurrentSession"))
		_, err := client.LogIn(t.Context(), f.options(), client.Unsafe("robin", "Robin"))
		if !errors.Is(err, pragma.ErrSessionReplaced) {
			t.Errorf("LogIn = %v, want ErrSessionReplaced", err)
		}
		synctest.Wait()
		<-f.socket("game").gone // the other socket is not left open
	})
}

func refuseUpgrade(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"sequenceNumber":0,"serviceError":{"requestId":0,"status":"BAD_SESSION","error":"` + name + `","debugDetails":["` + name + `: no"]}}`))
	}
}

func TestLogInWithoutAnAddressSaysSo(t *testing.T) {
	_, err := client.LogIn(t.Context(), client.Options{}, client.Unsafe("robin", "Robin"))
	if err == nil || !strings.Contains(err.Error(), "Options.Game") {
		t.Errorf("LogIn = %v, want a word about Options.Game", err)
	}
}

func TestLogInKnowsThePresentPartyAndGames(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.on("MultiplayerRpc.InitializePartyV1", answer(`{"isInParty":true,"party":`+party(partyA, 3)+`,"receivedInvites":[{"inviteId":"`+gameB+`"}]}`))
		f.on("MultiplayerRpc.InitializeGameInstanceV1", answer(`{"isInGameInstance":true,"gameInstances":[`+game(gameA, 5)+`]}`))
		s := f.player().State()
		if s.Party == nil || s.Party.Version != 3 {
			t.Errorf("party = %+v, want version 3", s.Party)
		}
		if g := s.CurrentGame(); g == nil || g.Version != 5 {
			t.Errorf("game = %+v, want version 5", g)
		}
		if len(s.Invites) != 1 {
			t.Errorf("%d invites, want 1", len(s.Invites))
		}
	})
}

func TestLogInWorksOnAServerWithoutParties(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		for _, name := range []string{"InitializePartyV1", "InitializeGameInstanceV1", "SyncPartyV1", "SyncGameInstanceV1"} {
			f.on("MultiplayerRpc."+name, func(c *fakeCall) { c.refuse("INVALID_REQUEST_TYPE") })
		}
		p := f.player()
		f.socket("game").cut()
		time.Sleep(time.Minute)
		if got := len(f.seen("game MultiplayerRpc.SyncPartyV1")); got != 1 {
			t.Errorf("asked %d times for a party, want once after the break", got)
		}
		if !p.State().Connected {
			t.Error("not connected")
		}
	})
}

func TestResumeUsesTheTokensOfAnEarlierLogIn(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		tokens := p.Tokens()
		p.Abort()
		q, err := client.Resume(t.Context(), f.options(), tokens)
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		if q.SessionID() != p.SessionID() {
			t.Errorf("session = %v, want %v", q.SessionID(), p.SessionID())
		}
		if got := len(f.all("POST social /v1/account/authenticateorcreatev2")); got != 1 {
			t.Errorf("%d log-ins, want 1", got)
		}
	})
}
