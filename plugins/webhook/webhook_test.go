package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/webhook"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const secret, otherSecret = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"

// TestMain keeps the log of what is refused out of the way.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// fleet is a studio's fleet: a handler that remembers its servers.
type fleet struct {
	webhook.Handler
	url string

	mu      sync.Mutex
	calls   []webhook.Call
	headers []http.Header
	running map[pragma.AllocationID]int // how many servers an allocation has
	ended   map[pragma.AllocationID]bool
	start   func(c *webhook.Call) error
	instead func(w http.ResponseWriter) bool // instead of the call
	spoil   func(w http.ResponseWriter) bool // instead of the answer
}

func newFleet(t testing.TB) *fleet {
	f := &fleet{running: make(map[pragma.AllocationID]int), ended: make(map[pragma.AllocationID]bool)}
	f.Secrets = map[string]pragma.Secret{"k1": secret}
	f.Start = func(_ context.Context, c *webhook.Call) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, *c)
		if f.start != nil {
			if err := f.start(c); err != nil {
				return err
			}
		}
		if f.ended[c.AllocationID] {
			return errors.New("that is over")
		}
		f.running[c.AllocationID] = 1
		return nil
	}
	f.End = func(_ context.Context, c *webhook.Call) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, *c)
		f.ended[c.AllocationID] = true
		delete(f.running, c.AllocationID)
		return nil
	}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.instead != nil && f.instead(w) {
		return
	}
	rec := httptest.NewRecorder()
	f.Handler.ServeHTTP(rec, r)
	f.mu.Lock()
	f.headers = append(f.headers, r.Header.Clone())
	spoil := f.spoil
	f.mu.Unlock()
	if spoil != nil && spoil(w) {
		return
	}
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

func (f *fleet) trouble(spoil func(w http.ResponseWriter) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
}

func (f *fleet) plugin(t testing.TB, change func(c *webhook.Config)) *webhook.Plugin {
	c := webhook.DefaultConfig()
	c.URL, c.Keys = f.url, []webhook.Key{{KeyID: "k1", Secret: secret}}
	if change != nil {
		change(&c)
	}
	p := &webhook.Plugin{Config: &c}
	t.Cleanup(p.Close)
	return p
}

func wanted() *gameinstance.StartAllocationForGameInstanceRequest {
	return &gameinstance.StartAllocationForGameInstanceRequest{
		GameInstanceID: pragma.NewID[pragma.GameInstanceID](), AllocationID: pragma.NewID[pragma.AllocationID](),
		BackendAddress: "game.example:10100", Requested: time.Now(), GameServerVersion: "1.2", GameServerZone: "eu",
		Ext: ext.Of(map[string]string{"map": "harbor"}),
		ClientTokens: func() (gameinstance.PartnerClientTokens, error) {
			return gameinstance.PartnerClientTokens{GameToken: "hush-game", SocialToken: "hush-social"}, nil
		},
	}
}

func TestAFleetIsToldWhatIsNeeded(t *testing.T) {
	f := newFleet(t)
	r := wanted()
	if err := f.plugin(t, nil).StartAllocationForGameInstance(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := []webhook.Call{{
		Type: webhook.Start, AllocationID: r.AllocationID, GameInstanceID: r.GameInstanceID,
		GameServerVersion: "1.2", GameServerZone: "eu", Ext: r.Ext, BackendAddress: "game.example:10100",
		GameToken: "hush-game", SocialToken: "hush-social",
	}}
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	h := f.headers[0]
	if got := h.Get("Idempotency-Key"); got != r.AllocationID.String() {
		t.Errorf("Idempotency-Key %q, want %q", got, r.AllocationID)
	}
	if got := fmt.Sprint(h); strings.Contains(got, "hush") || strings.Contains(got, secret) {
		t.Errorf("a secret is in the headers: %s", got)
	}
}

func TestAllocationsThatWereNotAnsweredAreAskedForAgain(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(w http.ResponseWriter) bool
	}{
		{"the connection is cut", func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) }},
		{"too slow", func(http.ResponseWriter) bool { time.Sleep(400 * time.Millisecond); return false }},
		{"half an answer", func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"noServer`)
			panic(http.ErrAbortHandler)
		}},
		{"a huge answer", func(w http.ResponseWriter) bool { _, _ = io.WriteString(w, strings.Repeat(" ", 2<<20)); return true }},
		{"a proxy's error", func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusBadGateway); return true }},
		{"too many calls", func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusTooManyRequests); return true }},
		{"no time", func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusRequestTimeout); return true }},
		{"too early", func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusTooEarly); return true }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			p, r := f.plugin(t, func(c *webhook.Config) { c.TimeoutMillis = 100 }), wanted()
			f.trouble(row.spoil)
			for range 2 {
				if err := p.StartAllocationForGameInstance(t.Context(), r); !errors.Is(err, pragma.ErrUnavailable) {
					t.Fatalf("got %v, want %v", err, pragma.ErrUnavailable)
				} else if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), f.url) {
					t.Errorf("the error says too much: %v", err)
				}
			}
			f.trouble(nil)
			untilAnswered(t, p, r)
			if n := f.running[r.AllocationID]; n != 1 {
				t.Errorf("%d servers, want 1", n)
			}
		})
	}
}

