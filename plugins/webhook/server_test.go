package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/webhook"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// arena gives every player who asks a game with a server.
type arena struct{ gameinstance.Defaults }

func (arena) HandlePlayerCreateRequest(_ context.Context, r *gameinstance.PlayerCreateRequest) error {
	if _, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID}); err != nil {
		return err
	}
	r.GameInstance.SetGameServerVersion("1.2")
	r.GameInstance.AllocateGameServer(ext.Of(map[string]string{"map": "harbor"}))
	return nil
}

// memory is the way to a fleet in the same process, which virtual time needs.
type memory struct{ http.Handler }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	m.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// section is the configuration of a server with the plugin, in YAML's flow style.
func section(config string) string {
	return `{game: {pluginConfigs: {GameInstanceService.gameServerProviderPlugin: {config: ` + config + `}}}}`
}

const goodConfig = `{url: "https://fleet.test/a", keys: [{keyId: k1, secret: "` + secret + `"}]}`

// onServer runs a whole server whose fleet is the handler.
func onServer(t *testing.T, fleet http.Handler, fn func(w *pragmatest.World)) {
	t.Helper()
	build := func() *pragma.Server {
		accounts := &account.Service{}
		return &pragma.Server{
			Config: pragmatest.Config(t, section(goodConfig)),
			Social: []pragma.Service{accounts},
			Game: []pragma.Service{&gameinstance.Service{
				Plugin: arena{}, Accounts: accounts, Provider: &webhook.Plugin{Transport: memory{fleet}},
			}},
		}
	}
	pragmatest.Run(t, build, fn)
}

// fleetOf is a handler with a start function.
func fleetOf(start func(ctx context.Context, c *webhook.Call) error) *webhook.Handler {
	h := &webhook.Handler{Start: start}
	h.Secrets = map[string]pragma.Secret{"k1": secret}
	return h
}

func create(w *pragmatest.World, name string) (*client.Player, pragma.GameInstanceID) {
	w.T.Helper()
	p := w.LogIn(name)
	id, _, err := p.Games.Create(w.T.Context(), client.CreateGame{})
	if err != nil {
		w.T.Fatal(err)
	}
	return p, id
}

func TestAServerOfTheFleetPlaysTheGame(t *testing.T) {
	var told atomic.Pointer[webhook.Call]
	fleet := fleetOf(func(_ context.Context, c *webhook.Call) error { told.Store(c); return nil })
	onServer(t, fleet, func(w *pragmatest.World) {
		p, id := create(w, "robin")
		time.Sleep(time.Second)
		c := told.Load()
		if c.GameInstanceID != id || c.GameServerVersion != "1.2" || !strings.Contains(string(c.Ext.Bytes()), "harbor") {
			w.T.Errorf("the fleet was told %v, want the game %v with its version and ext", c, id)
		}
		server, err := client.NewGameServer(w.T.Context(), client.GameServerOptions{
			Options: w.Options(pragma.Partner), Tokens: client.Tokens{Game: c.GameToken, Social: c.SocialToken},
		})
		if err != nil {
			w.T.Fatal(err)
		}
		defer server.Close()
		start, err := server.Link(w.T.Context(), c.GameInstanceID)
		if err != nil || len(start.Players) != 1 {
			w.T.Fatal(start, err)
		}
		if err := server.ConnectPlayers(w.T.Context(), client.ConnectPlayers{
			GameInstanceID: id, Hostname: "192.0.2.1", Port: 7000, Players: []client.PlayerExt{{PlayerID: start.Players[0].PlayerID}},
		}); err != nil {
			w.T.Fatal(err)
		}
		host, err := p.Games.Host(w.T.Context(), id)
		if err != nil || host.Hostname != "192.0.2.1" {
			w.T.Errorf("host %+v, %v; want that of the server", host, err)
		}
		if logs := w.Logs(); strings.Contains(logs, secret) || strings.Contains(logs, c.GameToken) || strings.Contains(logs, c.SocialToken) {
			w.T.Error("a secret is in the log")
		}
	})
}

func TestTheFleetSaysWhenToComeBack(t *testing.T) {
	for _, row := range []struct {
		name, header string
		want         time.Duration
	}{
		{"in seconds", "17", 17 * time.Second},
		{"not for an hour, which is too long", "3600", time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			var mu sync.Mutex
			var at []time.Time
			busy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.Header.Get("Idempotency-Key"), "-end") {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Now())
				w.Header().Set("Retry-After", row.header)
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			onServer(t, busy, func(w *pragmatest.World) {
				create(w, "robin")
				time.Sleep(130 * time.Second)
				mu.Lock()
				first := at
				mu.Unlock()
				if len(first) < 2 || first[1].Sub(first[0]).Round(time.Second) != row.want {
					w.T.Errorf("requests at %v, want the second after %v", first, row.want)
				}
				// The allocation is over after two minutes: nobody asks for it any more.
				time.Sleep(time.Hour)
				mu.Lock()
				defer mu.Unlock()
				if len(at) != len(first) {
					w.T.Errorf("%d requests after the allocation had timed out", len(at)-len(first))
				}
			})
		})
	}
}

