package inventory_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

type (
	m    = map[string]any
	list = []any
)

var (
	_ party.Inventory   = (*inventory.Service)(nil)
	_ inventory.Players = (*account.Service)(nil)
)

// goods is the catalog of most tests.
func goods() inventory.Catalog {
	return inventory.Catalog{
		Stackables: []inventory.StackableSpec{
			{CatalogID: "gold", Name: "Gold", Tags: []string{"currency"}},
			{CatalogID: "arrows", Limit: 20, RemoveIfNone: true},
			{CatalogID: "rating", Tags: []string{"hidden"}},
		},
		Instanced: []inventory.InstancedSpec{
			{CatalogID: "sword", Name: "Sword", Tags: []string{"weapon"}},
			{CatalogID: "bow", Tags: []string{"weapon", "ranged"}},
			{CatalogID: "curse", Tags: []string{"hidden"}},
		},
	}
}

// options say how a test wants its server.
type options struct {
	catalog   *inventory.Catalog // nil: goods
	config    string             // of InventoryServiceConfig, in YAML's flow style
	instanced inventory.InstancedItemPlugin
	stackable inventory.StackableItemPlugin
	rewards   inventory.RewardSelectorPlugin
	provider  inventory.Provider
	open      store.Opener
	yaml      string // more configuration
	more      func(items *inventory.Service) []pragma.Service
}

type world struct {
	*pragmatest.World
	items *inventory.Service // of the server that runs now
	lab   *lab
}

// lab is a service of a studio's own, with an entity.
type lab struct {
	m      *pragma.Mount
	quests *entity.Kind[quest]
}

type quest struct {
	Done bool `json:"done"`
}

func (l *lab) Name() string { return "LabRpc" }

func (l *lab) Mount(m *pragma.Mount) error {
	l.m = m
	l.quests = entity.Of(m, "test-quest", entity.Options[quest]{})
	return nil
}

func run(t *testing.T, o options, fn func(t *testing.T, w *world)) {
	t.Helper()
	w := &world{}
	build := func() *pragma.Server {
		accounts := &account.Service{}
		catalog := goods()
		if o.catalog != nil {
			catalog = *o.catalog
		}
		w.items = &inventory.Service{
			Catalog: catalog, Players: accounts,
			Instanced: o.instanced, Stackable: o.stackable, Rewards: o.rewards, Provider: o.provider,
		}
		w.lab = &lab{}
		srv := &pragma.Server{
			Social: []pragma.Service{accounts},
			Game:   []pragma.Service{w.items, w.lab},
			Store:  o.open,
		}
		if o.more != nil {
			srv.Game = append(srv.Game, o.more(w.items)...)
		}
		if o.config != "" {
			o.yaml = "game: {serviceConfigs: {InventoryServiceConfig: " + o.config + "}}"
		}
		srv.Config = pragmatest.Config(t, o.yaml)
		return srv
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(pw.T, w)
	})
}

// client is a bare socket that keeps what it was told.
type client struct {
	*pragmatest.Raw
	w     *world
	id    pragma.PlayerID // of players
	notes []m
}

func (w *world) player(name string) *client {
	w.T.Helper()
	token, _ := w.Tokens(name)
	return w.connect(token)
}

func (w *world) connect(token string) *client {
	w.T.Helper()
	c := &client{Raw: w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}, token), w: w, id: idOf(w.T, token)}
	synctest.Wait()
	return c
}

func (w *world) partner() *client {
	w.T.Helper()
	token, _ := w.PartnerTokens()
	return &client{Raw: w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}, token), w: w}
}

func (w *world) operator(role string) *client {
	w.T.Helper()
	return &client{Raw: w.Operator(pragma.Game, role), w: w}
}

