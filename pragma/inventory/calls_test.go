package inventory_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
)

func TestNewPlayerOwnsNothing(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		w.same("inventory", robin.full(), m{"stackables": list{}, "instanced": list{}, "version": "0"})
		nothing := m{"fulfilled": list{}, "unfulfilled": list{}}
		w.same("entitlements", robin.do("SyncEntitlementsV1", m{}), nothing)
		w.same("entitlements", robin.do("SyncEntitlementsV1", m{"providerData": list{m{"provider": "STEAM", "authCode": "x"}}}), nothing)
		w.same("told", robin.told(), []m(nil))
	})
}

func TestGrantReachesThePlayerAsASegment(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian, server := w.player("robin"), w.player("marian"), w.partner()
		got := server.do("GrantItemsPartnerV2", m{"playerId": strings.ToUpper(robin.id.String()), "itemGrants": list{
			m{"stackable": m{"catalogId": "gold", "amount": "50", "tags": list{"prize"}}},
			m{"instanced": m{"catalogId": "sword", "ext": m{"level": 3}}},
		}})["updates"].(m)
		segment, delta := got["player"].(m)["segment"].(m), got["player"].(m)["delta"].(m)
		stack := segment["stackables"].(list)[0].(m)
		sword := segment["instanced"].(list)[0].(m)
		w.same("stack", stack, m{"catalogId": "gold", "amount": "50", "instanceId": stack["instanceId"]})
		w.same("sword", sword, m{"catalogId": "sword", "ext": m{"level": 3.0}, "instanceId": sword["instanceId"]})
		w.same("segment", segment, m{
			"stackables": list{stack}, "instanced": list{sword}, "removedStackables": list{}, "removedInstanced": list{},
			"previousVersion": "0", "version": "1",
		})
		w.same("delta", delta, m{
			"stackables": list{m{"catalogId": "gold", "tags": list{"prize"}, "amountChanged": "50"}},
			"instanced":  list{m{"catalogId": "sword", "tags": list{}, "operation": "ADDED", "final": sword}},
		})
		w.same("the hidden part", got["hidden"], m{
			"segment": m{
				"stackables": list{}, "instanced": list{}, "removedStackables": list{}, "removedInstanced": list{},
				"previousVersion": "0", "version": "0",
			},
			"delta": m{"stackables": list{}, "instanced": list{}},
		})
		w.same("what robin is told", robin.update(), m{"segment": segment, "delta": delta})
		w.same("robin's inventory", robin.full(), m{"stackables": list{stack}, "instanced": list{sword}, "version": "1"})
		w.same("what marian is told", marian.told(), []m(nil))
		w.same("marian's inventory", names(marian.full()), m{})
	})
}

func TestUpdatesAndDestroysReachThePlayerAsSegments(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		sword := server.item(robin.id, "sword")
		server.grant(robin.id, "gold", 50)
		stack := robin.full()["stackables"].(list)[0].(m)["instanceId"].(string)
		robin.told()

		server.do("UpdateItemsPartnerV2", m{"playerId": robin.id, "updates": list{
			m{"stackable": m{"catalogId": "gold", "amountChanged": "-20"}},
			m{"stackable": m{"instanceId": stack, "amountChanged": -1}},
			m{"instanced": m{"instanceId": sword, "requestExt": m{"level": 2}, "updateEntryId": "upgrade", "tags": list{"forge"}}},
		}})
		before := m{"catalogId": "sword", "instanceId": sword, "ext": m{"level": 1.0}}
		after := m{"catalogId": "sword", "instanceId": sword, "ext": m{"level": 2.0}}
		w.same("update", robin.update(), m{
			"segment": m{
				"stackables": list{m{"catalogId": "gold", "instanceId": stack, "amount": "29"}}, "instanced": list{after},
				"removedStackables": list{}, "removedInstanced": list{}, "previousVersion": "2", "version": "3",
			},
			"delta": m{
				"stackables": list{
					m{"catalogId": "gold", "tags": list{}, "amountChanged": "-20"}, m{"catalogId": "gold", "tags": list{}, "amountChanged": "-1"},
				},
				"instanced": list{m{"catalogId": "sword", "tags": list{"forge"}, "operation": "UPDATED", "initial": before, "final": after}},
			},
		})
		server.do("DestroyItemsPartnerV2", m{"playerId": robin.id, "itemDestroys": list{m{"instanced": m{"instanceId": sword}}}})
		w.same("destroy", robin.update(), m{
			"segment": m{
				"stackables": list{}, "instanced": list{}, "removedStackables": list{}, "removedInstanced": list{sword},
				"previousVersion": "3", "version": "4",
			},
			"delta": m{
				"stackables": list{}, "instanced": list{m{"catalogId": "sword", "tags": list{}, "operation": "REMOVED", "initial": after}},
			},
		})
	})
}

