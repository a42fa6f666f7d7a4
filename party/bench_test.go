package party_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

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
	parties, sign := &party.Service{Plugin: plugin}, &signer{}
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
		return parties, fill(b, parties, sign, "http://"+a[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}], n)
	case err := <-done:
		b.Fatal(err)
	}
	return nil, nil
}

func fill(b *testing.B, parties *party.Service, sign *signer, url string, n int) []pragma.PartyID {
	b.Helper()
	ids := make([]pragma.PartyID, n)
	for i := range ids {
		leader := pragma.NewID[pragma.PlayerID]()
		token, err := sign.token(leader)
		if err != nil {
			b.Fatal(err)
		}
		create(b, url, token)
		if ids[i], err = parties.PartyOf(b.Context(), leader); err != nil || ids[i].IsZero() {
			b.Fatalf("PartyOf = %v, %v", ids[i], err)
		}
		for range 3 {
			p := party.PlayerToAdd{PlayerID: pragma.NewID[pragma.PlayerID](), DisplayName: pragma.DisplayName{DisplayName: "marian", Discriminator: "0001"}}
			if err := parties.AddPlayer(b.Context(), ids[i], p); err != nil {
				b.Fatal(err)
			}
		}
	}
	return ids
}

func create(b *testing.B, url, token string) {
	b.Helper()
	body, err := json.Marshal(m{"requestId": 1, "type": "PartyRpc.CreateV1Request", "payload": m{}})
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/v1/rpc", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("create: %s %s %v", resp.Status, text, err)
	}
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
