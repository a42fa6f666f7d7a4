package matchmaking_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// talker is a pool plugin that says why somebody waits, and matches nobody.
type talker struct {
	matchmaking.PoolDefaults
	err error
}

func (k *talker) Explain(_ context.Context, r *matchmaking.ExplainRequest) (*matchmaking.Explanation, error) {
	e := &matchmaking.Explanation{NeededPlayers: 2, AcceptablePlayers: 1}
	e.Facts = []matchmaking.Fact{{Name: "size", Value: strings.Repeat("x", len(r.Party.Players))}}
	for i, p := range r.Others { // all of them, more than were asked for
		e.Candidates = append(e.Candidates, matchmaking.Candidate{Party: p, Distance: float64(i), Refusals: []string{"no"}})
	}
	if r.Most > 50 { // what a plugin may get wrong
		e.Candidates = []matchmaking.Candidate{{}, {Party: r.Party, Distance: math.Inf(1)}}
	}
	return e, k.err
}

func (k *talker) QueueRules(context.Context, *matchmaking.QueueRulesRequest) ext.Value {
	return ext.Of(m{"teams": 2})
}

func TestOperatorsAreToldWhyAPartyWaits(t *testing.T) {
	plugin := &talker{}
	run(t, setup{pool: plugin}, func(w *world) {
		w.queued("a", "robin", "will")
		time.Sleep(10 * time.Second)
		marian, tuck := w.player("marian"), w.player("tuck")
		w.party("a", marian, tuck)
		marian.enter()
		w.queued("b", "john")
		time.Sleep(5 * time.Second)
		viewer := w.operator(pragma.RoleViewer)
		mine := viewer.ticketOf(m{"playerId": marian.id})
		got := viewer.do("ExplainTicket", m{"ticketId": mine["ticketId"], "maxCandidates": 1})
		candidates := got["candidates"].([]any)
		if len(candidates) != 1 {
			w.T.Fatalf("%d candidates, want the one that was asked for", len(candidates))
		}
		first := candidates[0].(m)
		if first["waitedMillis"] != "15000" || first["playerCount"] != 1.0 || !slices.Equal(first["refusals"].([]any), []any{"no"}) {
			w.T.Errorf("candidate %v, want robin, the oldest", first)
		}
		delete(got, "candidates")
		delete(got, "ticket")
		want := m{
			"queueName": matchmaking.QueueKey{Ext: ext.Of(m{"key": "a"})}.Digest()[:12], "state": "WAITING", "heldForMillis": "0", "waitedMillis": "5000",
			"matchmakingQueueKey": m{"extMatchmakingKey": m{"key": "a"}, "gameServerVersion": ""},
			"failedMatches":       0.0, "partiesBefore": 2.0, "partiesInQueue": 3.0, "playersInQueue": 4.0, "gameInstancesInQueue": 0.0,
			"explained": true, "facts": []any{m{"name": "size", "value": "xx"}}, "neededPlayers": 2.0, "acceptablePlayers": 1.0,
			"rules": m{"teams": 2.0},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.T.Errorf("explanation (-want +got):\n%s", diff)
		}
		if all := viewer.do("ExplainTicket", m{"ticketId": mine["ticketId"]})["candidates"].([]any); len(all) != 2 {
			w.T.Errorf("%d candidates, want both others of the queue", len(all))
		}
		odd := viewer.do("ExplainTicket", m{"ticketId": mine["ticketId"], "maxCandidates": 60})["candidates"].([]any)
		if len(odd) != 1 || odd[0].(m)["distance"] != math.MaxFloat64 {
			w.T.Errorf("candidates %v, want one that is infinitely far", odd)
		}
		for name, c := range map[string]struct {
			query m
			want  string
		}{
			"unknown": {m{"ticketId": pragma.NewID[pragma.TicketID]()}, "MatchmakingService_TicketNotFound"},
			"none":    {m{}, "MatchmakingService_TicketNotFound"},
			"no id":   {m{"ticketId": "robin"}, "Serialization_Error"},
			"fewer":   {m{"ticketId": mine["ticketId"], "maxCandidates": -1}, "Serialization_Error"},
			"many":    {m{"ticketId": mine["ticketId"], "maxCandidates": 101}, "Serialization_Error"},
		} {
			if _, refused := viewer.try("ExplainTicket", c.query); refused != c.want {
				w.T.Errorf("%s: refused with %q, want %q", name, refused, c.want)
			}
		}
		plugin.err = errors.New("no idea")
		if _, refused := viewer.try("ExplainTicket", m{"ticketId": mine["ticketId"]}); refused == "" {
			w.T.Error("a plugin that fails explains")
		}
	})
}

func TestOfADocumentedPluginOnlyFactsAreTold(t *testing.T) {
	run(t, setup{plugin: picky{}, board: &board{}}, func(w *world) {
		w.server().open(rules{Key: "a", Room: 4})
		w.queued("a", "robin")
		time.Sleep(time.Second)
		marian := w.queued("a", "marian")[0]
		time.Sleep(2 * time.Second)
		viewer := w.operator(pragma.RoleViewer)
		got := viewer.do("ExplainTicket", m{"ticketId": viewer.ticketOf(m{"playerId": marian.id})["ticketId"]})
		if got["explained"] != false || got["waitedMillis"] != "2000" || got["partiesBefore"] != 1.0 || got["gameInstancesInQueue"] != 1.0 || got["queueName"] != "a" {
			w.T.Errorf("explanation %v, want the facts alone", got)
		}
		tickets, _ := viewer.ids(nil)
		for _, id := range tickets {
			got := viewer.do("ExplainTicket", m{"ticketId": id})
			if got["ticket"].(m)["kind"] == "GAME_INSTANCE" && (got["state"] != "WAITING" || got["partiesInQueue"] != 2.0) {
				w.T.Errorf("explanation of a game: %v", got)
			}
		}
	})
}

