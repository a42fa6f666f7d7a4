// Command lobby shows a party plugin: leaders choose a mode, players choose
// characters that they own, and of what the server knows some is for the whole
// party, some for one player and some for nobody. It starts a backend, has two
// players use it, and ends.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// config has items with the tag "character" copied into the party.
const config = `
game:
  serviceConfigs:
    PartyConfig:
      inventoryTagsToInclude: {"1": character}
`

// backend is the server and what the studio's own code does with it.
type backend struct {
	*pragma.Server
	items *inventory.Service
	games *gameinstance.Service
}

// newBackend takes YAML files that are laid over config, such as one that names a
// database.
func newBackend(files ...string) (*backend, error) {
	texts := []string{config}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	cfg, err := pragma.ParseConfig(texts...)
	if err != nil {
		return nil, err
	}
	accounts := &account.Service{}
	items := &inventory.Service{Catalog: inventory.Catalog{Instanced: []inventory.InstancedSpec{
		{CatalogID: "knight", Tags: []string{"character"}},
		{CatalogID: "archer", Tags: []string{"character"}},
		{CatalogID: "hat"},
	}}}
	parties := &party.Service{
		Plugin:   &lobby{rating: func(id pragma.PlayerID) int { return 1000 + int(id[0]) }},
		Accounts: accounts, Inventory: items,
	}
	games := &gameinstance.Service{Parties: parties}
	return &backend{
		Server: &pragma.Server{
			Config:    cfg,
			Databases: []store.Product{sqlite.Product(), mysql.Product(), postgres.Product()},
			Social:    []pragma.Service{accounts},
			Game: []pragma.Service{items, parties, games, &matchmaking.Service{
				Plugin:  &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 2},
				Parties: parties, Games: games,
			}},
		},
		items: items, games: games,
	}, nil
}

// grant gives a player things.
func (b *backend) grant(ctx context.Context, id pragma.PlayerID, things ...string) error {
	o := &inventory.Operations{}
	for _, thing := range things {
		o.InstancedGrants = append(o.InstancedGrants, inventory.InstancedGrant{CatalogID: thing})
	}
	_, err := b.items.Apply(ctx, id, o)
	return err
}

func main() {
	if err := demo(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lobby:", err)
		os.Exit(1)
	}
}

// demo runs the backend on free ports for as long as the players stay.
func demo(ctx context.Context, files []string, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	b, err := newBackend(files...)
	if err != nil {
		return err
	}
	b.Logger = slog.New(slog.DiscardHandler)
	b.Listen = func(context.Context, pragma.Gateway, string) (net.Listener, error) {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	played := make(chan error, 1)
	b.Ready = func(a pragma.Addresses) {
		go func() {
			played <- play(ctx, b, a, out)
			stop()
		}()
	}
	if err := b.Run(ctx); err != nil {
		return err
	}
	return <-played
}

// play is an evening of two players.
func play(ctx context.Context, b *backend, a pragma.Addresses, out io.Writer) error {
	opts := client.Options{
		Social: a[pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}],
		Game:   a[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}],
	}
	robin, err := client.LogIn(ctx, opts, client.Unsafe("robin", "robin"))
	if err != nil {
		return err
	}
	defer robin.Close()
	marian, err := client.LogIn(ctx, opts, client.Unsafe("marian", "marian"))
	if err != nil {
		return err
	}
	defer marian.Close()
	if err := errors.Join(b.grant(ctx, robin.ID(), "archer", "hat"), b.grant(ctx, marian.ID(), "archer", "knight")); err != nil {
		return err
	}
	if err := gather(ctx, robin, marian, out); err != nil {
		return err
	}
	return choose(ctx, robin, marian, out)
}

// gather has marian come into robin's party by an invite.
func gather(ctx context.Context, robin, marian *client.Player, out io.Writer) error {
	_, err := robin.Party.Create(ctx, client.CreateParty{Ext: ext.Of(CreateRequest{Mode: "chess"})})
	fmt.Fprintln(out, "robin wants chess:", reason(err))
	if _, err = robin.Party.Create(ctx, client.CreateParty{Ext: ext.Of(CreateRequest{Mode: "siege"})}); err != nil {
		return err
	}
	if _, err = robin.Party.SendInvite(ctx, marian.ID()); err != nil {
		return err
	}
	invited, err := marian.Wait(ctx, func(s client.State) bool { return len(s.Invites) > 0 })
	if err != nil {
		return err
	}
	together, err := marian.Party.AcceptInvite(ctx, invited.Invites[0].ID, ext.Value{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "marian accepts the invite: %d players, %s\n", len(together.Members), together.Ext)
	_, err = marian.Party.Update(ctx, ext.Of(ChooseMode{Mode: "duel"}))
	fmt.Fprintln(out, "marian wants a duel:", reason(err))
	together, err = robin.Party.Update(ctx, ext.Of(ChooseMode{Mode: "duel"}))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "robin wants a duel: %s\n", together.Ext)
	return nil
}

// choose has both choose characters and wait for a game.
func choose(ctx context.Context, robin, marian *client.Player, out io.Writer) error {
	for _, character := range []string{"knight", "hat", "archer"} {
		_, err := robin.Party.UpdatePlayer(ctx, ext.Of(Choose{Character: character, Perk: "steady hand"}))
		fmt.Fprintf(out, "robin chooses the %s: %s\n", character, reason(err))
	}
	_, err := marian.Party.UpdatePlayer(ctx, ext.Of(Choose{Character: "archer"}))
	fmt.Fprintln(out, "marian chooses the archer:", reason(err))
	unready, err := marian.Party.SetReady(ctx, true)
	if err != nil {
		return err
	}
	me, _ := unready.Member(marian.ID())
	fmt.Fprintln(out, "marian is ready without a character:", me.Ready)
	seen, err := marian.Party.UpdatePlayer(ctx, ext.Of(Choose{Character: "knight", Perk: "iron will"}))
	if err != nil {
		return err
	}
	for _, m := range seen.Members {
		fmt.Fprintf(out, "marian sees of %s: %s\n", m.DisplayName.DisplayName, m.Ext)
	}
	fmt.Fprintf(out, "marian sees of herself alone: %s\n", seen.PrivateExt)
	for _, p := range []*client.Player{robin, marian} {
		if _, err := p.Party.SetReady(ctx, true); err != nil {
			return err
		}
	}
	waiting, err := robin.Party.EnterMatchmaking(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "the party waits for a game:", waiting.InMatchmaking)
	return nil
}

// reason is how a client tells refusals apart.
func reason(err error) string {
	if err == nil {
		return "done"
	}
	if refused, ok := errors.AsType[*pragma.Error](err); ok {
		return refused.Reason
	}
	return err.Error()
}
