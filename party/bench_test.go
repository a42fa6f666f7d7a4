package party_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// signer is a service that signs tokens for a benchmark.
type signer struct{ m *pragma.Mount }

func (s *signer) Name() string                { return "SignerRpc" }
func (s *signer) Mount(m *pragma.Mount) error { s.m = m; return nil }
func (s *signer) token(id pragma.PlayerID) (string, error) {
	return s.m.SignPlayerToken(pragma.Game, &pragma.PlayerSession{
		PlayerID: id, SocialID: pragma.SocialID(id), SessionID: pragma.NewOrderedID[pragma.SessionID](),
		DisplayName: pragma.DisplayName{DisplayName: "robin", Discriminator: "0042"}, GameShardID: s.m.ShardID(),
	})
}

// serve runs a server for a benchmark and returns n parties with four members.
func serve(b *testing.B, plugin party.Plugin, open store.Opener, n int) (*party.Service, []pragma.PartyID) {
	b.Helper()
	parties := &party.Service{Plugin: plugin}
	return parties, serveParties(b, parties, open, n, 4)
}

// serveParties is serve for a service that is filled in, and parties of any size.
func serveParties(b *testing.B, parties *party.Service, open store.Opener, n, members int) []pragma.PartyID {
	b.Helper()
	sign := &signer{}
	ready := make(chan pragma.Addresses, 1)
	srv := &pragma.Server{
		Game: []pragma.Service{parties, sign}, Store: open, Logger: slog.New(slog.DiscardHandler),
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
		Ready: func(a pragma.Addresses) { ready <- a },
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	select {
	case a := <-ready:
		return fill(b, parties, sign, "http://"+a[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}], n, members)
	case err := <-done:
		b.Fatal(err)
	}
	return nil
}

func fill(b *testing.B, parties *party.Service, sign *signer, url string, n, members int) []pragma.PartyID {
	b.Helper()
	ids := make([]pragma.PartyID, n)
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(n, 64) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				var err error
				if ids[i], err = newParty(b, parties, sign, url, members); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	if wg.Wait(); b.Failed() {
		b.FailNow()
	}
	return ids
}

func newParty(b *testing.B, parties *party.Service, sign *signer, url string, members int) (pragma.PartyID, error) {
	leader := pragma.NewID[pragma.PlayerID]()
	token, err := sign.token(leader)
	if err == nil {
		err = create(b.Context(), url, token)
	}
	if err != nil {
		return pragma.PartyID{}, err
	}
	id, err := parties.PartyOf(b.Context(), leader)
	for range members - 1 {
		p := party.PlayerToAdd{PlayerID: pragma.NewID[pragma.PlayerID](), DisplayName: stranger}
		err = errors.Join(err, parties.AddPlayer(b.Context(), id, p))
	}
	return id, err
}

func create(ctx context.Context, url, token string) error {
	body := strings.NewReader(`{"requestId":1,"type":"PartyRpc.CreateV1Request","payload":{}}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/rpc", body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("create: %s %s %w", resp.Status, text, err)
	}
	return nil
}

// shows is a plugin that shows something to everybody, and to each player alone.
type shows struct{ party.Defaults }

func (shows) BuildExtBroadcastParty(_ context.Context, r *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	return r.Party.Ext(), nil
}

func (shows) BuildExtPrivatePlayer(_ context.Context, r *party.BuildExtPrivatePlayerRequest) (ext.Value, error) {
	return r.Player.Ext(), nil
}

// BenchmarkUpdate is a durable change of a party of four, told to all of them:
// one party after the other, and 64 parties at once.
func BenchmarkUpdate(b *testing.B) {
	stores := map[string]func(b *testing.B) store.Opener{
		"memory": func(*testing.B) store.Opener { return nil },
		"sqlite": func(b *testing.B) store.Opener { return sqlite.File(filepath.Join(b.TempDir(), "party.db")) },
	}
	for name, open := range stores {
		for _, plugin := range []party.Plugin{party.Defaults{}, shows{}} {
			b.Run(fmt.Sprintf("%s/%T", name, plugin), func(b *testing.B) {
				parties, ids := serve(b, plugin, open(b), 64)
				b.ReportAllocs()
				b.ResetTimer()
				b.SetParallelism(32)
				var next atomic.Int64
				b.RunParallel(func(pb *testing.PB) {
					id := ids[int(next.Add(1))%len(ids)]
					for pb.Next() {
						if err := parties.Update(b.Context(), id, ext.Value{}); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
			})
		}
	}
}

// seasons is a rule for versions that changes all at once.
type seasons struct {
	party.CompatibilityDefaults
	now     atomic.Pointer[string]
	changed func()
}

func (s *seasons) CalculateGameServerVersion(context.Context, *party.CalculateGameServerVersionRequest) (string, bool, error) {
	return *s.now.Load(), true, nil
}

func (s *seasons) AllowsGameServerVersion(_ context.Context, r *party.AllowsGameServerVersionRequest) (bool, error) {
	return r.Version == *s.now.Load(), nil
}

func (s *seasons) WatchGameServerVersions(changed func()) { s.changed = changed }

// BenchmarkSweep is what happens to 10,000 parties when the version of all of
// them disappears: how long it takes until the last one has another, and how long
// the update of a party takes before it and meanwhile.
func BenchmarkSweep(b *testing.B) {
	const parties = 10_000
	rule, names := &seasons{}, []string{"spring", "autumn"}
	rule.now.Store(&names[0])
	s := &party.Service{Compatibility: rule}
	ids := serveParties(b, s, sqlite.File(filepath.Join(b.TempDir(), "party.db")), parties, 1)
	slices.SortFunc(ids, func(x, y pragma.PartyID) int { return strings.Compare(x.String(), y.String()) })
	last := ids[len(ids)-1] // the sweep goes by id
	update := func() time.Duration {
		begin := time.Now()
		if err := s.Update(b.Context(), ids[0], ext.Value{}); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	var before, meanwhile []time.Duration
	for range 500 {
		before = append(before, update())
	}
	season := 0
	for b.Loop() {
		season = 1 - season
		rule.now.Store(&names[season])
		rule.changed()
		for {
			p, err := s.Party(b.Context(), last)
			if err != nil {
				b.Fatal(err)
			}
			if p.GameServerVersion == names[season] {
				break
			}
			meanwhile = append(meanwhile, update())
		}
	}
	b.ReportMetric(float64(parties*b.N)/b.Elapsed().Seconds(), "parties/s")
	for name, times := range map[string][]time.Duration{"before": before, "meanwhile": meanwhile} {
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-"+name+"-µs")
		b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-"+name+"-µs")
	}
}

// BenchmarkDryRun is the question which of 10,000 parties a map would strand.
func BenchmarkDryRun(b *testing.B) {
	s := &party.Service{}
	serveParties(b, s, sqlite.File(filepath.Join(b.TempDir(), "party.db")), 10_000, 1)
	versions := map[string]party.ServerVersion{"1": {ServerVersion: "summer", ClientVersions: map[string]string{"1": "2.0"}}}
	b.ReportAllocs()
	for b.Loop() {
		checked := 0
		for _, err := range s.Stranded(b.Context(), versions) {
			if err != nil {
				b.Fatal(err)
			}
			checked++
		}
		if checked != 10_000 {
			b.Fatalf("%d parties were checked", checked)
		}
	}
}