func TestHiddenItemsAreNotForThePlayer(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "rating", 1500)
		curse := server.item(robin.id, "curse")
		w.same("told", robin.told(), []m(nil))
		w.same("inventory", robin.full(), m{"stackables": list{}, "instanced": list{}, "version": "0"})

		server.apply(robin.id, m{
			"stackableItemGrants":         list{m{"catalogId": "rating", "amount": 10}, m{"catalogId": "gold", "amount": 1}},
			"instancedItemServerDestroys": list{m{"instanceId": curse}},
		})
		got := robin.update()
		w.same("version", got["segment"].(m)["version"], "1")
		if text := fmt.Sprint(got); strings.Contains(text, "rating") || strings.Contains(text, "curse") || strings.Contains(text, curse) {
			t.Errorf("the player was told %s", text)
		}
		whole := server.do("GetInventoryPartnerV2", m{"playerId": robin.id})["inventory"].(m)
		w.same("hidden part", names(whole["hidden"].(m)), m{"rating": "1510"})
		w.same("hidden version", whole["hidden"].(m)["version"], "3")
		w.same("visible part", whole["player"], robin.full())
	})
}

func TestPartnersReadByTag(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 5)
		server.grant(robin.id, "rating", 7)
		server.item(robin.id, "sword")
		server.item(robin.id, "bow")
		for name, tt := range map[string]struct {
			tags           list
			player, hidden m
		}{
			"none":    {list{}, m{"gold": "5", "sword": 1, "bow": 1}, m{"rating": "7"}},
			"one":     {list{"ranged"}, m{"bow": 1}, m{}},
			"any":     {list{"ranged", "currency", "hidden"}, m{"gold": "5", "bow": 1}, m{"rating": "7"}},
			"unknown": {list{"blue", ""}, m{}, m{}},
		} {
			got := server.do("GetInventoryPartnerV2", m{"playerId": robin.id, "tagsToInclude": tt.tags})["inventory"].(m)
			w.same(name, []m{names(got["player"].(m)), names(got["hidden"].(m))}, []m{tt.player, tt.hidden})
			w.same(name+": version", got["player"].(m)["version"], "3")
		}
	})
}

