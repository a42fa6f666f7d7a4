package agones_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/agones"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestAServerIsToldWhatToDo(t *testing.T) {
	f := newFake(t, 3, skirmish())
	p := f.plugin(func(c *agones.Config) {
		c.Labels = map[string]string{"game": "{gameInstanceId}", "version": "{version}"}
		c.Annotations = map[string]string{"note": "zone {zone}, {allocationId}"}
	})
	r := wanted()
	r.GameServerZone = "eu west!" // an annotation may be anything
	if err := p.StartAllocationForGameInstance(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	game, allocation := r.GameInstanceID.String(), r.AllocationID.String()
	want := []*server{{
		Name: "server-0", Allocated: 1,
		Labels: map[string]string{"agones.dev/fleet": "skirmish", "openpragma/allocation-id": allocation, "game": game},
		Annotations: map[string]string{
			"openpragma/game-instance-id": game,
			"openpragma/allocation-id":    allocation,
			"openpragma/backend-address":  "game.example:10100",
			"openpragma/game-token":       "secret-game-1",
			"openpragma/social-token":     "secret-social-1",
			"note":                        "zone eu west!, " + allocation,
		},
	}}
	if diff := cmp.Diff(want, f.allocated()); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}

func TestARequestHasWhatIsConfigured(t *testing.T) {
	f := newFake(t, 0, nil)
	p := f.plugin(func(c *agones.Config) {
		c.Selectors = []agones.Selector{
			{MatchLabels: map[string]string{"version": "v{version}", "zone": "{zone}"}, Players: &agones.Players{MinAvailable: 1, MaxAvailable: 9}},
			{Counters: map[string]agones.Counter{"rooms": {MinAvailable: 1}}, Lists: map[string]agones.List{"maps": {ContainsValue: "harbor", MinAvailable: 2}}},
		}
		c.Priorities = []agones.Priority{{Type: "Counter", Key: "rooms", Order: "Descending"}}
		c.Scheduling = agones.Distributed
	})
	r := wanted()
	r.GameServerVersion = "1.2.3" // and any zone
	if err := p.StartAllocationForGameInstance(t.Context(), r); !errors.Is(err, pragma.ErrUnavailable) {
		t.Fatalf("got %v, want %v", err, pragma.ErrUnavailable)
	}
	var want request
	want.Namespace, want.Scheduling = "games", "Distributed"
	want.Metadata.Labels = map[string]string{"openpragma/allocation-id": r.AllocationID.String()}
	want.GameServerSelectors = []selector{
		{GameServerState: "ALLOCATED", MatchLabels: map[string]string{"openpragma/allocation-id": r.AllocationID.String()}},
		{GameServerState: "READY", MatchLabels: map[string]string{"version": "v1.2.3"}, Players: map[string]json.Number{"minAvailable": "1", "maxAvailable": "9"}},
		{
			GameServerState: "READY",
			Counters:        map[string]map[string]int64{"rooms": {"minCount": 0, "maxCount": 0, "minAvailable": 1, "maxAvailable": 0}},
			Lists:           map[string]map[string]any{"maps": {"containsValue": "harbor", "minAvailable": 2.0, "maxAvailable": 0.0}},
		},
	}
	want.Priorities = []map[string]string{{"type": "Counter", "key": "rooms", "order": "Descending"}}
	got := f.asked()
	for i := range got {
		got[i].Metadata.Annotations = nil
	}
	if diff := cmp.Diff([]request{want}, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestAnAllocationWithoutAnswerFindsItsServerAgain(t *testing.T) {
	cut := func(http.ResponseWriter, []byte) bool { panic(http.ErrAbortHandler) }
	for _, row := range []struct {
		name  string
		spoil func(w http.ResponseWriter, answer []byte) bool
	}{
		{"the connection is cut", cut},
		{"half an answer", func(w http.ResponseWriter, answer []byte) bool {
			w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
			_, _ = w.Write(answer[:len(answer)/2])
			panic(http.ErrAbortHandler)
		}},
		{"too slow", func(http.ResponseWriter, []byte) bool { time.Sleep(400 * time.Millisecond); return false }},
		{"a huge answer", func(w http.ResponseWriter, _ []byte) bool {
			_, _ = io.WriteString(w, `{"gameServerName":"`+strings.Repeat("x", 2<<20)+`"}`)
			return true
		}},
		{"garbage", func(w http.ResponseWriter, _ []byte) bool {
			_, _ = io.WriteString(w, `{"gameServerName":`)
			return true
		}},
		{"a name that is no text", func(w http.ResponseWriter, _ []byte) bool {
			_, _ = io.WriteString(w, `{"gameServerName":7}`)
			return true
		}},
		{"no body", func(w http.ResponseWriter, _ []byte) bool { w.WriteHeader(http.StatusOK); return true }},
		{"a proxy's error", func(w http.ResponseWriter, _ []byte) bool {
			http.Error(w, "<html>", http.StatusBadGateway)
			return true
		}},
	} {
		for _, clusters := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, several clusters %v", row.name, clusters), func(t *testing.T) {
				t.Parallel()
				f := newFake(t, 3, skirmish())
				p := f.plugin(func(c *agones.Config) { c.TimeoutMillis, c.MultiCluster.Enabled = 100, clusters })
				r := wanted()
				f.trouble(nil, func(w http.ResponseWriter, answer []byte) bool {
					return bytes.Contains(answer, []byte("gameServerName")) && row.spoil(w, answer)
				})
				for range 3 {
					if err := p.StartAllocationForGameInstance(t.Context(), r); !errors.Is(err, pragma.ErrUnavailable) {
						t.Fatalf("got %v, want %v", err, pragma.ErrUnavailable)
					}
				}
				f.trouble(nil, nil)
				for range 2 { // the lane may ask even after an answer
					untilAnswered(t, p, r)
				}
				if got := f.allocated(); len(got) != 1 || got[0].Name != "server-0" {
					t.Errorf("%d servers were taken, want 1", len(got))
				}
			})
		}
	}
}