func TestOperatorsSeeThatATicketIsHeldAfterAFailedMatch(t *testing.T) {
	run(t, setup{pool: &pairs{}}, func(w *world) {
		w.arena.setRefuse(errors.New("not today"))
		robin := w.queued("a", "robin", "will")[0]
		time.Sleep(200 * time.Millisecond)
		viewer := w.operator(pragma.RoleViewer)
		id := viewer.ticketOf(m{"playerId": robin.id})["ticketId"]
		got := viewer.do("ExplainTicket", m{"ticketId": id})
		if got["state"] != "HELD" || got["failedMatches"] != 1.0 || got["heldForMillis"] != "800" {
			w.T.Errorf("state %v, %v failed matches, held for %v; want HELD, 1, 800", got["state"], got["failedMatches"], got["heldForMillis"])
		}
	})
}

func TestOperatorsDumpAQueuePageByPage(t *testing.T) {
	run(t, setup{pool: &talker{}, board: &board{}}, func(w *world) {
		w.server().open(rules{Key: "a", Room: 4})
		entered := time.Now()
		robin, marian := w.player("robin"), w.player("marian")
		w.party("a", robin, marian)
		robin.do("PartyRpc.SetGameServerZoneToPingV1", m{"gameServerZoneToPing": m{"eu": 31}})
		robin.enter()
		w.queued("a", "will", "tuck")
		w.queued("b", "john")
		viewer := w.operator(pragma.RoleViewer)
		queue := matchmaking.QueueKey{Ext: ext.Of(m{"key": "a"})}.Digest()
		var kinds, ids []string
		var ticket m
		query := m{"queueId": queue, "pageSize": 1}
		for range 10 {
			page := viewer.do("DumpQueue", query)
			if page["queueName"] != queue[:12] || page["rules"].(m)["teams"] != 2.0 || page["matchmakingQueueKey"].(m)["extMatchmakingKey"].(m)["key"] != "a" {
				w.T.Errorf("head of a page: %v", page)
			}
			for _, each := range page["tickets"].([]any) {
				one := each.(m)
				kinds, ids = append(kinds, one["kind"].(string)), append(ids, one["ticketId"].(string))
				if players := one["players"].([]any); len(players) == 2 {
					ticket = one
				}
			}
			next := page["nextAfterTicketId"]
			if query["afterTicketId"] = next; next == nil {
				break
			}
		}
		slices.Sort(kinds)
		if !slices.Equal(kinds, []string{"GAME_INSTANCE", "PARTY", "PARTY", "PARTY"}) || !slices.IsSorted(ids) {
			w.T.Errorf("kinds %v, ids %v; want a game and three parties in order", kinds, ids)
		}
		if ticket == nil {
			w.T.Fatal("the party of two is on no page")
		}
		if got := microsOf(ticket["enteredTimestampMicros"]); got.Before(entered.Truncate(time.Microsecond)) {
			w.T.Errorf("entered at %v, want after %v", got, entered)
		}
		player := ticket["players"].([]any)[0].(m)
		want := m{"playerId": robin.id.String(), "partyId": ticket["partyId"], "teamNumber": "0", "gameServerZoneToPing": m{"eu": 31.0}, "ext": m{}}
		if diff := cmp.Diff(want, player); diff != "" {
			w.T.Errorf("player (-want +got):\n%s", diff)
		}
		if all := viewer.do("DumpQueue", m{"queueId": strings.ToUpper(queue)})["tickets"].([]any); len(all) != 4 {
			w.T.Errorf("%d tickets on a page of the usual size, want 4", len(all))
		}
		last := viewer.do("DumpQueue", m{"queueId": strings.Repeat("0", 64), "afterTicketId": ids[3]})
		if len(last["tickets"].([]any)) != 0 || last["nextAfterTicketId"] != nil {
			w.T.Errorf("a page behind the end of a queue that has gone: %v", last)
		}
		for name, c := range map[string]struct {
			query m
			want  string
		}{
			"no queue":   {m{}, "MatchmakingService_QueueNotFound"},
			"a name":     {m{"queueId": "duel"}, "MatchmakingService_QueueNotFound"},
			"too long":   {m{"queueId": queue + "00"}, "MatchmakingService_QueueNotFound"},
			"unknown":    {m{"queueId": strings.Repeat("0", 64)}, "MatchmakingService_QueueNotFound"},
			"large page": {m{"queueId": queue, "pageSize": 501}, "Serialization_Error"},
			"no page":    {m{"queueId": queue, "pageSize": -1}, "Serialization_Error"},
			"no id":      {m{"queueId": queue, "afterTicketId": "last"}, "Serialization_Error"},
		} {
			if _, refused := viewer.try("DumpQueue", c.query); refused != c.want {
				w.T.Errorf("%s: refused with %q, want %q", name, refused, c.want)
			}
		}
	})
}

func microsOf(v any) time.Time { return time.UnixMicro(millis(v).UnixMilli()) }
