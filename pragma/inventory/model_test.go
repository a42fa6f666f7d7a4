package inventory_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// copied is what a client makes of what it was told.
type copied struct {
	version   string
	stacks    map[string]m // by instance id
	instanced map[string]m
}

func newCopy(full m) *copied {
	c := &copied{version: full["version"].(string), stacks: map[string]m{}, instanced: map[string]m{}}
	c.put(full)
	return c
}

func (c *copied) put(part m) {
	for _, s := range part["stackables"].(list) {
		c.stacks[s.(m)["instanceId"].(string)] = s.(m)
	}
	for _, i := range part["instanced"].(list) {
		c.instanced[i.(m)["instanceId"].(string)] = i.(m)
	}
}

// follow applies the segments of notifications; each must lead on from the last.
func (c *copied) follow(t testing.TB, notes []m) {
	t.Helper()
	for _, note := range notes {
		got, ok := note[updated].(m)
		if !ok {
			t.Fatalf("told %v", note)
		}
		segment := got["segment"].(m)
		if segment["previousVersion"] != c.version {
			t.Fatalf("a segment from version %v, the client has %s", segment["previousVersion"], c.version)
		}
		c.version = segment["version"].(string)
		c.put(segment)
		for _, id := range segment["removedStackables"].(list) {
			delete(c.stacks, id.(string))
		}
		for _, id := range segment["removedInstanced"].(list) {
			delete(c.instanced, id.(string))
		}
	}
}

func (c *copied) full() m {
	sorted := func(items map[string]m, by string) list {
		all := list{}
		for _, i := range items {
			all = append(all, i)
		}
		slices.SortFunc(all, func(a, b any) int { return cmp.Compare(a.(m)[by].(string), b.(m)[by].(string)) })
		return all
	}
	return m{"version": c.version, "stackables": sorted(c.stacks, "catalogId"), "instanced": sorted(c.instanced, "instanceId")}
}

// model is what an inventory should be, in the simplest words.
type model struct {
	stacks    map[string]int    // by catalog id
	instanced map[string]string // catalog ids by instance id
	keys      map[string]bool
	version   map[string]int // of the parts
}

func newModel() *model {
	return &model{map[string]int{}, map[string]string{}, map[string]bool{}, map[string]int{}}
}

func partOf(catalogID string) string {
	if catalogID == "rating" || catalogID == "curse" {
		return "hidden"
	}
	return "player"
}

// request is a request and what it would make of the model, or why it is refused.
type request struct {
	operations m
	refused    string
	stacks     map[string]int
	destroyed  []string
	granted    []string
}

// draw makes a random request.
func (mo *model) draw(rt *rapid.T) *request {
	r := &request{operations: m{}, stacks: map[string]int{}}
	for id, n := range mo.stacks {
		r.stacks[id] = n
	}
	r.drawStacks(rt)
	var grants, destroys list
	for range rapid.IntRange(0, 2).Draw(rt, "items") {
		id := rapid.SampledFrom([]string{"sword", "bow", "curse"}).Draw(rt, "kind of item")
		grants = append(grants, m{"catalogId": id, "ext": m{"n": rapid.IntRange(0, 9).Draw(rt, "ext")}})
		r.granted = append(r.granted, id)
	}
	owned := make([]string, 0, len(mo.instanced))
	for id := range mo.instanced {
		owned = append(owned, id)
	}
	slices.Sort(owned)
	for range rapid.IntRange(0, min(2, len(owned))).Draw(rt, "destroys") {
		id := rapid.SampledFrom(owned).Draw(rt, "item")
		destroys = append(destroys, m{"instanceId": id})
		if slices.Contains(r.destroyed, id) && r.refused == "" {
			r.refused = "InventoryService_InstanceNotFound"
		}
		r.destroyed = append(r.destroyed, id)
	}
	r.operations["instancedItemServerGrants"], r.operations["instancedItemServerDestroys"] = grants, destroys
	if rapid.Bool().Draw(rt, "with a key") {
		r.operations["idempotencyKey"] = fmt.Sprint("key ", rapid.IntRange(0, 5).Draw(rt, "key"))
	}
	return r
}

func (r *request) drawStacks(rt *rapid.T) {
	kinds := rapid.SampledFrom([]string{"gold", "arrows", "rating"})
	var grants, updates list
	for range rapid.IntRange(0, 2).Draw(rt, "stacks") {
		id, n := kinds.Draw(rt, "kind of stack"), rapid.IntRange(1, 15).Draw(rt, "amount")
		grants = append(grants, m{"catalogId": id, "amount": n})
		r.change(id, n, true)
	}
	for range rapid.IntRange(0, 2).Draw(rt, "changes") {
		id, n := kinds.Draw(rt, "kind of stack"), rapid.IntRange(-12, 5).Draw(rt, "change")
		updates = append(updates, m{"catalogId": id, "amountChanged": strconv.Itoa(n)})
		r.change(id, n, false)
	}
	r.operations["stackableItemGrants"], r.operations["stackableItemUpdates"] = grants, updates
}