func TestSeveralClustersAreAskedForTheServerFirst(t *testing.T) {
	f := newFake(t, 1, skirmish())
	p := f.plugin(func(c *agones.Config) {
		c.MultiCluster = agones.MultiCluster{Enabled: true, PolicyLabels: map[string]string{"tier": "live"}}
	})
	if err := p.StartAllocationForGameInstance(t.Context(), wanted()); err != nil {
		t.Fatal(err)
	}
	asked := f.asked()
	if len(asked) != 2 || len(asked[0].GameServerSelectors) != 1 || asked[0].GameServerSelectors[0].GameServerState != "ALLOCATED" || len(asked[1].GameServerSelectors) != 2 {
		t.Fatalf("asked %+v; want a look for the own server, then an allocation", asked)
	}
	for _, q := range asked {
		if m := q.MultiClusterSetting; m == nil || !m.Enabled || m.PolicySelector.MatchLabels["tier"] != "live" {
			t.Errorf("multiClusterSetting %+v, want it enabled with the policy", m)
		}
	}
}

func TestAnswersOfTheAllocator(t *testing.T) {
	for _, row := range []struct {
		name, body string
		status     int
		set        int // UnallocatedStatusCode
		requested  time.Duration
		want       error
	}{
		{"nothing is ready", ``, 429, 429, 0, pragma.ErrUnavailable},
		{"nothing is ready for long", ``, 429, 429, time.Hour, agones.ErrNoGameServer},
		{"nothing is ready, with another status", ``, 404, 404, 0, pragma.ErrUnavailable},
		{"the same for long", ``, 503, 503, time.Hour, agones.ErrNoGameServer},
		{"nothing is ready, with status 200", `{"gameServerName":""}`, 200, 200, 0, pragma.ErrUnavailable},
		{"contention", `{"code":10,"message":"too many concurrent requests"}`, 409, 429, time.Hour, pragma.ErrUnavailable},
		{"overload", ``, 503, 429, time.Hour, pragma.ErrUnavailable},
		{"a failure inside", `{"code":2,"message":"error updating allocated gameserver"}`, 500, 429, time.Hour, pragma.ErrUnavailable},
		{"a conflict as Kubernetes has it", `{"code":409,"message":"x"}`, 500, 429, time.Hour, pragma.ErrUnavailable},
		{"an invalid request as Kubernetes has it", `{"code":422,"message":"invalid"}`, 500, 429, 0, agones.ErrRefused},
		{"no time", ``, 504, 429, time.Hour, pragma.ErrUnavailable},
		{"the client has gone", ``, 499, 429, 0, pragma.ErrUnavailable},
		{"a bad request", `{"code":3}`, 400, 429, 0, agones.ErrRefused},
		{"not allowed", ``, 403, 429, 0, agones.ErrRefused},
		{"no such thing", ``, 404, 429, 0, agones.ErrRefused},
		{"another success", `{"gameServerName":"x"}`, 204, 429, 0, agones.ErrRefused},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, 1, skirmish())
			f.trouble(func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(row.status)
				_, _ = io.WriteString(w, row.body)
				return true
			}, nil)
			r := wanted()
			r.Requested = time.Now().Add(-row.requested)
			err := f.plugin(func(c *agones.Config) { c.UnallocatedStatusCode = row.set }).StartAllocationForGameInstance(t.Context(), r)
			if !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
			if strings.Contains(err.Error(), "secret-") || strings.Contains(err.Error(), f.url) {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	f, other := newFake(t, 1, skirmish()), newFake(t, 1, skirmish())
	f.trouble(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.url+"/gameserverallocation", http.StatusTemporaryRedirect)
		return true
	}, nil)
	if err := f.plugin(nil).StartAllocationForGameInstance(t.Context(), wanted()); !errors.Is(err, agones.ErrRefused) {
		t.Errorf("got %v, want %v", err, agones.ErrRefused)
	}
	if n := len(other.asked()); n != 0 {
		t.Errorf("the tokens went to another server %d times", n)
	}
}