// refusals are requests that change nothing, and what they are refused with.
func refusals(sword, stack string) map[string]struct {
	operations m
	want       string
} {
	type row = struct {
		operations m
		want       string
	}
	grant := func(id string, amount any) m {
		return m{"stackableItemGrants": list{m{"catalogId": id, "amount": amount}}}
	}
	change := func(fields m) m { return m{"stackableItemUpdates": list{fields}} }
	const (
		noKind     = "InventoryService_CatalogIdNotFound"
		noItem     = "InventoryService_InstanceNotFound"
		noGrant    = "InventoryService_GrantError"
		tooLarge   = "SessionService_RequestTooLarge"
		malformed  = "Serialization_Error"
		notEnough  = "InventoryService_InsufficientCurrencyError"
		overLimit  = "InventoryService_StackLimitExceeded"
		overflow   = "InventoryService_Overflow"
		unknownIDs = "0197d2a0-0000-7000-8000-000000000001"
	)
	return map[string]row{
		"unknown kind":             {grant("silver", 1), noKind},
		"empty kind":               {grant("", 1), noKind},
		"stack of instanced":       {grant("sword", 1), noKind},
		"grant of nothing":         {grant("gold", 0), noGrant},
		"negative grant":           {grant("gold", -1), noGrant},
		"beyond the limit":         {grant("arrows", 21), overLimit},
		"beyond 64 bits":           {grant("gold", fmt.Sprint(math.MaxInt64)), overflow},
		"no number":                {grant("gold", "9223372036854775808"), malformed},
		"instanced of stackable":   {m{"instancedItemServerGrants": list{m{"catalogId": "gold"}}}, noKind},
		"unknown instanced":        {m{"instancedItemServerGrants": list{m{"catalogId": "lance"}}}, noKind},
		"update without stack":     {change(m{"catalogId": "arrows", "amountChanged": 1}), noItem},
		"update without ids":       {change(m{"amountChanged": 1}), noItem},
		"update of unknown kind":   {change(m{"catalogId": "silver", "amountChanged": 1}), noKind},
		"update of unknown stack":  {change(m{"instanceId": unknownIDs, "amountChanged": 1}), noItem},
		"ids that disagree":        {change(m{"catalogId": "gold", "instanceId": sword, "amountChanged": 1}), noItem},
		"more than there is":       {change(m{"catalogId": "gold", "amountChanged": -6}), notEnough},
		"least number":             {change(m{"catalogId": "gold", "amountChanged": fmt.Sprint(math.MinInt64)}), notEnough},
		"id that is none":          {m{"serverInstancedItemUpdates": list{m{"instanceId": "sword"}}}, malformed},
		"update of unknown item":   {m{"serverInstancedItemUpdates": list{m{"instanceId": unknownIDs}}}, noItem},
		"update of no item":        {m{"serverInstancedItemUpdates": list{m{}}}, noItem},
		"destroy of unknown item":  {m{"instancedItemServerDestroys": list{m{"instanceId": unknownIDs}}}, noItem},
		"destroy of no item":       {m{"instancedItemServerDestroys": list{m{}}}, noItem},
		"destroy of a stack":       {m{"instancedItemServerDestroys": list{m{"instanceId": stack}}}, noItem},
		"destroy twice":            {m{"instancedItemServerDestroys": list{m{"instanceId": sword}, m{"instanceId": sword}}}, noItem},
		"unknown table":            {m{"rewardGrants": list{m{"tableId": "win", "count": 1}}}, noGrant},
		"no rewards":               {m{"rewardGrants": list{m{"tableId": "win", "count": 0}}}, noGrant},
		"negative rewards":         {m{"rewardGrants": list{m{"tableId": "win", "count": -5}}}, noGrant},
		"too much ext":             {m{"instancedItemServerGrants": list{m{"catalogId": "sword", "ext": m{"x": strings.Repeat("x", 5000)}}}}, tooLarge},
		"too much ext, update":     {m{"serverInstancedItemUpdates": list{m{"instanceId": sword, "requestExt": m{"x": strings.Repeat("x", 5000)}}}}, tooLarge},
		"ext that is no object":    {m{"instancedItemServerGrants": list{m{"catalogId": "sword", "ext": 5}}}, malformed},
		"long tag":                 {m{"stackableItemGrants": list{m{"catalogId": "gold", "amount": 1, "tags": list{strings.Repeat("t", 101)}}}}, tooLarge},
		"many tags":                {m{"stackableItemGrants": list{m{"catalogId": "gold", "amount": 1, "tags": strings.Split(strings.Repeat("t ", 40), " ")}}}, tooLarge},
		"long key":                 {m{"idempotencyKey": strings.Repeat("k", 257)}, tooLarge},
		"a good one and a bad one": {m{"stackableItemGrants": list{m{"catalogId": "gold", "amount": 1}, m{"catalogId": "arrows", "amount": 99}}}, overLimit},
		"a bad one at the end": {m{
			"stackableItemGrants":         list{m{"catalogId": "gold", "amount": 1}},
			"instancedItemServerGrants":   list{m{"catalogId": "sword"}},
			"instancedItemServerDestroys": list{m{"instanceId": sword}, m{"instanceId": unknownIDs}},
		}, noItem},
	}
}

