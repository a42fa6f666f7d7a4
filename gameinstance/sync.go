package gameinstance

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/openpragma/engine/pragma"
)

// PlayerSync says which players' clients get an entry of a [DataStore]. The zero
// value is [Hidden]. Values are comparable.
type PlayerSync struct {
	scope syncScope
	id    [16]byte // of the player or party
	team  int64
}

type syncScope uint8

const (
	syncHidden syncScope = iota
	syncPlayer
	syncParty
	syncTeam
	syncPublic
)

// Hidden keeps an entry on the server.
func Hidden() PlayerSync { return PlayerSync{} }

// Player shows an entry to one player of the instance.
func Player(id pragma.PlayerID) PlayerSync { return PlayerSync{scope: syncPlayer, id: id} }

// Party shows an entry to the players of one party in the instance.
func Party(id pragma.PartyID) PlayerSync { return PlayerSync{scope: syncParty, id: id} }

// Team shows an entry to the players of one team.
func Team(number int64) PlayerSync { return PlayerSync{scope: syncTeam, team: number} }

// Public shows an entry to every player of the instance.
func Public() PlayerSync { return PlayerSync{scope: syncPublic} }

// String returns "hidden", "public", "team:", "party:" or "player:" and whom.
func (s PlayerSync) String() string {
	switch s.scope {
	case syncPlayer:
		return "player:" + pragma.PlayerID(s.id).String()
	case syncParty:
		return "party:" + pragma.PartyID(s.id).String()
	case syncTeam:
		return "team:" + strconv.FormatInt(s.team, 10)
	case syncPublic:
		return "public"
	}
	return "hidden"
}

// MarshalText implements [encoding.TextMarshaler].
func (s PlayerSync) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *PlayerSync) UnmarshalText(text []byte) error {
	name, arg, _ := strings.Cut(string(text), ":")
	var err error
	switch name {
	case "hidden":
		*s = Hidden()
	case "public":
		*s = Public()
	case "team":
		var n int64
		n, err = strconv.ParseInt(arg, 10, 64)
		*s = Team(n)
	case "party":
		var id pragma.PartyID
		id, err = pragma.ParseID[pragma.PartyID](arg)
		*s = Party(id)
	case "player":
		var id pragma.PlayerID
		id, err = pragma.ParseID[pragma.PlayerID](arg)
		*s = Player(id)
	default:
		err = fmt.Errorf("unknown visibility %q", name)
	}
	return err
}
