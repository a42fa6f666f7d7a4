package slot_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/slot"
)

// edit changes one player's slot.
func (v *mover) edit(w *pragmatest.World, id pragma.PlayerID, fn func(p *slot.Player)) {
	w.T.Helper()
	err := v.move(w.T, func(tx *entity.Tx) error {
		p, err := v.slots.Edit(tx, id)
		if err == nil {
			fn(p)
		}
		return err
	})
	if err != nil {
		w.T.Fatal(err)
	}
}

func TestVersionsStartAnewWithEachSession(t *testing.T) {
	run(t, func(w *pragmatest.World, v *mover) {
		robin := connect(w, "robin")
		told := func(when string, want ...string) {
			w.T.Helper()
			for i := range want {
				want[i] = "SessionChanged " + want[i]
			}
			if diff := cmp.Diff(want, robin.notified()); diff != "" {
				w.T.Errorf("%s: notifications (-want +got):\n%s", when, diff)
			}
		}
		v.edit(w, robin.id, func(p *slot.Player) { p.PartyID = partyA })
		v.edit(w, robin.id, func(p *slot.Player) { p.TicketID = ticketA })
		told("in the first session", fmt.Sprintf("v2 map[2:%s] removed[]", partyA), fmt.Sprintf("v3 map[3:%s] removed[]", ticketA))

		robin.Cut()
		time.Sleep(time.Second)
		v.edit(w, robin.id, func(p *slot.Player) { p.TicketID = pragma.TicketID{} })
		robin.Raw = dial(w, robin.token)
		told("after a break", fmt.Sprintf("v4 map[2:%s] removed[]", partyA))
		v.edit(w, robin.id, func(p *slot.Player) { p.TicketID = ticketA })
		told("and on", fmt.Sprintf("v5 map[3:%s] removed[]", ticketA))

		w.Kill()
		w.Start()
		robin.Raw = dial(w, robin.token)
		told("after a restart", fmt.Sprintf("v5 map[2:%s 3:%s] removed[]", partyA, ticketA))

		robin.Raw = connect(w, "robin").Raw
		told("in the next session", fmt.Sprintf("v2 map[2:%s 3:%s] removed[]", partyA, ticketA))
		v.edit(w, robin.id, func(p *slot.Player) { p.TicketID = pragma.TicketID{} })
		told("and on", "v3 map[] removed[3]")
		v.edit(w, robin.id, func(p *slot.Player) { p.PartyID = pragma.PartyID{} })
		told("and on", "v4 map[] removed[2]")

		robin.Raw = connect(w, "robin").Raw
		told("in a session that begins with nothing")
		v.edit(w, robin.id, func(p *slot.Player) { p.PartyID = partyB })
		told("its first change", fmt.Sprintf("v2 map[2:%s] removed[]", partyB))
	})
}

// follower is a client that believes versions: within a session it takes only
// higher ones.
type follower struct {
	version int
	set     map[string]any
}

func (f *follower) take(frame pragmatest.Frame) (problem string) {
	n := frame.Notification
	if n == nil || !strings.HasSuffix(n.Type, "SessionChangedV1Notification") {
		return ""
	}
	version := int(n.Payload["newVersion"].(float64))
	switch {
	case f.version == 0 && version < 2:
		return fmt.Sprintf("the first version is %d", version)
	case version <= f.version:
		return ""
	case f.version != 0 && version != f.version+1:
		return fmt.Sprintf("version %d came after %d", version, f.version)
	}
	f.version = version
	for key, value := range n.Payload["attributesSet"].(map[string]any) {
		f.set[key] = value
	}
	for _, key := range n.Payload["attributesRemoved"].([]any) {
		delete(f.set, fmt.Sprint(key))
	}
	return ""
}