func TestRefusedRequestsChangeNothing(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server, operator := w.player("robin"), w.partner(), w.operator(pragma.RoleAdmin)
		server.grant(robin.id, "gold", 5)
		sword := server.item(robin.id, "sword")
		robin.told()
		before := robin.full()
		stack := before["stackables"].(list)[0].(m)["instanceId"].(string)
		for name, tt := range refusals(sword, stack) {
			tt.operations["idempotencyKey"] = first(tt.operations["idempotencyKey"], "k "+name)
			for _, by := range []struct {
				*client
				call string
			}{{server, "ApplyInventoryOperationsPartnerV1"}, {operator, "ApplyInventoryOperationsOperatorV1"}} {
				if _, got := by.try(by.call, m{"playerId": robin.id, "dataOperations": tt.operations}); got != tt.want {
					t.Errorf("%s: %s refused with %q, want %q", name, by.call, got, tt.want)
				}
			}
			w.same(name, robin.full(), before)
			w.same(name+": told", robin.told(), []m(nil))
		}
		// A refused request has not used its key.
		server.apply(robin.id, m{"idempotencyKey": "k unknown kind", "stackableItemGrants": list{m{"catalogId": "gold", "amount": 1}}})
		w.same("afterwards", names(robin.full()), m{"gold": "6", "sword": 1})
	})
}

func first(a any, b string) any {
	if a != nil {
		return a
	}
	return b
}

func TestListsOfOneOfAreChecked(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		stack, item := m{"catalogId": "gold", "amount": 1}, m{"catalogId": "sword"}
		for _, entry := range []m{{}, {"stackable": stack, "instanced": item}, {"bundle": m{}}, {"stackable": nil}} {
			server.refused("GrantItemsPartnerV2", m{"playerId": robin.id, "itemGrants": list{m{"stackable": stack}, entry}}, "Serialization_Error")
		}
		both := m{"stackable": m{"catalogId": "gold"}, "instanced": m{}}
		for _, entry := range []m{{}, both} {
			server.refused("UpdateItemsPartnerV2", m{"playerId": robin.id, "updates": list{entry}}, "Serialization_Error")
		}
		server.refused("DestroyItemsPartnerV2", m{"playerId": robin.id, "itemDestroys": list{m{}}}, "Serialization_Error")
		w.same("inventory", names(robin.full()), m{})
		for _, call := range []string{"GrantItemsPartnerV2", "UpdateItemsPartnerV2", "DestroyItemsPartnerV2"} {
			server.do(call, m{"playerId": robin.id}) // nothing to do is no mistake
		}
		w.same("told", robin.told(), []m(nil))
	})
}

func TestUnknownPlayersAreRefused(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server, operator := w.player("robin"), w.partner(), w.operator(pragma.RoleAdmin)
		for _, id := range []string{"", pragma.NewID[pragma.PlayerID]().String()} {
			for _, call := range []string{
				"GetInventoryPartnerV2", "GrantItemsPartnerV2", "UpdateItemsPartnerV2", "DestroyItemsPartnerV2",
				"ApplyInventoryOperationsPartnerV1", "ClearPlayerInventoryCachePartnerV1", "DeletePlayerInventoryPartnerV1",
			} {
				server.refused(call, m{"playerId": id}, "InventoryService_PlayerIdNotFound")
			}
			operator.refused("GetInventoryOperatorV1", m{"playerId": id}, "InventoryService_PlayerIdNotFound")
			operator.refused("ApplyInventoryOperationsOperatorV1", m{"playerId": id}, "InventoryService_PlayerIdNotFound")
		}
		server.refused("GetInventoryPartnerV2", m{"playerId": "robin"}, "Serialization_Error")
		robin.refused("GrantItemsPartnerV2", m{"playerId": robin.id}, "SessionService_WrongSessionType")
	})
}

