package slot_test

import (
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/slot"
)

// A slot follows a player from the party through the queue into a game.
func ExamplePlayer() {
	p := slot.Player{
		PartyID:  pragma.NewID[pragma.PartyID](),
		TicketID: pragma.NewID[pragma.TicketID](),
	}
	game := pragma.NewID[pragma.GameInstanceID]()
	p.JoinGame(game, true)
	fmt.Println("in a game:", p.InGame(), "still queued:", !p.TicketID.IsZero())
	p.LeaveGame(game)
	fmt.Println("in a game:", p.InGame(), "still in the party:", !p.PartyID.IsZero())
	// Output:
	// in a game: true still queued: false
	// in a game: false still in the party: true
}