// A player logs in again and again while others move him. Every client sees
// versions without a gap, and the last one knows the truth.
func TestLogInsRaceWithChanges(t *testing.T) {
	run(t, func(w *pragmatest.World, v *mover) {
		robin := connect(w, "robin")
		stop := make(chan struct{})
		var movers sync.WaitGroup
		for n := range 3 {
			movers.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					err := v.kind.Upsert(w.T.Context(), fmt.Sprint("mover ", n), func(tx *entity.Tx, s *struct{ N int }) error {
						p, err := v.slots.Edit(tx, robin.id)
						if err != nil {
							return err
						}
						s.N++
						p.PartyID = []pragma.PartyID{{}, partyA, partyB}[(i+n)%3]
						return nil
					})
					if err != nil {
						time.Sleep(time.Microsecond) // conflicts, as many as there can be
					}
					time.Sleep(time.Duration(50*(n+1)) * time.Microsecond)
				}
			})
		}
		var last *pragmatest.Raw
		var f *follower
		var mu sync.Mutex
		var readers sync.WaitGroup
		for range 25 {
			token, _ := w.Tokens("robin")
			last = dial(w, token)
			f = &follower{set: make(map[string]any)}
			readers.Go(func() {
				c, f := last, f
				for {
					frame, ok := c.Poll(time.Second)
					if !ok {
						return
					}
					mu.Lock()
					if problem := f.take(frame); problem != "" {
						w.T.Error(problem)
					}
					mu.Unlock()
				}
			})
			synctest.Wait()
			time.Sleep(3 * time.Millisecond)
		}
		close(stop)
		movers.Wait()
		readers.Wait()
		truth, err := v.slots.Read(w.T.Context(), robin.id)
		if err != nil {
			w.T.Fatal(err)
		}
		want := map[string]any{}
		if !truth.PartyID.IsZero() {
			want["2"] = truth.PartyID.String()
		}
		if diff := cmp.Diff(want, f.set); diff != "" || f.version != 0 && f.version != int(truth.Version) {
			w.T.Errorf("the last client is at version %d of %d (-truth +client):\n%s", f.version, truth.Version, diff)
		}
	})
}

func TestOperatorsSeeWhereAPlayerIs(t *testing.T) {
	run(t, func(w *pragmatest.World, v *mover) {
		robin := connect(w, "robin")
		v.edit(w, robin.id, func(p *slot.Player) { p.PartyID = partyA; p.TicketID = ticketA })
		v.edit(w, robin.id, func(p *slot.Player) { p.JoinGame(gameA, true); p.JoinGame(gameB, true) })
		operator := w.Operator(pragma.Game, pragma.RoleViewer)
		ask := func(id pragma.PlayerID) map[string]any {
			return operator.Call("MultiplayerRpc.GetCacheInfoOperatorV1", map[string]string{"playerId": id.String()})
		}
		got := ask(robin.id)
		session := got["session"].(map[string]any)
		delete(got, "session")
		want := map[string]any{"partyId": partyA.String(), "gameInstanceIds": []any{gameA.String(), gameB.String()}, "sessionVersion": 3.0}
		if diff := cmp.Diff(want, got); diff != "" {
			w.T.Errorf("robin (-want +got):\n%s", diff)
		}
		if session["state"] != "CONNECTED" || session["pragmaId"] != robin.id.String() {
			w.T.Errorf("session = %v", session)
		}
		nobody := map[string]any{"gameInstanceIds": []any{}, "sessionVersion": 1.0}
		if diff := cmp.Diff(nobody, ask(pragma.NewID[pragma.PlayerID]())); diff != "" {
			w.T.Errorf("nobody (-want +got):\n%s", diff)
		}
		v.edit(w, robin.id, func(p *slot.Player) { p.LeaveGame(gameB); p.TicketID = ticketA })
		if got := ask(robin.id); got["matchmakingId"] != ticketA.String() {
			w.T.Errorf("matchmakingId = %v, want %s", got["matchmakingId"], ticketA)
		}

		// The end of the session says the same.
		connect(w, "robin")
		for {
			f := robin.Read()
			if p, ok := f.Notification.Payload["playerSession"].(map[string]any); ok {
				attributes := p["attributes"].(map[string]any)
				var keys []string
				for key := range attributes {
					keys = append(keys, key)
				}
				slices.Sort(keys)
				if got := strings.Join(keys, " "); got != "1 2 3 4" || p["version"] != 4.0 {
					w.T.Errorf("the session ended with attributes %v, version %v", attributes, p["version"])
				}
				return
			}
		}
	})
}