func TestNobodyIsAskedFor(t *testing.T) {
	broken := errors.New("no key")
	for _, row := range []struct {
		name   string
		change func(p *agones.Plugin, r *gameinstance.StartAllocationForGameInstanceRequest)
		want   string
	}{
		{"a version that is no label", func(_ *agones.Plugin, r *gameinstance.StartAllocationForGameInstanceRequest) {
			r.GameServerVersion = "1.2+3"
		}, `"1.2+3" cannot be a label`},
		{"a version that is too long", func(_ *agones.Plugin, r *gameinstance.StartAllocationForGameInstanceRequest) {
			r.GameServerVersion = strings.Repeat("1", 64)
		}, `cannot be a label`},
		{"tokens that cannot be made", func(_ *agones.Plugin, r *gameinstance.StartAllocationForGameInstanceRequest) {
			r.ClientTokens = func() (gameinstance.PartnerClientTokens, error) { return gameinstance.PartnerClientTokens{}, broken }
		}, "no key"},
		{"what the studio refuses", func(p *agones.Plugin, _ *gameinstance.StartAllocationForGameInstanceRequest) {
			p.Adjust = func(context.Context, *agones.Allocation) error { return broken }
		}, "no key"},
		{"what the studio makes invalid", func(p *agones.Plugin, _ *gameinstance.StartAllocationForGameInstanceRequest) {
			p.Adjust = func(_ context.Context, a *agones.Allocation) error { a.Labels["a b"] = ""; return nil }
		}, `"a b"`},
		{"nothing", func(p *agones.Plugin, _ *gameinstance.StartAllocationForGameInstanceRequest) {
			p.Adjust = func(_ context.Context, a *agones.Allocation) error { a.Selectors = nil; return nil }
		}, "no selectors"},
		{"a configuration that is not valid", func(p *agones.Plugin, _ *gameinstance.StartAllocationForGameInstanceRequest) {
			p.Config.URL = "http://127.0.0.1"
		}, "https"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, 1, skirmish())
			p, r := f.plugin(func(c *agones.Config) { c.Selectors[0].MatchLabels["version"] = "{version}" }), wanted()
			row.change(p, r)
			err := p.StartAllocationForGameInstance(t.Context(), r)
			if err == nil || errors.Is(err, pragma.ErrUnavailable) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want a final error with %q", err, row.want)
			}
			if n := len(f.asked()); n != 0 {
				t.Errorf("the allocator was asked %d times", n)
			}
		})
	}
}