func (r *request) change(id string, by int, grant bool) {
	if r.refused != "" {
		return
	}
	old, exists := r.stacks[id]
	now := old + by
	switch {
	case !exists && !grant:
		r.refused = "InventoryService_InstanceNotFound"
	case now < 0:
		r.refused = "InventoryService_InsufficientCurrencyError"
	case id == "arrows" && now > 20:
		r.refused = "InventoryService_StackLimitExceeded"
	case id == "arrows" && now == 0:
		delete(r.stacks, id)
	default:
		r.stacks[id] = now
	}
}

// play makes a request and compares what comes of it with the model.
func (mo *model) play(rt *rapid.T, server, robin *client) {
	r := mo.draw(rt)
	key, _ := r.operations["idempotencyKey"].(string)
	got, refused := server.try("ApplyInventoryOperationsPartnerV1", m{"playerId": robin.id, "dataOperations": r.operations})
	if mo.keys[key] {
		if refused != "" || len(got) != 0 {
			rt.Fatalf("a repeated request got %v %s", got, refused)
		}
		return
	}
	if refused != r.refused {
		rt.Fatalf("%v: refused with %q, want %q", r.operations, refused, r.refused)
	}
	if refused != "" {
		return
	}
	if key != "" {
		mo.keys[key] = true
	}
	mo.commit(rt, r, got["updates"].(m))
}

func (mo *model) commit(rt *rapid.T, r *request, updates m) {
	changed := map[string]bool{}
	for id := range mo.stacks {
		if now, ok := r.stacks[id]; !ok || now != mo.stacks[id] {
			changed[partOf(id)] = true
		}
	}
	for id := range r.stacks {
		if _, ok := mo.stacks[id]; !ok {
			changed[partOf(id)] = true
		}
	}
	mo.stacks = r.stacks
	for _, id := range r.destroyed {
		changed[partOf(mo.instanced[id])] = true
		delete(mo.instanced, id)
	}
	granted := 0
	for _, part := range []string{"player", "hidden"} {
		segment := updates[part].(m)["segment"].(m)
		for _, i := range segment["instanced"].(list) {
			id := i.(m)["catalogId"].(string)
			if partOf(id) != part || !slices.Contains(r.granted, id) {
				rt.Fatalf("%s: a new %s", part, id)
			}
			mo.instanced[i.(m)["instanceId"].(string)] = id
			changed[part] = true
			granted++
		}
		before := mo.version[part]
		if changed[part] {
			mo.version[part]++
		}
		want := []any{strconv.Itoa(before), strconv.Itoa(mo.version[part])}
		if got := []any{segment["previousVersion"], segment["version"]}; !slices.Equal(got, want) {
			rt.Fatalf("%s: versions %v, want %v", part, got, want)
		}
	}
	if granted != len(r.granted) {
		rt.Fatalf("%d new items, want %d", granted, len(r.granted))
	}
}

// sums are the contents of a part of the model, as names has them.
func (mo *model) sums(part string) m {
	out := m{}
	for id, n := range mo.stacks {
		if partOf(id) == part {
			out[id] = strconv.Itoa(n)
		}
	}
	for _, id := range mo.instanced {
		if partOf(id) == part {
			n, _ := out[id].(int)
			out[id] = n + 1
		}
	}
	return out
}

// inBubble hides the deadline of a test, which a bubble does not have.
type inBubble struct{ rapid.TB }

// TestInventoriesFollowTheModel makes random requests. A client that applies the
// segments it is told always has exactly what it would read, and nothing hidden.
func TestInventoriesFollowTheModel(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		runs := 0
		rapid.Check(inBubble{t}, func(rt *rapid.T) {
			runs++
			robin, server, mo := w.player(fmt.Sprint("robin ", runs)), w.partner(), newModel()
			defer robin.Close()
			defer server.Close()
			client := newCopy(robin.full())
			for range rapid.IntRange(1, 30).Draw(rt, "requests") {
				mo.play(rt, server, robin)
			}
			client.follow(t, robin.told())
			w.same("what the client made of it", client.full(), robin.full())
			whole := server.do("GetInventoryPartnerV2", m{"playerId": robin.id})["inventory"].(m)
			for _, part := range []string{"player", "hidden"} {
				w.same(part, names(whole[part].(m)), mo.sums(part))
				w.same(part+" version", whole[part].(m)["version"], strconv.Itoa(mo.version[part]))
			}
			w.same("the player's own", whole["player"], robin.full())
			if t.Failed() {
				rt.FailNow()
			}
		})
	})
}