func untilAnswered(t *testing.T, p *webhook.Plugin, r *gameinstance.StartAllocationForGameInstanceRequest) {
	t.Helper()
	for range 100 {
		err := p.StartAllocationForGameInstance(t.Context(), r)
		if err == nil {
			return
		}
		if !errors.Is(err, pragma.ErrUnavailable) {
			t.Error(err)
			return
		}
	}
	t.Error("no answer after 100 tries")
}

func TestWhatAnAnswerMeans(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		want   error
	}{
		{"nothing", 200, "", nil},
		{"accepted", 202, "", nil},
		{"no content", 204, "", nil},
		{"an object", 200, `{"server": "x"}`, nil},
		{"no server needed", 200, `{"noServerNeeded": true}`, gameinstance.ErrNoServerNeeded},
		{"a server needed", 200, `{"noServerNeeded": false}`, nil},
		{"words", 200, "OK", nil},
		{"garbage", 200, `{"noServerNeeded": true`, nil},
		{"another kind", 200, `{"noServerNeeded": "true"}`, nil},
		{"said twice", 200, `{"noServerNeeded": false, "noServerNeeded": true}`, nil},
		{"a redirect", 307, "", webhook.ErrRefused},
		{"not modified", 304, "", webhook.ErrRefused},
		{"a bad request", 400, "", webhook.ErrRefused},
		{"not allowed", 401, "", webhook.ErrRefused},
		{"a conflict", 409, "", webhook.ErrRefused},
		{"trouble", 500, `{"noServerNeeded": true}`, pragma.ErrUnavailable},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			hits := 0
			f.trouble(func(w http.ResponseWriter) bool {
				hits++
				w.Header().Set("Location", f.url+"/elsewhere")
				w.WriteHeader(row.status)
				_, _ = io.WriteString(w, row.body)
				return true
			})
			err := f.plugin(t, nil).StartAllocationForGameInstance(t.Context(), wanted())
			if !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
			if hits != 1 {
				t.Errorf("%d requests, want 1", hits)
			}
		})
	}
}

