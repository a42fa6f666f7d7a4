package party_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openpragma/engine/pragma"
)

// model is what parties should be, in the simplest words.
type model struct {
	parties []*group
}

type group struct {
	id      seen // as its creator saw it
	members []string
	leaders map[string]bool
	ready   map[string]bool
	kicked  map[string]bool
	queued  bool
	version int
}

const modelLimit = 3

func (mo *model) of(name string) *group {
	for _, g := range mo.parties {
		if slices.Contains(g.members, name) {
			return g
		}
	}
	return nil
}

// leave takes a player out of his party, which leaves its queue; it is not yet
// known who leads it if no leader is left.
func (mo *model) leave(name string) {
	g := mo.of(name)
	if g == nil {
		return
	}
	g.members = slices.DeleteFunc(g.members, func(n string) bool { return n == name })
	delete(g.leaders, name)
	delete(g.ready, name)
	g.queued = false
	g.version++
}

func (mo *model) join(g *group, name string) {
	mo.leave(name)
	g.members = append(g.members, name)
	g.version++
}

// call is one call, and what the model says of it: why it is refused, or how it
// changes the model.
type call struct {
	name    string
	payload m
	refused string
	apply   func()
}

func notIf(refused bool, reason string) string {
	if refused {
		return reason
	}
	return ""
}

// first returns the first reason there is.
func first(reasons ...string) string {
	for _, r := range reasons {
		if r != "" {
			return r
		}
	}
	return ""
}

func (mo *model) create(p *player) call {
	g := mo.of(p.name)
	return call{"PartyRpc.CreateV1", nil, notIf(g != nil && g.queued, "PartyService_PlayerInMatchmaking"), func() {
		n := &group{leaders: map[string]bool{p.name: true}, ready: map[string]bool{}, kicked: map[string]bool{}}
		mo.parties = append(mo.parties, n)
		mo.join(n, p.name)
	}}
}

func (mo *model) joinCall(p *player, g *group) call {
	own := mo.of(p.name)
	return call{"PartyRpc.JoinWithPartyIdV1", m{"partyId": g.id.id()}, first(
		notIf(len(g.members) == 0, "PartyService_PartyNotFound"),
		notIf(own == g, "PartyService_AlreadyInParty"),
		notIf(own != nil && own.queued || g.queued, "PartyService_PlayerInMatchmaking"),
		notIf(g.kicked[p.name], "PartyService_PlayerIsKicked"),
		notIf(len(g.members) >= modelLimit, "PartyService_PartyFull"),
	), func() { mo.join(g, p.name) }}
}

func (mo *model) leaveCall(p *player) call {
	return call{"PartyRpc.LeaveV1", nil, notIf(mo.of(p.name) == nil, "PartyService_NotInParty"), func() { mo.leave(p.name) }}
}

func (mo *model) kick(p, whom *player) call {
	g := mo.of(p.name)
	c := call{name: "PartyRpc.KickV1", payload: m{"playerId": whom.id}, refused: "PartyService_NotInParty"}
	if g == nil {
		return c
	}
	c.refused = first(
		notIf(!g.leaders[p.name], "PartyService_PlayerNotLeader"),
		notIf(p == whom, "PartyService_CanNotKickSelf"),
		notIf(mo.of(whom.name) != g, "PartyService_PlayerNotFound"),
	)
	c.apply = func() { mo.leave(whom.name); g.kicked[whom.name] = true }
	return c
}

func (mo *model) lead(p, to *player) call {
	g := mo.of(p.name)
	c := call{name: "PartyRpc.AssignPartyLeaderV1", payload: m{"playerId": to.id}, refused: "PartyService_NotInParty"}
	if g == nil {
		return c
	}
	c.refused = first(
		notIf(!g.leaders[p.name], "PartyService_PlayerNotLeader"),
		notIf(mo.of(to.name) != g, "PartyService_NotInParty"),
		notIf(g.leaders[to.name], "PartyService_PlayerIsLeader"),
		notIf(g.queued, "PartyService_InvalidState"),
	)
	c.apply = func() { g.leaders[to.name] = true; g.version++ }
	return c
}

func (mo *model) setReady(p *player, ready bool) call {
	g := mo.of(p.name)
	c := call{name: "PartyRpc.SetReadyStateV1", payload: m{"ready": ready}, refused: "PartyService_NotInParty"}
	if g == nil {
		return c
	}
	c.refused = notIf(g.queued, "PartyService_InvalidState")
	c.apply = func() { g.ready[p.name] = ready; g.version++ }
	return c
}

func (mo *model) enter(p *player) call {
	g := mo.of(p.name)
	c := call{name: "PartyRpc.EnterMatchmakingV1", refused: "PartyService_NotInParty"}
	if g == nil {
		return c
	}
	unready := slices.ContainsFunc(g.members, func(n string) bool { return !g.ready[n] })
	c.refused = first(
		notIf(!g.leaders[p.name], "PartyService_PlayerNotLeader"),
		notIf(g.queued, "PartyService_PlayerInMatchmaking"),
		notIf(unready, "PartyService_PlayersNotReady"),
	)
	c.apply = func() { g.queued = true; g.version++ }
	return c
}

func (mo *model) leaveQueue(p *player) call {
	g := mo.of(p.name)
	return call{"MatchmakingRpc.LeaveMatchmakingV2", nil, notIf(g == nil, "PartyService_NotInParty"), func() {
		if g.queued {
			g.queued = false
			g.version++
		}
	}}
}