func idOf(t *testing.T, token string) pragma.PlayerID {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Sub pragma.PlayerID `json:"sub"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Sub
}

// try makes a call and returns its payload, or the reason of its refusal.
func (c *client) try(call string, payload m) (m, string) {
	c.w.T.Helper()
	c.Request("InventoryRpc."+call, payload)
	for {
		switch f := c.Read(); {
		case f.Response != nil:
			return f.Response.Payload, ""
		case f.ServiceError != nil:
			return nil, f.ServiceError.Error + f.ServiceError.ExtError
		default:
			c.notes = append(c.notes, m{f.Notification.Type: f.Notification.Payload})
		}
	}
}

// do makes a call that must succeed.
func (c *client) do(call string, payload m) m {
	c.w.T.Helper()
	got, refused := c.try(call, payload)
	if refused != "" {
		c.w.T.Fatalf("%s: %s", call, refused)
	}
	return got
}

// refused makes a call that must be refused.
func (c *client) refused(call string, payload m, want string) {
	c.w.T.Helper()
	if _, got := c.try(call, payload); got != want {
		c.w.T.Errorf("%s %v: refused with %q, want %q", call, payload, got, want)
	}
}

// told returns the notifications that nobody has looked at, by their types.
func (c *client) told() []m {
	synctest.Wait()
	for {
		f, ok := c.Poll(0)
		if !ok {
			break
		}
		c.notes = append(c.notes, m{f.Notification.Type: f.Notification.Payload})
	}
	notes := c.notes
	c.notes = nil
	return notes
}

// update is the one InventoryUpdated that was told.
func (c *client) update() m {
	c.w.T.Helper()
	notes := c.told()
	if len(notes) != 1 || notes[0][updated] == nil {
		c.w.T.Fatalf("told %v, want one %s", notes, updated)
	}
	return notes[0][updated].(m)
}

const (
	updated = "InventoryRpc.InventoryUpdatedV1Notification"
	reset   = "InventoryRpc.ResetClientInventoryCacheVersionV1Notification"
)

// full is what a player sees of his inventory.
func (c *client) full() m {
	c.w.T.Helper()
	return c.do("GetInventoryV2", m{})["full"].(m)
}

// apply makes ApplyInventoryOperationsPartnerV1.
func (c *client) apply(id pragma.PlayerID, operations m) m {
	c.w.T.Helper()
	return c.do("ApplyInventoryOperationsPartnerV1", m{"playerId": id, "dataOperations": operations})
}

// grant gives a player so much of a stack.
func (c *client) grant(id pragma.PlayerID, catalogID string, amount int) m {
	c.w.T.Helper()
	return c.apply(id, m{"stackableItemGrants": list{m{"catalogId": catalogID, "amount": amount}}})
}

// item gives a player an item and returns its id.
func (c *client) item(id pragma.PlayerID, catalogID string) string {
	c.w.T.Helper()
	got := c.apply(id, m{"instancedItemServerGrants": list{m{"catalogId": catalogID, "ext": m{"level": 1}}}})
	for _, part := range []string{"player", "hidden"} {
		for _, i := range got["updates"].(m)[part].(m)["segment"].(m)["instanced"].(list) {
			return i.(m)["instanceId"].(string)
		}
	}
	c.w.T.Fatalf("no %s was granted: %v", catalogID, got)
	return ""
}

// names sums an inventory up: amounts of stacks and numbers of items.
func names(part m) m {
	out := m{}
	for _, s := range part["stackables"].(list) {
		out[s.(m)["catalogId"].(string)] = s.(m)["amount"]
	}
	for _, i := range part["instanced"].(list) {
		id := i.(m)["catalogId"].(string)
		n, _ := out[id].(int)
		out[id] = n + 1
	}
	return out
}

func (w *world) same(what string, got, want any) {
	w.T.Helper()
	if diff := cmp.Diff(got, want, cmpopts.EquateEmpty()); diff != "" {
		w.T.Errorf("%s (-got +want):\n%s", what, diff)
	}
}

func memory(db store.Driver) store.Opener {
	return func(context.Context) (store.Driver, error) { return db, nil }
}