func TestAHandlerAnswersAsTheEngineUnderstandsIt(t *testing.T) {
	for _, row := range []struct {
		name string
		said error
		want error
	}{
		{"under way", nil, nil},
		{"no server needed", gameinstance.ErrNoServerNeeded, gameinstance.ErrNoServerNeeded},
		{"not now", fmt.Errorf("busy: %w", pragma.ErrUnavailable), pragma.ErrUnavailable},
		{"refused", errors.New("no such map"), webhook.ErrRefused},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			f.start = func(*webhook.Call) error { return row.said }
			if err := f.plugin(t, nil).StartAllocationForGameInstance(t.Context(), wanted()); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

func TestAFleetIsToldThatAServerIsNotWanted(t *testing.T) {
	f := newFleet(t)
	p, r := f.plugin(t, nil), wanted()
	if err := p.StartAllocationForGameInstance(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	end := &gameinstance.EndAllocationRequest{AllocationID: r.AllocationID, GameInstanceID: r.GameInstanceID, Reason: gameinstance.EndTimedOut}
	if err := p.EndAllocation(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	want := webhook.Call{Type: webhook.End, AllocationID: r.AllocationID, GameInstanceID: r.GameInstanceID, Reason: gameinstance.EndTimedOut}
	if diff := cmp.Diff(want, f.calls[1]); diff != "" {
		t.Errorf("the call (-want +got):\n%s", diff)
	}
	if got, want := f.headers[1].Get("Idempotency-Key"), r.AllocationID.String()+"-end-ALLOCATION_TIMED_OUT"; got != want {
		t.Errorf("Idempotency-Key %q, want %q", got, want)
	}
	for status, want := range map[int]error{
		200: nil, 404: nil, 410: nil, 400: webhook.ErrRefused, 409: webhook.ErrRefused, 429: pragma.ErrUnavailable, 500: pragma.ErrUnavailable,
	} {
		f.trouble(func(w http.ResponseWriter) bool { w.WriteHeader(status); return true })
		if err := p.EndAllocation(t.Context(), end); !errors.Is(err, want) {
			t.Errorf("status %d: got %v, want %v", status, err, want)
		}
	}
}

func TestSecretsAreExchangedWithoutARequestThatFails(t *testing.T) {
	f := newFleet(t)
	p := f.plugin(t, nil)
	ask := func(step string) {
		t.Helper()
		if err := p.StartAllocationForGameInstance(t.Context(), wanted()); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	for range 2 { // there and back
		before, after := p.Config.Keys[0], webhook.Key{KeyID: "k2", Secret: otherSecret}
		if before.KeyID == "k2" {
			after = webhook.Key{KeyID: "k1", Secret: secret}
		}
		ask("before")
		f.Secrets[after.KeyID] = after.Secret
		ask("the fleet knows both")
		p.Config.Keys = []webhook.Key{after}
		ask("the engine has the new one")
		delete(f.Secrets, before.KeyID)
		ask("the fleet has forgotten the old one")
	}
	p.Config.Keys = []webhook.Key{p.Config.Keys[0], {KeyID: "k2", Secret: otherSecret}}
	ask("the engine signs with both")
	f.Secrets = map[string]pragma.Secret{"k2": otherSecret}
	ask("the fleet has changed over")
	p.Config.Keys = p.Config.Keys[1:]
	ask("the engine has one again")
	p.Config.Keys = []webhook.Key{{KeyID: "k2", Secret: secret}}
	if err := p.StartAllocationForGameInstance(t.Context(), wanted()); !errors.Is(err, webhook.ErrRefused) {
		t.Errorf("another secret: got %v, want %v", err, webhook.ErrRefused)
	}
}

func TestABurstWithFailuresStartsOneServerForEachGame(t *testing.T) {
	const games = 1000
	f := newFleet(t)
	n := 0
	f.start = func(*webhook.Call) error {
		if n++; n%7 == 0 {
			return pragma.ErrUnavailable
		}
		return nil
	}
	answers := 0
	f.trouble(func(http.ResponseWriter) bool {
		f.mu.Lock()
		answers++
		lost := answers%5 == 0
		f.mu.Unlock()
		if lost {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	p := f.plugin(t, nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 64) // as many as a lane makes at a time
	for range games {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			untilAnswered(t, p, wanted())
		})
	}
	wg.Wait()
	if len(f.running) != games {
		t.Errorf("%d servers, want %d", len(f.running), games)
	}
}

func TestTokensAreNotPrinted(t *testing.T) {
	c := webhook.Call{Type: webhook.Start, GameToken: "hush-game", SocialToken: "hush-social"}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "call", c, "pointer", &c)
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s", c, &c, c), logged.String()} {
		if strings.Contains(text, "hush") {
			t.Errorf("a token is printed: %s", text)
		}
	}
	text, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(text), "hush-game") {
		t.Errorf("the body is %s, %v; want the tokens in it", text, err)
	}
}

func TestWithoutTokensNobodyIsAsked(t *testing.T) {
	f := newFleet(t)
	r := wanted()
	r.ClientTokens = func() (gameinstance.PartnerClientTokens, error) {
		return gameinstance.PartnerClientTokens{}, errors.New("no key")
	}
	if err := f.plugin(t, nil).StartAllocationForGameInstance(t.Context(), r); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v, want the error of ClientTokens", err)
	}
	if len(f.calls) != 0 {
		t.Errorf("the fleet was asked %d times", len(f.calls))
	}
}

func TestThePluginHasNoMisspeltHooks(t *testing.T) {
	pragmatest.CheckPlugin[gameinstance.ProviderPlugin](t, &webhook.Plugin{})
}
