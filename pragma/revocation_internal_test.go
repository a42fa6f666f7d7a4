package pragma

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/internal/token"
	"github.com/openpragma/engine/pragma/cluster"
	"github.com/openpragma/engine/pragma/store"
)

// asked is a store that counts reads and may be out of reach.
type asked struct {
	store.Driver
	reads, commits atomic.Int64
	down           atomic.Bool
}

func (d *asked) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	d.reads.Add(1)
	if d.down.Load() {
		return nil, store.ErrUnavailable
	}
	return d.Driver.Get(ctx, keys...)
}

func (d *asked) Commit(ctx context.Context, b *store.Batch) error {
	d.commits.Add(1)
	return d.Driver.Commit(ctx, b)
}

// tokenNode is the part of a server that looks after partner tokens.
func tokenNode(t *testing.T, name string, hub *cluster.Hub, db store.Driver) *partnerTokens {
	t.Helper()
	signer := defaultTokenSigner()
	c := &core{
		log: slog.New(slog.DiscardHandler), bus: hub.Node(name), metrics: newMetrics(), allocationKinds: []string{"other", "allocation"},
		tokens: &tokens{keys: &token.Keys{}, config: func() tokenSignerConfig { return signer }},
	}
	limits := defaultCore(Development).Session
	c.session.Store(&limits)
	p, err := c.newPartnerTokens(db)
	if err != nil {
		t.Fatal(err)
	}
	c.partners = p
	return p
}

// allocate makes a partner with an allocation, of which there is a record.
func allocate(t *testing.T, db store.Driver) *PartnerSession {
	t.Helper()
	p := newPartner()
	p.AllocationID = NewID[AllocationID]()
	put := store.Put{Key: store.Key{Kind: "allocation", ID: p.AllocationID.String()}, Body: []byte("{}")}
	if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{put}}); err != nil {
		t.Fatal(err)
	}
	return p
}

// deallocate ends the allocation of a partner.
func deallocate(t *testing.T, db store.Driver, p *PartnerSession) {
	t.Helper()
	del := store.Check{Key: store.Key{Kind: "allocation", ID: p.AllocationID.String()}, Expect: 1}
	if err := store.Commit(t.Context(), db, &store.Batch{Deletes: []store.Check{del}}); err != nil {
		t.Fatal(err)
	}
}

func newPartner() *PartnerSession { return &PartnerSession{PartnerID: NewID[PartnerID]()} }

func TestChecksOfPartnerTokensSeldomAskTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &asked{Driver: store.NewMemory()}
		node := tokenNode(t, "a", &cluster.Hub{}, db)
		p := newPartner()
		for range 600 { // ten a second
			time.Sleep(100 * time.Millisecond)
			if err := node.check(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		if got := db.reads.Load(); got > 5 {
			t.Errorf("%d reads for 600 calls in a minute, want at most 5", got)
		}
	})
}

// Servers of games that are long over may go on to call with what they have.
func TestTokensOfAllocationsThatAreOverCostNextToNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &asked{Driver: store.NewMemory()}
		node := tokenNode(t, "a", &cluster.Hub{}, db)
		servers := make([]*PartnerSession, 1000)
		for i := range servers {
			servers[i] = newPartner()
			servers[i].AllocationID = NewID[AllocationID]()
		}
		for range 600 { // ten minutes
			for _, p := range servers {
				if err := node.check(t.Context(), p); !errors.Is(err, ErrSessionReplaced) {
					t.Fatalf("got %v, want ErrSessionReplaced", err)
				}
			}
			time.Sleep(time.Second)
		}
		if got := db.reads.Load(); got > 1000 {
			t.Errorf("%d reads for 1000 tokens, want one for each", got)
		}
		if got := db.commits.Load(); got > 0 {
			t.Errorf("%d commits for tokens that are refused", got)
		}
	})
}

func TestRevocationReachesEveryNode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		silent bool // the message is lost
		within time.Duration
	}{
		{"by a message", false, 0},
		{"without the message", true, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub, db := &cluster.Hub{}, store.NewMemory()
				here, there := tokenNode(t, "a", hub, db), tokenNode(t, "b", hub, db)
				if tt.silent {
					there = tokenNode(t, "b", &cluster.Hub{}, db)
				}
				one, game := newPartner(), allocate(t, db)
				for _, p := range []*PartnerSession{one, game} {
					if err := errors.Join(here.check(t.Context(), p), there.check(t.Context(), p)); err != nil {
						t.Fatal(err)
					}
				}
				if err := here.revoke(t.Context(), one.PartnerID); err != nil {
					t.Fatal(err)
				}
				deallocate(t, db, game)
				here.announce(t.Context(), game.AllocationID)
				for _, p := range []*PartnerSession{one, game} {
					if err := here.check(t.Context(), p); !errors.Is(err, ErrSessionReplaced) {
						t.Errorf("the node that revoked: %v, want ErrSessionReplaced at once", err)
					}
				}
				time.Sleep(tt.within)
				for _, p := range []*PartnerSession{one, game} {
					if err := there.check(t.Context(), p); !errors.Is(err, ErrSessionReplaced) {
						t.Errorf("the other node after %v: %v, want ErrSessionReplaced", tt.within, err)
					}
				}
			})
		})
	}
}

func TestCheckGoesOnForAWhileWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &asked{Driver: store.NewMemory()}
		node := tokenNode(t, "a", &cluster.Hub{}, db)
		known, stranger, revoked := newPartner(), newPartner(), newPartner()
		if err := errors.Join(node.check(t.Context(), known), node.revoke(t.Context(), revoked.PartnerID)); err != nil {
			t.Fatal(err)
		}
		_ = node.check(t.Context(), revoked)
		db.down.Store(true)
		time.Sleep(30 * time.Second)
		if err := node.check(t.Context(), known); err != nil {
			t.Errorf("a token seen half a minute ago: %v", err)
		}
		if err := node.check(t.Context(), stranger); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a token never seen: %v, want ErrUnavailable", err)
		}
		time.Sleep(30 * time.Second)
		if err := node.check(t.Context(), known); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a token asked about a minute ago: %v, want ErrUnavailable", err)
		}
		if err := node.check(t.Context(), revoked); !errors.Is(err, ErrSessionReplaced) {
			t.Errorf("a token known as revoked: %v, want ErrSessionReplaced", err)
		}
		db.down.Store(false)
		if err := node.check(t.Context(), known); err != nil {
			t.Errorf("with the store back: %v", err)
		}
	})
}

// slowStore answers reads late, with what was true when they began.
type slowStore struct{ store.Driver }

func (d slowStore) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	recs, err := d.Driver.Get(ctx, keys...)
	time.Sleep(time.Second)
	return recs, err
}

func TestRevocationBeatsAnOlderAnswerOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := store.NewMemory()
		node := tokenNode(t, "a", &cluster.Hub{}, slowStore{db})
		p := allocate(t, db)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := node.check(t.Context(), p); !errors.Is(err, ErrSessionReplaced) {
				t.Errorf("check that began before the revocation ended with %v after it", err)
			}
		})
		time.Sleep(time.Millisecond)
		deallocate(t, db, p)
		node.announce(t.Context(), p.AllocationID)
		wg.Wait()
		if err := node.check(t.Context(), p); !errors.Is(err, ErrSessionReplaced) {
			t.Errorf("the next check: %v", err)
		}
	})
}

func TestWhatIsRememberedOfPartnerTokensIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := tokenNode(t, "a", &cluster.Hub{}, store.NewMemory())
		for range maxSeen + 10 {
			if err := node.check(t.Context(), newPartner()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(node.seen); n > maxSeen {
			t.Errorf("%d tokens are remembered, want at most %d", n, maxSeen)
		}
		time.Sleep(recheck)
		node.mu.Lock()
		node.makeRoom(time.Now())
		node.mu.Unlock()
		if n := len(node.seen); n != 0 {
			t.Errorf("%d tokens are remembered that nobody has used lately", n)
		}
	})
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &asked{Driver: store.NewMemory()}
		node := tokenNode(t, "a", &cluster.Hub{}, db)
		recorded, plain := newPartner(), newPartner()
		put := store.Put{Key: partnerTokenKey(recorded.PartnerID), Body: []byte(`{"name":"x","ofTheFuture":7}`)}
		if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{put}}); err != nil {
			t.Fatal(err)
		}
		db.commits.Store(0)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { node.run(ctx) })
		for range 3000 { // five minutes
			_ = node.check(t.Context(), recorded)
			_ = node.check(t.Context(), plain)
			time.Sleep(100 * time.Millisecond)
		}
		cancel()
		wg.Wait()
		if got := db.commits.Load(); got < 4 || got > 6 {
			t.Errorf("%d commits in five minutes, want one a minute", got)
		}
		recs, err := db.Get(t.Context(), partnerTokenKey(recorded.PartnerID), partnerTokenKey(plain.PartnerID))
		if err != nil || recs[1].Exists() {
			t.Errorf("a token without a record has one now, %v", err)
		}
		pair, err := decodePartnerTokens(recs[0], false)
		if err != nil || time.Since(pair.LastUsed) > time.Minute+recheck {
			t.Errorf("last used %v, %v", pair.LastUsed, err)
		}
		if want := `"ofTheFuture":7`; !bytes.Contains(recs[0].Body, []byte(want)) {
			t.Errorf("the record has lost %s: %s", want, recs[0].Body)
		}
	})
}

func TestRecordsOfExpiredPartnerTokensAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := store.NewMemory()
		node := tokenNode(t, "a", &cluster.Hub{}, db)
		var batch store.Batch
		for i := range 2*checkBatch + 1 {
			due := time.Now().Add(time.Hour)
			if i == 0 {
				due = due.Add(24 * time.Hour)
			}
			batch.Puts = append(batch.Puts,
				store.Put{Key: partnerTokenKey(NewID[PartnerID]()), Due: due, Body: []byte("{}")},
				store.Put{Key: partnerRevokedKey(NewID[PartnerID]()), Due: due, Body: []byte("{}")})
		}
		if err := store.Commit(t.Context(), db, &batch); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { node.run(ctx) })
		time.Sleep(3 * time.Hour)
		cancel()
		wg.Wait()
		for _, kind := range []string{partnerTokenKind, partnerRevokedKind} {
			n := 0
			for _, err := range db.List(t.Context(), store.Query{Kind: kind}) {
				if n++; err != nil {
					t.Fatal(err)
				}
			}
			if n != 1 {
				t.Errorf("%d records of kind %s are left, want the one that has not expired", n, kind)
			}
		}
	})
}

func TestNothingCannotBeRevoked(t *testing.T) {
	node := tokenNode(t, "a", &cluster.Hub{}, store.NewMemory())
	if err := node.revoke(t.Context(), [16]byte{}); err == nil {
		t.Error("revoking the zero id would refuse every token without an allocation")
	}
}
