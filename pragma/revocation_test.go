package pragma_test

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

const sayPartnerFrame = `{"requestId":7,"type":"LabRpc.SayPartnerV1Request"}`

// allocationKind is the kind of the records that lab keeps of allocations.
const allocationKind = "lab-allocation"

// allocated says that there is an allocation.
func (w *world) allocated(id pragma.AllocationID) {
	w.T.Helper()
	put := store.Put{Key: store.Key{Kind: allocationKind, ID: id.String()}, Body: []byte("{}")}
	err := store.Commit(w.T.Context(), w.m.Store(), &store.Batch{Puts: []store.Put{put}})
	if err != nil && !errors.Is(err, store.ErrConflict) { // said before
		w.T.Fatal(err)
	}
}

// over deletes the record of an allocation, as any node may.
func (w *world) over(id pragma.AllocationID) {
	w.T.Helper()
	del := store.Check{Key: store.Key{Kind: allocationKind, ID: id.String()}, Expect: 1}
	if err := store.Commit(w.T.Context(), w.m.Store(), &store.Batch{Deletes: []store.Check{del}}); err != nil {
		w.T.Fatal(err)
	}
}

// partner signs a game token as for a game server of an allocation, of which there
// is a record.
func (w *world) partner(id pragma.PartnerID, allocation pragma.AllocationID) string {
	w.T.Helper()
	if !allocation.IsZero() {
		w.allocated(allocation)
	}
	return w.sign(id, allocation)
}

func (w *world) sign(id pragma.PartnerID, allocation pragma.AllocationID) string {
	w.T.Helper()
	token, err := w.m.SignPartnerToken(pragma.Game, &pragma.PartnerSession{
		PartnerID: id, AllocationID: allocation, Name: "game server", GameShardID: w.m.ShardID(),
	}, 0)
	if err != nil {
		w.T.Fatal(err)
	}
	return token
}

// wantKicked reads the end of a revoked token's socket.
func wantKicked(t *testing.T, name string, c *pragmatest.Raw) {
	t.Helper()
	f, ok := c.Poll(time.Minute)
	if !ok || f.Notification == nil || f.Notification.Type != "PartnerSessionRpc.PartnerSessionTerminatedV1Notification" || f.Notification.Payload["reason"] != "KICKED" {
		t.Errorf("%s: got %s, want to be told KICKED", name, f)
	}
	if code := c.Closed(); code != 4002 {
		t.Errorf("%s: closed with %d, want 4002", name, code)
	}
}

func TestTokensOfAnAllocationEndTogether(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		over, running := pragma.NewID[pragma.AllocationID](), pragma.NewID[pragma.AllocationID]()
		first, second := w.partner(pragma.NewID[pragma.PartnerID](), over), w.partner(pragma.NewID[pragma.PartnerID](), over)
		other := w.partner(pragma.NewID[pragma.PartnerID](), running)
		open := map[string]*pragmatest.Raw{"first": w.Raw(gamePartner, first), "again": w.Raw(gamePartner, first), "second": w.Raw(gamePartner, second)}
		stays := w.Raw(gamePartner, other)
		w.over(over)
		w.m.EndAllocationTokens(t.Context(), over)
		for name, c := range open {
			wantKicked(t, name, c)
		}
		revoked := refusal{401, "BAD_SESSION", replaced}
		for name, token := range map[string]string{"first": first, "second": second} {
			wantRefusal(t, name+", HTTP", w.post(gamePartner, token, sayPartnerFrame), revoked)
			wantRefusal(t, name+", upgrade", w.refuseUpgrade(gamePartner, token), revoked)
		}
		if f := call(stays, "LabRpc.SayPartnerV1", said{}); f.Response == nil {
			t.Errorf("the server of another allocation got %s", f)
		}
		w.m.EndAllocationTokens(t.Context(), over) // again
		w.Restart()
		for name, token := range map[string]string{"first": first, "second": second} {
			wantRefusal(t, name+", after a restart", w.post(gamePartner, token, sayPartnerFrame), revoked)
		}
		if got := w.post(gamePartner, other, sayPartnerFrame); got.Status != 200 {
			t.Errorf("the server of another allocation after a restart: status %d", got.Status)
		}
		if n := count(t, w.m.Store(), "partner-revoked"); n != 0 {
			t.Errorf("%d records are left of the allocation's tokens", n)
		}
	})
}

// count counts the records of a kind.
func count(t *testing.T, db store.Driver, kind string) (n int) {
	t.Helper()
	for _, err := range db.List(t.Context(), store.Query{Kind: kind}) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestTokensWithoutAnAllocationAreRefused(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		revoked := refusal{401, "BAD_SESSION", replaced}
		token := w.sign(pragma.NewID[pragma.PartnerID](), pragma.NewID[pragma.AllocationID]())
		wantRefusal(t, "HTTP", w.post(gamePartner, token, sayPartnerFrame), revoked)
		wantRefusal(t, "upgrade", w.refuseUpgrade(gamePartner, token), revoked)
	})
}

