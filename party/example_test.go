package party_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Settings is what a party plays, chosen by its leader.
type Settings struct {
	Map string `json:"map"`
}

// lobby lets leaders choose a map, which everybody sees, and makes players get
// ready again when it changes.
type lobby struct{ party.Defaults }

func (lobby) UpdateParty(_ context.Context, r *party.UpdatePartyRequest) error {
	if !r.RequestingPlayer.IsLeader() {
		return party.ErrPlayerNotLeader
	}
	settings, err := ext.As[Settings](r.RequestExt)
	if err != nil {
		return err
	}
	r.Party.SetExt(ext.Of(settings))
	for _, p := range r.Party.Players() {
		p.SetReady(false)
	}
	return nil
}

func (lobby) BuildExtBroadcastParty(_ context.Context, r *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	return r.Party.Ext(), nil
}

// A plugin embeds Defaults and writes the hooks that matter. It needs no server
// to be tested.
func Example() {
	leader := party.NewPlayer(party.PlayerInfo{PlayerID: pragma.NewID[pragma.PlayerID](), Leader: true, Ready: true})
	guest := party.NewPlayer(party.PlayerInfo{PlayerID: pragma.NewID[pragma.PlayerID](), Ready: true})
	p := party.NewParty(pragma.NewID[pragma.PartyID](), leader, guest)
	request := ext.Of(Settings{Map: "harbor"})

	err := lobby{}.UpdateParty(context.Background(), &party.UpdatePartyRequest{RequestingPlayer: guest, RequestExt: request, Party: p})
	fmt.Println("guest:", errors.Is(err, party.ErrPlayerNotLeader))

	err = lobby{}.UpdateParty(context.Background(), &party.UpdatePartyRequest{RequestingPlayer: leader, RequestExt: request, Party: p})
	fmt.Println("leader:", err, p.Ext(), guest.IsReady())
	// Output:
	// guest: true
	// leader: <nil> {"map":"harbor"} false
}

// A party service is put into the list of a server's Game side.
func ExampleService() {
	srv := &pragma.Server{
		Game: []pragma.Service{&party.Service{Plugin: lobby{}}},
	}
	fmt.Println(srv.Game[0].Name())
	// Output: PartyRpc
}

// guilds is a studio's service that brings guild mates together.
type guilds struct{ Parties party.API }

func (g *guilds) Gather(ctx context.Context, id pragma.PartyID, mates []pragma.PlayerID) (missing int) {
	for _, mate := range mates {
		if err := g.Parties.AddPlayer(ctx, id, party.PlayerToAdd{PlayerID: mate}); err != nil {
			missing++
		}
	}
	return missing
}

// onePlace stands in for parties in a test of guilds: the first one gets in.
type onePlace struct {
	party.API
	taken bool
}

func (o *onePlace) AddPlayer(context.Context, pragma.PartyID, party.PlayerToAdd) error {
	if o.taken {
		return party.ErrFull
	}
	o.taken = true
	return nil
}

// In main, Parties is the *party.Service of the server.
func ExampleAPI() {
	g := &guilds{Parties: &onePlace{}}
	mates := []pragma.PlayerID{pragma.NewID[pragma.PlayerID](), pragma.NewID[pragma.PlayerID]()}
	fmt.Println("missing:", g.Gather(context.Background(), pragma.NewID[pragma.PartyID](), mates))
	// Output: missing: 1
}

// The documented rule for versions: the greatest key that fits everybody.
func ExampleBestVersion() {
	supported := map[string]party.ServerVersion{
		"1": {ServerVersion: "spring", ClientVersions: map[string]string{"1": "1.0", "2": "1.1"}},
		"2": {ServerVersion: "summer", ClientVersions: map[string]string{"1": "1.1", "2": "2.0"}},
	}
	fmt.Println(party.BestVersion(supported, []string{"1.1"}))
	fmt.Println(party.BestVersion(supported, []string{"1.1", "1.0"}))
	fmt.Println(party.BestVersion(supported, []string{"1.0", "2.0"}))
	// Output:
	// summer true
	// spring true
	//  false
}

// A party keeps a version as long as the map has it for all its clients, though
// there may be a better one.
func ExampleAllowsVersion() {
	versions := map[string]party.ServerVersion{
		"1": {ServerVersion: "server-1.0", ClientVersions: map[string]string{"1": "1.0.0", "2": "1.0.1"}},
		"2": {ServerVersion: "server-1.1", ClientVersions: map[string]string{"1": "1.0.1"}},
	}
	best, _ := party.BestVersion(versions, []string{"1.0.1"})
	fmt.Println(best, party.AllowsVersion(versions, "server-1.0", []string{"1.0.1"}))
	delete(versions, "1")
	fmt.Println(party.AllowsVersion(versions, "server-1.0", []string{"1.0.1"}))
	// Output:
	// server-1.1 true
	// false
}