func TestTheFleetIsToldOfAnAllocationThatTimedOut(t *testing.T) {
	var mu sync.Mutex
	var start webhook.Call
	var ends []webhook.Call
	fleet := fleetOf(func(_ context.Context, c *webhook.Call) error {
		mu.Lock()
		defer mu.Unlock()
		start = *c
		return nil
	})
	fleet.End = func(_ context.Context, c *webhook.Call) error {
		mu.Lock()
		defer mu.Unlock()
		if ends = append(ends, *c); len(ends) < 3 {
			return errors.New("cannot stop it")
		}
		return nil
	}
	onServer(t, fleet, func(w *pragmatest.World) {
		create(w, "robin")
		time.Sleep(5 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(ends) != 3 || ends[2].AllocationID != start.AllocationID || ends[2].Reason != gameinstance.EndTimedOut {
			w.T.Errorf("told %v, want the end of %v three times, the last one without failure", ends, start)
		}
	})
}

func TestAGameWithoutServerRunsAtOnce(t *testing.T) {
	calls := 0
	fleet := fleetOf(func(context.Context, *webhook.Call) error { calls++; return gameinstance.ErrNoServerNeeded })
	onServer(t, fleet, func(w *pragmatest.World) {
		p, id := create(w, "robin")
		time.Sleep(10 * time.Minute)
		games, err := p.Games.Sync(w.T.Context())
		if err != nil || len(games) != 1 || games[0].ID != id {
			w.T.Errorf("games %v, %v; want the one that runs", games, err)
		}
	})
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

func TestConfigurationsThatCannotBeMeant(t *testing.T) {
	two := webhook.Key{KeyID: "k2", Secret: otherSecret}
	for _, row := range []struct {
		name   string
		change func(c *webhook.Config)
		want   string // empty: it is fine
	}{
		{"the one of the tests", nil, ""},
		{"two keys", func(c *webhook.Config) { c.Keys = append(c.Keys, two) }, ""},
		{"http on this machine", func(c *webhook.Config) { c.URL = "http://localhost:8080/a" }, ""},
		{"http, allowed", func(c *webhook.Config) { c.URL, c.AllowInsecure = "HTTP://fleet.test/a", true }, ""},
		{"https, http allowed", func(c *webhook.Config) { c.AllowInsecure = true }, ""},
		{"http", func(c *webhook.Config) { c.URL = "http://fleet.test/a" }, "url"},
		{"another scheme, http allowed", func(c *webhook.Config) { c.URL, c.AllowInsecure = "ftp://fleet.test/a", true }, "url"},
		{"http with a user, allowed", func(c *webhook.Config) { c.URL, c.AllowInsecure = "http://a:b@fleet.test/a", true }, "url"},
		{"no address", func(c *webhook.Config) { c.URL = "" }, "url"},
		{"a query", func(c *webhook.Config) { c.URL += "?token=x" }, "url"},
		{"no key", func(c *webhook.Config) { c.Keys = nil }, "keys"},
		{"three keys", func(c *webhook.Config) {
			c.Keys = append(c.Keys, two, webhook.Key{KeyID: "k3", Secret: otherSecret})
		}, "keys"},
		{"one key twice", func(c *webhook.Config) { c.Keys = append(c.Keys, c.Keys[0]) }, "keys"},
		{"no key id", func(c *webhook.Config) { c.Keys[0].KeyID = "" }, "keys"},
		{"a key id with a comma", func(c *webhook.Config) { c.Keys[0].KeyID = "a,b" }, "keys"},
		{"a short secret", func(c *webhook.Config) { c.Keys[0].Secret = pragma.Secret(secret[1:]) }, "keys"},
		{"no time", func(c *webhook.Config) { c.TimeoutMillis = 0 }, "timeoutMillis"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := webhook.DefaultConfig()
			c.URL, c.Keys = "https://fleet.test/a", []webhook.Key{{KeyID: "k1", Secret: secret}}
			if row.change != nil {
				row.change(&c)
			}
			err := c.Validate()
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.HasPrefix(err.Error(), row.want+":")) {
				t.Errorf("got %v, want %q to be named and nothing else", err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), secret[1:]) {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}

func TestMistakesStopTheStart(t *testing.T) {
	for _, row := range []struct{ name, config, want string }{
		{"an unknown key", section(strings.Replace(goodConfig, "url", "uri", 1)), "uri"},
		{"a short secret", section(`{url: "https://fleet.test/a", keys: [{keyId: k1, secret: "hush"}]}`), "fewer than 32"},
		{"no section", `{}`, "url"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg, err := pragma.ParseConfig(row.config)
			if err != nil {
				t.Fatal(err)
			}
			srv := &pragma.Server{Config: cfg, Game: []pragma.Service{&gameinstance.Service{Provider: &webhook.Plugin{}}}}
			err = srv.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("Run() = %v, want it to name %q and no secret", err, row.want)
			}
		})
	}
}

func TestAConfigurationMayChangeWhileTheServerRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "game.yml")
	write := func(config string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(section(config)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hosts := ""
	p := &webhook.Plugin{Transport: memory{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hosts += r.URL.Host + " " })}}
	write(goodConfig)
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		return &pragma.Server{Config: cfg, Game: []pragma.Service{&gameinstance.Service{Provider: p}}}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		for _, config := range []string{goodConfig, strings.Replace(goodConfig, "fleet.", "other.", 1), strings.Replace(goodConfig, "https", "http", 1)} {
			write(config)
			time.Sleep(time.Minute)
			if err := p.StartAllocationForGameInstance(w.T.Context(), wanted()); err != nil {
				w.T.Error(err)
			}
		}
		if want := "fleet.test other.test other.test "; hosts != want {
			w.T.Errorf("calls went to %s, want %s", hosts, want)
		}
		if strings.Contains(w.Logs(), secret) {
			w.T.Error("a secret is in the log")
		}
	})
	without := &webhook.Plugin{}
	if err := without.StartAllocationForGameInstance(t.Context(), wanted()); err == nil || errors.Is(err, pragma.ErrUnavailable) {
		t.Errorf("without a configuration: %v, want a final error", err)
	}
}