func TestCallsOfStoresAreNotOffered(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		for _, call := range []string{"UpdateItemV4", "UpdateItemsV0", "CraftV1", "StorePurchaseV4", "InitializeOrderV1"} {
			robin.refused(call, m{}, "INVALID_REQUEST_TYPE")
		}
	})
}

func TestStacksKeepToTheirKind(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		change := func(id string, by int) m {
			return server.apply(robin.id, m{"stackableItemUpdates": list{m{"catalogId": id, "amountChanged": by}}})
		}
		server.grant(robin.id, "arrows", 15)
		server.grant(robin.id, "arrows", 5)
		server.grant(robin.id, "gold", 3)
		w.same("granted", names(robin.full()), m{"arrows": "20", "gold": "3"})
		arrows := robin.full()["stackables"].(list)[0].(m)["instanceId"]
		robin.told()

		change("gold", 0)
		w.same("told of nothing", robin.told(), []m(nil))
		change("gold", -3)
		w.same("an empty stack stays", names(robin.full()), m{"arrows": "20", "gold": "0"})
		robin.told()
		change("arrows", -20)
		w.same("an empty stack goes", names(robin.full()), m{"gold": "0"})
		w.same("told", robin.update()["segment"].(m)["removedStackables"], list{arrows})

		// A stack that goes and comes back in one request is another one.
		server.grant(robin.id, "arrows", 1)
		old := robin.full()["stackables"].(list)[0].(m)["instanceId"]
		robin.told()
		server.apply(robin.id, m{
			"stackableItemUpdates": list{m{"catalogId": "arrows", "amountChanged": -1}},
		})
		server.grant(robin.id, "arrows", 2)
		if now := robin.full()["stackables"].(list)[0].(m)["instanceId"]; now == old {
			t.Errorf("a new stack has the id of the old one, %v", now)
		}
	})
}

func TestWhatCancelsOutIsNoChange(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 5)
		robin.told()
		before := robin.full()
		got := server.apply(robin.id, m{
			"stackableItemGrants":  list{m{"catalogId": "gold", "amount": 2}},
			"stackableItemUpdates": list{m{"catalogId": "gold", "amountChanged": -2}},
		})["updates"].(m)["player"].(m)
		w.same("segment", got["segment"].(m)["version"], got["segment"].(m)["previousVersion"])
		w.same("delta", len(got["delta"].(m)["stackables"].(list)), 2)
		w.same("inventory", robin.full(), before)
		w.same("told", robin.told(), []m(nil))
	})
}

func TestIdempotencyKeyCountsOnce(t *testing.T) {
	run(t, options{config: "{idempotencyKeyDays: 1}"}, func(t *testing.T, w *world) {
		robin, marian, server := w.player("robin"), w.player("marian"), w.partner()
		reward := func(id pragma.PlayerID, amount int) m {
			return server.apply(id, m{"idempotencyKey": "game 7/win", "stackableItemGrants": list{m{"catalogId": "gold", "amount": amount}}})
		}
		if got := reward(robin.id, 5); got["updates"] == nil {
			t.Errorf("the first answer is %v", got)
		}
		robin.told()
		w.same("the second answer", reward(robin.id, 5), m{})
		w.same("another request with the key", reward(robin.id, 500), m{})
		reward(marian.id, 5)
		w.same("robin", names(robin.full()), m{"gold": "5"})
		w.same("robin's version", robin.full()["version"], "1")
		w.same("marian", names(marian.full()), m{"gold": "5"})
		w.same("told", robin.told(), []m(nil))

		w.Restart()
		server = w.partner()
		w.same("after a restart", reward(robin.id, 5), m{})
		time.Sleep(25 * time.Hour)
		server = w.partner()
		reward(robin.id, 5)
		w.same("when it is forgotten", names(w.player("robin").full()), m{"gold": "10"})
	})
}