// TestAllocationThatAnotherNodeEndsIsNoticed deletes the record as another node
// would, and says nothing on the bus.
func TestAllocationThatAnotherNodeEndsIsNoticed(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		id := pragma.NewID[pragma.AllocationID]()
		token := w.partner(pragma.NewID[pragma.PartnerID](), id)
		idle := w.partner(pragma.NewID[pragma.PartnerID](), id)
		c := w.Raw(gamePartner, token)
		if got := w.post(gamePartner, idle, sayPartnerFrame); got.Status != 200 {
			t.Fatalf("status %d", got.Status)
		}
		w.over(id)
		begin := time.Now()
		wantKicked(t, "open socket", c)
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("it was closed after %v, want within a minute", took)
		}
		time.Sleep(time.Minute - time.Since(begin))
		wantRefusal(t, "HTTP", w.post(gamePartner, idle, sayPartnerFrame), refusal{401, "BAD_SESSION", replaced})
	})
}

// TestRevocationByAnotherNodeIsFound writes what another node would, and says
// nothing on the bus.
func TestRevocationByAnotherNodeIsFound(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		id := pragma.NewID[pragma.PartnerID]()
		token := w.partner(id, pragma.AllocationID{})
		c := w.Raw(gamePartner, token)
		if got := w.post(gamePartner, token, sayPartnerFrame); got.Status != 200 {
			t.Fatalf("status %d", got.Status)
		}
		put := store.Put{Key: store.Key{Kind: "partner-revoked", ID: id.String()}, Body: []byte("{}")}
		if err := store.Commit(t.Context(), w.m.Store(), &store.Batch{Puts: []store.Put{put}}); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		wantKicked(t, "open socket", c)
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("it was closed after %v, want within a minute", took)
		}
		wantRefusal(t, "HTTP", w.post(gamePartner, token, sayPartnerFrame), refusal{401, "BAD_SESSION", replaced})
	})
}

func TestSocketsThatOpenDuringARevocationEnd(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		for range 20 {
			id := pragma.NewID[pragma.PartnerID]()
			token := w.partner(id, pragma.AllocationID{})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					ws, resp, err := w.upgrade(gamePartner, token)
					if err != nil { // refused
						if resp == nil || resp.StatusCode != 401 {
							t.Errorf("upgrade: %v", err)
						}
						return
					}
					for err == nil {
						_, _, err = ws.Read(t.Context())
					}
				})
			}
			wg.Go(func() {
				if err := w.m.RevokePartner(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
			begin := time.Now()
			wg.Wait()
			if took := time.Since(begin); took > time.Second {
				t.Errorf("a socket stayed open for %v", took)
			}
			settle()
			if w.m.PartnerConnected(id) {
				t.Error("a socket is left")
			}
		}
	})
}

func TestCallThatIsSentSlowlyHasNoHeadStartOverARevocation(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		id := pragma.NewID[pragma.PartnerID]()
		body, rest := io.Pipe()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.Address(gamePartner)+"/v1/rpc", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.partner(id, pragma.AllocationID{}))
		var wg sync.WaitGroup
		wg.Go(func() {
			resp, err := w.HTTP().Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			wantRefusal(t, "the call", w.read(resp), refusal{401, "BAD_SESSION", replaced})
		})
		_, _ = io.WriteString(rest, sayPartnerFrame[:20])
		settle()
		if err := w.m.RevokePartner(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(rest, sayPartnerFrame[20:])
		rest.Close()
		wg.Wait()
	})
}

func TestRecordsOfPartnerTokens(t *testing.T) {
	run(t, signer("partnerExpirationHours: 2"), func(t *testing.T, w *world) {
		s := &pragma.PartnerSession{PartnerID: pragma.NewID[pragma.PartnerID](), Name: "arena", GameShardID: w.m.ShardID()}
		by := pragma.NewID[pragma.SocialID]()
		game, social, err := w.m.CreatePartnerTokens(t.Context(), s, by, 1000*time.Hour)
		if err != nil || game == social {
			t.Fatal(err)
		}
		if _, _, err := w.m.CreatePartnerTokens(t.Context(), s, by, 0); err == nil {
			t.Error("a second pair was made for the same partner id")
		}
		got, err := w.m.PartnerTokens(t.Context(), s.PartnerID)
		if err != nil {
			t.Fatal(err)
		}
		if life := got.Expires.Sub(got.Created); life != 2*time.Hour {
			t.Errorf("the pair lives %v, want no longer than configured", life)
		}
		want := &pragma.PartnerTokens{
			PartnerID: s.PartnerID, Name: "arena", GameShardID: s.GameShardID, CreatedBy: by, Created: got.Created, Expires: got.Expires,
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("PartnerTokens (-got +want):\n%s", diff)
		}
		plain := pragma.NewID[pragma.PartnerID]()
		w.partner(plain, pragma.AllocationID{})
		if got, err := w.m.PartnerTokens(t.Context(), plain); got != nil || err != nil {
			t.Errorf("tokens without a record: %+v, %v", got, err)
		}
		time.Sleep(2*time.Hour + time.Second)
		wantRefusal(t, "after its life", w.post(gamePartner, game, sayPartnerFrame), refusal{401, "BAD_SESSION", "AccountService_TokenExpired"})
	})
}