// draw chooses a call of a player.
func (mo *model) draw(rt *rapid.T, p *player, all []*player) call {
	other := rapid.SampledFrom(all).Draw(rt, "other")
	ops := []func() call{
		func() call { return mo.create(p) },
		func() call { return mo.leaveCall(p) },
		func() call { return mo.kick(p, other) },
		func() call { return mo.lead(p, other) },
		func() call { return mo.setReady(p, true) },
		func() call { return mo.setReady(p, rapid.Bool().Draw(rt, "ready")) },
		func() call { return mo.enter(p) },
		func() call { return mo.leaveQueue(p) },
	}
	for _, g := range mo.parties[max(0, len(mo.parties)-3):] { // most of the others are closed
		join := func() call { return mo.joinCall(p, g) }
		ops = append(ops, join, join)
	}
	return rapid.SampledFrom(ops).Draw(rt, "op")()
}

// describe is the party as the model has it. Who succeeds is up to chance, so
// the leaders are learnt from the server when the model has none.
func (g *group) describe(shown seen) string {
	if !slices.ContainsFunc(g.members, func(n string) bool { return g.leaders[n] }) {
		for name := range strings.FieldsSeq(shown.members()) {
			if bare := strings.TrimRight(name, "*+"); strings.Contains(name, "*") {
				g.leaders[bare] = true
			}
		}
	}
	var all []string
	for _, n := range g.members {
		line := n
		if g.leaders[n] {
			line += "*"
		}
		if g.ready[n] {
			line += "+"
		}
		all = append(all, line)
	}
	return fmt.Sprintf("%s v%d queued %v", strings.Join(all, " "), g.version, g.queued)
}

func (s seen) describe() string {
	return fmt.Sprintf("%s v%s queued %v", s.members(), s.version(), s.queued())
}

// agree compares what every player may know with the model.
func (mo *model) agree(rt *rapid.T, all []*player) {
	for _, p := range all {
		truth, refused := p.try("MultiplayerRpc.InitializePartyV1", nil)
		g := mo.of(p.name)
		if refused != "" || truth["isInParty"] != (g != nil) {
			rt.Fatalf("%s: in a party: %v %s, want %v", p.name, truth["isInParty"], refused, g != nil)
		}
		if g == nil {
			continue
		}
		shown := seen{truth["party"].(m)}
		if got, want := shown.describe(), g.describe(shown); got != want {
			rt.Fatalf("%s sees %q, want %q", p.name, got, want)
		}
		if truth["isInMatchmaking"] != g.queued {
			rt.Fatalf("%s is in matchmaking: %v, want %v", p.name, truth["isInMatchmaking"], g.queued)
		}
	}
}

// grows fails unless the versions a player is told of a party only grow.
func grows(rt *rapid.T, p *player, last map[string]int) {
	p.told() // has all notifications arrive
	for _, s := range p.details {
		v, err := strconv.Atoi(s.version())
		if err != nil || v <= last[s.id()] {
			rt.Fatalf("%s is told version %s of a party after %d", p.name, s.version(), last[s.id()])
		}
		last[s.id()] = v
	}
	p.details = nil
}

// crash ends the process as kill -9 does, starts it again on the same store, and
// has everybody come back.
func (w *world) crash(all []*player) {
	w.Kill()
	w.Start()
	for _, p := range all {
		p.Connect()
		p.told()
		p.details = nil
	}
}

// inBubble hides the deadline of a test, which a bubble does not have.
type inBubble struct{ rapid.TB }

func TestRandomCallsDoWhatTheModelSays(t *testing.T) {
	run(t, options{config: "{maxPlayersPerParty: " + strconv.Itoa(modelLimit) + "}"}, func(w *world) {
		all := w.players("a", "b", "c", "d", "e")
		var ids []pragma.PlayerID
		for _, p := range all {
			ids = append(ids, p.id)
		}
		rapid.Check(inBubble{w.T}, func(rt *rapid.T) {
			mo := &model{}
			for _, p := range all {
				time.Sleep(2 * time.Second) // for the limit of calls
				p.try("PartyRpc.LeaveV1", nil)
				p.told()
				p.details = nil
			}
			last := map[*player]map[string]int{}
			for _, p := range all {
				last[p] = map[string]int{}
			}
			for range rapid.IntRange(10, 40).Draw(rt, "calls") {
				time.Sleep(time.Second)
				if rapid.IntRange(0, 24).Draw(rt, "kill") == 0 {
					w.crash(all)
					for _, p := range all { // is shown the same version once more
						last[p] = map[string]int{}
					}
					mo.agree(rt, all)
				}
				p := rapid.SampledFrom(all).Draw(rt, "player")
				c := mo.draw(rt, p, all)
				got, refused := p.try(c.name, c.payload)
				if refused != c.refused {
					rt.Fatalf("%s %s: refused with %q, want %q", p.name, c.name, refused, c.refused)
				}
				if refused == "" {
					c.apply()
				}
				if c.name == "PartyRpc.CreateV1" && refused == "" {
					mo.of(p.name).id = seen{got["party"].(m)}
				}
				mo.agree(rt, all)
				for _, p := range all {
					grows(rt, p, last[p])
				}
			}
			w.consistent("model", ids)
		})
	})
}