func TestAStudioAdjustsWhatIsAskedFor(t *testing.T) {
	f := newFake(t, 1, map[string]string{"size": "large"})
	p := f.plugin(nil)
	p.Adjust = func(_ context.Context, a *agones.Allocation) error {
		a.Selectors = []agones.Selector{{MatchLabels: map[string]string{"size": "large"}}}
		a.Labels["mode"] = "duel"
		return nil
	}
	if err := p.StartAllocationForGameInstance(t.Context(), wanted()); err != nil {
		t.Fatal(err)
	}
	if got := f.allocated()[0].Labels["mode"]; got != "duel" {
		t.Errorf("label mode is %q, want duel", got)
	}
	if n := len(p.Config.Labels); n != 0 {
		t.Errorf("the configuration has %d labels now", n)
	}
}

// untilAnswered asks until a server is allocated.
func untilAnswered(t *testing.T, p *agones.Plugin, r *gameinstance.StartAllocationForGameInstanceRequest) {
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

func allocate(t *testing.T, p *agones.Plugin) error {
	t.Helper()
	return p.StartAllocationForGameInstance(t.Context(), wanted())
}

func TestCertificatesThatAreNotBelievedAreTriedAgain(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(t *testing.T, f *fake)
		heal  func(f *fake)
	}{
		{"an expired certificate of the client", func(_ *testing.T, f *fake) { f.authority.client(f.dir, -time.Minute) },
			func(f *fake) { f.authority.client(f.dir, time.Hour) }},
		{"a client that somebody else knows", func(t *testing.T, f *fake) { newAuthority(t).client(f.dir, time.Hour) },
			func(f *fake) { f.authority.client(f.dir, time.Hour) }},
		{"another authority for the allocator", func(t *testing.T, f *fake) {
			f.authority.write(filepath.Join(f.dir, "ca.crt"), "CERTIFICATE", newAuthority(t).cert.Raw)
		}, func(f *fake) { f.authority.write(filepath.Join(f.dir, "ca.crt"), "CERTIFICATE", f.authority.cert.Raw) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, 1, skirmish())
			row.spoil(t, f)
			p := f.plugin(nil)
			for range 2 {
				if err := allocate(t, p); !errors.Is(err, pragma.ErrUnavailable) {
					t.Fatalf("got %v, want %v", err, pragma.ErrUnavailable)
				}
			}
			if n := len(f.asked()); n != 0 {
				t.Errorf("the allocator was asked %d times", n)
			}
			row.heal(f)
			if err := allocate(t, p); err != nil {
				t.Errorf("with new files: %v", err)
			}
		})
	}
}

