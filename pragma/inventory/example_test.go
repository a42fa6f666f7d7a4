package inventory_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/logindata"
)

// smith is a plugin: new swords begin sharp.
type smith struct {
	inventory.InstancedItemDefaults
}

// Edge is the studio's data of a sword.
type Edge struct {
	Sharpness int `json:"sharpness"`
}

func (smith) NewInstanced(_ context.Context, r *inventory.NewInstancedRequest) (ext.Value, error) {
	if r.CatalogID == "sword" {
		return ext.Of(Edge{Sharpness: 10}), nil
	}
	return r.RequestExt, nil
}

// A server with an inventory that players, parties and login data share. After a
// game the studio's code grants what was won, once, however often it is asked to.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	accounts := &account.Service{}
	items := &inventory.Service{
		Catalog: inventory.Catalog{
			Stackables: []inventory.StackableSpec{{CatalogID: "gold", Limit: 1000}},
			Instanced:  []inventory.InstancedSpec{{CatalogID: "sword", Tags: []string{"weapon"}}},
		},
		Instanced: smith{},
	}
	srv := &pragma.Server{
		Social: []pragma.Service{accounts},
		Game: []pragma.Service{
			items,
			&logindata.Service{Inventory: items},
			&party.Service{Accounts: accounts, Inventory: items},
		},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
		Ready: func(pragma.Addresses) {
			defer stop()
			winner := pragma.PlayerID{7}
			for range 2 {
				u, err := items.Apply(ctx, winner, &inventory.Operations{
					StackableGrants: []inventory.StackableGrant{{CatalogID: "gold", Amount: 50}},
					InstancedGrants: []inventory.InstancedGrant{{CatalogID: "sword"}},
					IdempotencyKey:  "game 12/win",
				})
				if err != nil {
					fmt.Println(err)
					return
				}
				fmt.Println("repeated:", u.Repeated)
			}
			_, err := items.Apply(ctx, winner, &inventory.Operations{
				StackableUpdates: []inventory.StackableUpdate{{CatalogID: "gold", AmountChanged: -80}},
			})
			fmt.Println(err)
			c, err := items.Read(ctx, winner)
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(c.Player.Stackables[0].Amount, c.Player.Instanced[0].Ext, c.Player.Version)
		},
	}
	if err := srv.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// repeated: false
	// repeated: true
	// change inventory of 07000000-0000-0000-0000-000000000000: InventoryService_InsufficientCurrencyError: there is not enough in the stack
	// 50 {"sharpness":10} 1
}
