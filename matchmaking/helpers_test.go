package matchmaking_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newParty returns a party of size players that entered n seconds after start.
func newParty(n, size int) *matchmaking.Party {
	p := &matchmaking.Party{
		ID: pragma.PartyID{1: byte(n >> 8), 2: byte(n)}, TicketID: pragma.TicketID{1: byte(n >> 8), 2: byte(n)},
		EnteredAt: start.Add(time.Duration(n) * time.Second),
	}
	for i := range size {
		p.Players = append(p.Players, &matchmaking.Player{ID: pragma.PlayerID{0: byte(i), 1: byte(n >> 8), 2: byte(n)}, PartyID: p.ID})
	}
	return p
}

// solos returns parties of one player, numbered from first.
func solos(first, count int) []*matchmaking.Party {
	parties := make([]*matchmaking.Party, count)
	for i := range parties {
		parties[i] = newParty(first+i, 1)
	}
	return parties
}

func number(p *matchmaking.Party) int { return int(p.ID[1])<<8 | int(p.ID[2]) }

// names writes parties as "1,2" and matchables as "1,2 3".
func names(parties []*matchmaking.Party) string {
	texts := make([]string, len(parties))
	for i, p := range parties {
		texts[i] = fmt.Sprint(number(p))
	}
	return strings.Join(texts, ",")
}

func waiting(p *matchmaking.Pool) string {
	var texts []string
	for _, parties := range p.Waiting() {
		texts = append(texts, names(parties))
	}
	return strings.Join(texts, " ")
}

func started(games []matchmaking.Started) string {
	var texts []string
	for _, g := range games {
		texts = append(texts, names(g.Parties))
	}
	return strings.Join(texts, " ")
}
