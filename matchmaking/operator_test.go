package matchmaking_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// operator is somebody at the operator gateway.
type operator struct {
	w *world
	*pragmatest.Raw
}

// operator opens a socket of an operator with a role.
func (w *world) operator(role string) *operator {
	w.T.Helper()
	token, err := w.queue.SignOperatorToken(role)
	if err != nil {
		w.T.Fatal(err)
	}
	return &operator{w, w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Operator}, token)}
}

// try makes a call of MatchmakingRpc, and returns the answer or why it was refused.
func (o *operator) try(call string, payload m) (m, string) {
	o.w.T.Helper()
	o.Request("MatchmakingRpc."+call+"OperatorV1", payload)
	for {
		switch f := o.Read(); {
		case f.Response != nil:
			return f.Response.Payload, ""
		case f.ServiceError != nil:
			return nil, f.ServiceError.Error + f.ServiceError.ExtError
		}
	}
}

func (o *operator) do(call string, payload m) m {
	o.w.T.Helper()
	got, refused := o.try(call, payload)
	if refused != "" {
		o.w.T.Fatalf("%s: %s", call, refused)
	}
	return got
}

// ids are the tickets that a query finds, in order, and how many there are in all.
func (o *operator) ids(query m) ([]string, any) {
	o.w.T.Helper()
	got := o.do("ListTickets", query)
	var ids []string
	for _, t := range got["tickets"].([]any) {
		ids = append(ids, t.(m)["ticketId"].(string))
	}
	return ids, got["count"]
}

// ticketOf is the ticket that a filter finds.
func (o *operator) ticketOf(filter m) m {
	o.w.T.Helper()
	got := o.do("ListTickets", m{"filter": filter})
	if got["count"] != "1" {
		o.w.T.Fatalf("filter %v finds %v tickets, want 1", filter, got["count"])
	}
	return got["tickets"].([]any)[0].(m)
}

// millis is a time as operators see it.
func millis(v any) time.Time {
	var n int64
	for _, c := range v.(string) {
		n = 10*n + int64(c-'0')
	}
	return time.UnixMilli(n)
}

func TestOperatorsSeeTheQueues(t *testing.T) {
	run(t, setup{plugin: picky{}, board: &board{}}, func(w *world) {
		viewer := w.operator(pragma.RoleViewer)
		if got := viewer.do("ListQueues", nil); len(got["queues"].([]any)) != 0 || got["count"] != "0" {
			w.T.Errorf("queues before anybody waits: %v", got)
		}
		w.server().open(rules{Key: "later", Room: 4})
		time.Sleep(time.Minute)
		entered := time.Now()
		w.queued("b", "will")
		time.Sleep(time.Minute)
		robin, marian := w.player("robin"), w.player("marian")
		w.party("b", robin, marian)
		robin.enter()
		time.Sleep(time.Minute)
		got := viewer.do("ListQueues", nil)
		queues := got["queues"].([]any)
		if len(queues) != 2 || got["count"] != "2" {
			w.T.Fatalf("%d queues, count %v, want 2: %v", len(queues), got["count"], queues)
		}
		second := queues[1].(m) // the game has waited longer
		if at := millis(second["oldestEnteredTimestampMillis"]); !at.Equal(entered.Truncate(time.Millisecond)) {
			w.T.Errorf("the oldest entered at %v, want %v", at, entered)
		}
		delete(second, "oldestEnteredTimestampMillis")
		want := m{
			"queueId": matchmaking.QueueKey{Ext: ext.Of(m{"key": "b"})}.Digest(), "queueName": "b",
			"matchmakingQueueKey": m{"extMatchmakingKey": m{"key": "b"}, "gameServerVersion": ""},
			"partiesInQueue":      2.0, "playersInQueue": 3.0, "matchablesInQueue": 2.0, "gameInstancesInQueue": 0.0,
			"lastPassMillis": "0",
		}
		if diff := cmp.Diff(want, second); diff != "" {
			w.T.Errorf("queue (-want +got):\n%s", diff)
		}
		first := queues[0].(m)
		if first["queueName"] != "later" || first["gameInstancesInQueue"] != 1.0 || first["partiesInQueue"] != 0.0 {
			w.T.Errorf("the queue of the game: %v", first)
		}
		w.Restart()
		again := w.operator(pragma.RoleViewer).do("ListQueues", nil)["queues"].([]any)
		if len(again) != 2 || again[1].(m)["queueId"] != want["queueId"] {
			w.T.Errorf("queues after a restart: %v", again)
		}
	})
}