func TestInventorySurvivesARestart(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 5)
		server.grant(robin.id, "rating", 9)
		server.item(robin.id, "bow")
		before := robin.full()
		w.Kill()
		w.Start()
		w.same("inventory", w.player("robin").full(), before)
		got := w.partner().grant(robin.id, "gold", 1)["updates"].(m)["player"].(m)["segment"].(m)
		w.same("versions", []any{got["previousVersion"], got["version"]}, []any{"2", "3"})
	})
}

func TestOperatorsChangeWithATrace(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, admin, viewer := w.player("robin"), w.operator(pragma.RoleAdmin), w.operator(pragma.RoleViewer)
		request := m{"playerId": robin.id, "dataOperations": m{"stackableItemGrants": list{m{"catalogId": "gold", "amount": 5}}}}
		viewer.refused("ApplyInventoryOperationsOperatorV1", request, "AccountService_Unauthorized")
		if strings.Contains(w.Logs(), "msg=audit") {
			t.Error("a refused call is in the audit log")
		}
		admin.do("ApplyInventoryOperationsOperatorV1", request)
		if want := `msg=audit service=InventoryRpc action="change inventory"`; !strings.Contains(w.Logs(), want) {
			t.Errorf("no line with %s in:\n%s", want, w.Logs())
		}
		robin.update()
		got := viewer.do("GetInventoryOperatorV1", m{"playerId": robin.id})["inventory"].(m)
		w.same("what a viewer sees", names(got["player"].(m)), m{"gold": "5"})
	})
}

func TestDeletedInventoryIsEmptyAndGoesOn(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		fill := func() {
			server.grant(robin.id, "gold", 5)
			server.item(robin.id, "sword")
			server.grant(robin.id, "rating", 9)
			robin.told()
		}
		fill()
		server.do("DeletePlayerInventoryPartnerV1", m{"playerId": robin.id})
		w.same("told", robin.told(), []m{{reset: m{}}})
		w.same("inventory", robin.full(), m{"stackables": list{}, "instanced": list{}, "version": "3"})
		hidden := server.do("GetInventoryPartnerV2", m{"playerId": robin.id})["inventory"].(m)["hidden"]
		w.same("hidden part", hidden, m{"stackables": list{}, "instanced": list{}, "version": "2"})

		server.do("DeletePlayerInventoryPartnerV1", m{"playerId": robin.id})
		w.same("of nothing", robin.full()["version"], "3")
		robin.told()

		fill()
		robin.do("DeletePlayerInventoryV3", m{})
		w.same("told", robin.told(), []m{{reset: m{}}})
		w.same("inventory", robin.full(), m{"stackables": list{}, "instanced": list{}, "version": "6"})
	})
}

func TestPlayersMayNotDeleteUnlessConfigured(t *testing.T) {
	run(t, options{config: "{enableDeletePlayerInventory: false}"}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 5)
		robin.refused("DeletePlayerInventoryV3", m{}, "InventoryService_DeletePlayerInventoryConfigNotEnabled")
		w.same("inventory", names(robin.full()), m{"gold": "5"})
	})
}

func TestClearedCacheHasTheClientReadAgain(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 5)
		robin.told()
		server.do("ClearPlayerInventoryCachePartnerV1", m{"playerId": robin.id})
		w.same("told", robin.told(), []m{{reset: m{}}})
		w.same("inventory", names(robin.full()), m{"gold": "5"})
	})
}