func TestTheAllocatorMustHaveTheNameThatIsExpected(t *testing.T) {
	for name, want := range map[string]error{"allocator.test": nil, "elsewhere.test": pragma.ErrUnavailable} {
		f := newFake(t, 1, skirmish())
		if err := allocate(t, f.plugin(func(c *agones.Config) { c.ServerName = name })); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}

func TestBrokenFilesLeaveTheLastGoodCertificate(t *testing.T) {
	logs := pragmatest.CaptureLogs(t)
	f := newFake(t, 20, skirmish())
	p := f.plugin(nil)
	if err := allocate(t, p); err != nil {
		t.Fatal(err)
	}
	again := func() { // a failure has the files looked at
		f.trouble(nil, func(http.ResponseWriter, []byte) bool { panic(http.ErrAbortHandler) })
		if err := allocate(t, p); !errors.Is(err, pragma.ErrUnavailable) {
			t.Fatalf("got %v, want %v", err, pragma.ErrUnavailable)
		}
		f.trouble(nil, nil)
		if err := allocate(t, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(f.dir, "tls.crt"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	again()
	again()
	if err := os.Remove(filepath.Join(f.dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	again()
	again()
	if n := strings.Count(logs.String(), "the last good ones stay"); n != 2 {
		t.Errorf("it was said %d times that files are broken, want 2: once for each reason", n)
	}
	f.authority.client(f.dir, time.Hour)
	again()
	if n := strings.Count(logs.String(), "certificates for the allocator reloaded"); n != 1 {
		t.Errorf("certificates were reloaded %d times, want 1", n)
	}
}

// TestMain keeps the log of the plugin out of the way.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func TestTheLogHasTheServerAndNoToken(t *testing.T) {
	logs := pragmatest.CaptureLogs(t)
	f := newFake(t, 1, skirmish())
	if err := allocate(t, f.plugin(nil)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"game server allocated", "server.name=server-0", "server.port.default=7000"} {
		if !strings.Contains(logs.String(), want) {
			t.Errorf("want %q in the log:\n%s", want, logs)
		}
	}
	if strings.Contains(logs.String(), "secret-") {
		t.Errorf("a token is in the log:\n%s", logs)
	}
}

func TestAServerThatNobodyWantsIsTold(t *testing.T) {
	for _, clusters := range []bool{false, true} {
		f := newFake(t, 2, skirmish())
		p, r := f.plugin(func(c *agones.Config) { c.MultiCluster.Enabled = clusters }), wanted()
		if err := p.StartAllocationForGameInstance(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		before := len(f.asked())
		end := func(reason gameinstance.EndReason) error {
			return p.EndAllocation(t.Context(), &gameinstance.EndAllocationRequest{AllocationID: r.AllocationID, GameInstanceID: r.GameInstanceID, Reason: reason})
		}
		for _, reason := range []gameinstance.EndReason{gameinstance.EndEnded, gameinstance.EndUnlinked} {
			if err := end(reason); err != nil || len(f.asked()) != before {
				t.Errorf("%s: %v and %d requests, want none: the server knows", reason, err, len(f.asked())-before)
			}
		}
		for _, row := range []struct {
			name  string
			fault func(w http.ResponseWriter, r *http.Request) bool
			want  error
		}{
			{"trouble", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }, pragma.ErrUnavailable},
			{"a refusal", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(403); return true }, agones.ErrRefused},
			{"a server", nil, nil},
			{"no server any more", nil, nil},
		} {
			f.trouble(row.fault, nil)
			if err := end(gameinstance.EndTimedOut); !errors.Is(err, row.want) {
				t.Errorf("%s: got %v, want %v", row.name, err, row.want)
			}
		}
		want := map[string]string{
			"openpragma/game-instance-id":    r.GameInstanceID.String(),
			"openpragma/allocation-id":       r.AllocationID.String(),
			"openpragma/ended-allocation-id": r.AllocationID.String(),
			"openpragma/backend-address":     "game.example:10100",
			"openpragma/game-token":          "",
			"openpragma/social-token":        "",
		}
		if diff := cmp.Diff(want, f.servers[0].Annotations); diff != "" {
			t.Errorf("annotations (-want +got):\n%s", diff)
		}
		if n := len(f.allocated()); n != 0 {
			t.Errorf("%d servers are left, want none", n)
		}
		if err := p.StartAllocationForGameInstance(t.Context(), r); err == nil || errors.Is(err, pragma.ErrUnavailable) || len(f.allocated()) != 0 {
			t.Errorf("a start after the end: %v, want a final error and no server", err)
		}
	}
}

func TestABurstWithFailuresTakesOneServerForEachGame(t *testing.T) {
	pragmatest.CaptureLogs(t)
	const games = 1000
	f := newFake(t, games, skirmish())
	var mu sync.Mutex
	n := 0
	every := func(k int) bool {
		mu.Lock()
		defer mu.Unlock()
		n++
		return n%k == 0
	}
	f.trouble(func(w http.ResponseWriter, _ *http.Request) bool {
		if every(7) {
			w.WriteHeader(http.StatusConflict)
			return true
		}
		return false
	}, func(http.ResponseWriter, []byte) bool {
		if every(5) {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	p := f.plugin(nil)
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
	seen := make(map[string]bool)
	for _, s := range f.allocated() {
		seen[s.Labels["openpragma/allocation-id"]] = true
	}
	if len(seen) != games || len(f.allocated()) != games {
		t.Errorf("%d servers for %d games, want %d for each", len(f.allocated()), len(seen), games)
	}
}

func TestThePluginHasNoMisspeltHooks(t *testing.T) {
	pragmatest.CheckPlugin[gameinstance.ProviderPlugin](t, &agones.Plugin{})
}