func TestOperatorsFindTickets(t *testing.T) {
	run(t, setup{board: &board{}}, func(w *world) {
		server := w.server()
		robin, marian := w.player("robin"), w.player("marian")
		game := server.host(rules{Key: "b", Room: 4})
		robin.do("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": game})
		server.about("EnterMatchmakingV1", game)
		friends := w.queued("a", "will", "tuck")
		w.party("b", marian)
		entered := time.Now()
		marian.enter()
		viewer := w.operator(pragma.RoleViewer)
		queue := func(key string) string { return matchmaking.QueueKey{Ext: ext.Of(m{"key": key})}.Digest() }
		mine := viewer.ticketOf(m{"playerId": marian.id})
		all, _ := viewer.ids(nil)
		if len(all) != 4 || !slices.IsSorted(all) {
			w.T.Fatalf("tickets %v, want 4 in order", all)
		}
		of := func(filter m) string { return viewer.ticketOf(filter)["ticketId"].(string) }
		both := []string{of(m{"playerId": friends[0].id}), of(m{"playerId": friends[1].id})}
		slices.Sort(both)
		second := []string{of(m{"gameInstanceId": game}), mine["ticketId"].(string)}
		slices.Sort(second)
		tests := []struct {
			name  string
			query m
			want  []string
			count string
		}{
			{"by party", m{"filter": m{"partyId": mine["partyId"]}}, []string{mine["ticketId"].(string)}, "1"},
			{"by queue", m{"filter": m{"queueId": queue("a")}}, both, "2"},
			{"by a queue with a game", m{"filter": m{"queueId": queue("b")}}, second, "2"},
			{"by a player of a game", m{"filter": m{"playerId": robin.id, "gameInstanceId": game}}, []string{of(m{"gameInstanceId": game})}, "1"},
			{"what contradicts itself", m{"filter": m{"partyId": mine["partyId"], "gameInstanceId": game}}, nil, "0"},
			{"an unknown queue", m{"filter": m{"queueId": "duel"}}, nil, "0"},
			{"an unknown player", m{"filter": m{"playerId": pragma.NewID[pragma.PlayerID]()}}, nil, "0"},
			{"the second page", m{"pageIndex": 1, "pageSize": 3}, all[3:], "4"},
			{"behind the last page", m{"pageIndex": 2147483647, "pageSize": 500}, nil, "4"},
		}
		for _, tt := range tests {
			got, count := viewer.ids(tt.query)
			if diff := cmp.Diff(tt.want, got); diff != "" || count != tt.count {
				w.T.Errorf("%s: count %v, want %s; tickets (-want +got):\n%s", tt.name, count, tt.count, diff)
			}
		}
		for name, query := range map[string]m{
			"a negative page": {"pageIndex": -1}, "a negative size": {"pageSize": -1}, "no id": {"filter": m{"playerId": "robin"}},
		} {
			if _, refused := viewer.try("ListTickets", query); refused != "Serialization_Error" {
				w.T.Errorf("%s: refused with %q, want Serialization_Error", name, refused)
			}
		}
		got := viewer.do("GetTicket", m{"ticketId": mine["ticketId"]})["ticket"].(m)
		if diff := cmp.Diff(mine, got); diff != "" {
			w.T.Errorf("the ticket in the list and alone (-list +alone):\n%s", diff)
		}
		if at := millis(got["enteredTimestampMillis"]); !at.Equal(entered.Truncate(time.Millisecond)) {
			w.T.Errorf("entered at %v, want %v", at, entered)
		}
		delete(got, "enteredTimestampMillis")
		delete(got, "ticketId")
		delete(got, "partyId")
		want := m{"queueId": queue("b"), "kind": "PARTY", "playerIds": []any{marian.id.String()}, "ext": m{"size": 1.0}}
		if diff := cmp.Diff(want, got); diff != "" {
			w.T.Errorf("ticket (-want +got):\n%s", diff)
		}
		running := viewer.ticketOf(m{"gameInstanceId": game})
		if running["kind"] != "GAME_INSTANCE" || running["partyId"] != nil || running["ext"].(m)["Room"] != 4.0 {
			w.T.Errorf("ticket of a game: %v", running)
		}
	})
}

func TestOperatorsTakeAPartyOut(t *testing.T) {
	run(t, setup{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		w.party("a", robin, marian)
		robin.enter()
		robin.told()
		marian.told()
		viewer, admin := w.operator(pragma.RoleViewer), w.operator(pragma.RoleAdmin)
		id := viewer.ticketOf(m{"playerId": robin.id})["ticketId"]
		if _, refused := viewer.try("RemoveTicket", m{"ticketId": id}); refused != "AccountService_Unauthorized" {
			w.T.Errorf("a viewer: refused with %q, want AccountService_Unauthorized", refused)
		}
		expect(w.T, "after what a viewer tried", robin.told(), nil)
		admin.do("RemoveTicket", m{"ticketId": id})
		expect(w.T, "the leader", robin.told(), failed)
		expect(w.T, "the member", marian.told(), failed)
		if parties, _ := w.queue.Index(); parties != 0 || len(w.tickets()) != 0 {
			w.T.Errorf("%d parties wait, %d tickets are stored, want none", parties, len(w.tickets()))
		}
		for _, id := range []any{id, pragma.NewID[pragma.TicketID](), "", nil} {
			for _, call := range []string{"RemoveTicket", "GetTicket"} {
				if _, refused := admin.try(call, m{"ticketId": id}); refused != "MatchmakingService_TicketNotFound" {
					w.T.Errorf("%s %v: refused with %q, want MatchmakingService_TicketNotFound", call, id, refused)
				}
			}
		}
		robin.enter() // and again
	})
}

func TestOperatorsTakeAGameOut(t *testing.T) {
	run(t, backfill, func(w *world) {
		server := w.server()
		game := server.open(rules{Key: "a", Room: 4})
		admin := w.operator(pragma.RoleAdmin)
		id := admin.ticketOf(m{"gameInstanceId": game})["ticketId"]
		admin.do("RemoveTicket", m{"ticketId": id})
		expect(w.T, "the server", server.told(), []string{"GameInstanceLeftMatchmaking"})
		if w.waits(game) || len(w.tickets()) != 0 {
			w.T.Errorf("waits = %v, %d tickets are stored, want none", w.waits(game), len(w.tickets()))
		}
		robin := w.queued("a", "robin")[0]
		time.Sleep(time.Minute)
		expect(w.T, "who comes now", robin.told(), nil)
		if _, refused := admin.try("RemoveTicket", m{"ticketId": id}); refused != "MatchmakingService_TicketNotFound" {
			w.T.Errorf("again: refused with %q, want MatchmakingService_TicketNotFound", refused)
		}
		server.about("EnterMatchmakingV1", game)
		expect(w.T, "who waited, when the game enters again", robin.told(), found)
	})
}

func TestOperatorsRemoveTicketsThatNobodyHolds(t *testing.T) {
	db := store.NewMemory()
	defer func() { _ = db.Close() }()
	run(t, setup{store: keep(db)}, func(w *world) {
		party := lonely(1).Puts[2]
		game := lonely(2).Puts[2]
		game.Body = []byte(`{"enteredAt":"2026-03-01T12:00:00Z","game":{"gameInstanceId":"2f0f7a86-8a4c-4a1e-b8a2-5d0c4a4e9f10","revision":1}}`)
		if err := store.Commit(w.T.Context(), db, &store.Batch{Puts: []store.Put{party, game}}); err != nil {
			w.T.Fatal(err)
		}
		admin := w.operator(pragma.RoleAdmin)
		for _, key := range []store.Key{party.Key, game.Key} {
			admin.do("RemoveTicket", m{"ticketId": key.ID})
		}
		if left := w.tickets(); len(left) != 0 {
			w.T.Errorf("%d tickets are left", len(left))
		}
	})
}
