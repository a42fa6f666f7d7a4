package escs

import (
	"time"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma/ext"
)

// SetStart is what the platform says of a set when it starts: who plays whom,
// until when (escs §6, SetStartPayload).
type SetStart struct {
	SetID        string `json:"setId"`
	TournamentID string `json:"tournamentId"`
	MatchID      string `json:"matchId"`
	// SetEndTimeUnix is when the platform ends the set by force, in seconds since
	// 1970. Results have to be there by then.
	SetEndTimeUnix int64 `json:"setEndTimeUnix,string"`
	// Participants are the teams; that of index i is team i+1.
	Participants []Participant `json:"participants"`
	RoundID      string        `json:"roundId"` // the record of the set's results
	// GlobalMetadata is text of the studio that the tournament was given.
	GlobalMetadata string `json:"globalMetadata"`
}

// Participant is one team of a set.
type Participant struct {
	Players []Player `json:"players"`
}

// Player is a player of a set. His names are personal data: they stay on the
// server, and prove nothing (escs §12).
type Player struct {
	PlayerID       string `json:"playerId"`       // at the platform
	IngamePlayerID string `json:"ingamePlayerId"` // what his client registered as his id here
	Username       string `json:"username"`
	FirstName      string `json:"firstName"`
	LastName       string `json:"lastName"`
	IngameMetadata string `json:"ingameMetadata"`
	Avatar         string `json:"avatar"` // address of a picture
}

// EndTime returns when the set ends.
func (s *SetStart) EndTime() time.Time { return time.Unix(s.SetEndTimeUnix, 0).UTC() }

// ExtMatchmakingParty is the part of the message of that name that belongs to this
// package (escs §6, field 10001). A studio's own message has the same field.
type ExtMatchmakingParty struct {
	EscsMatchmakingInfo *SetStart `json:"escsMatchmakingInfo,omitzero"`
}

// SetInfo returns the set that an ExtMatchmakingParty tells of, such as that of a
// party in matchmaking or in a game; nil if it tells of none. An error means that
// the message does not fit.
func SetInfo(partyExt ext.Value) (*SetStart, error) {
	m, err := ext.As[ExtMatchmakingParty](partyExt)
	if err != nil {
		return nil, err
	}
	return m.EscsMatchmakingInfo, nil
}

// attachment is the name under which a party carries its set.
const attachment = "escs"

// SetOfParty returns the set that a party was made for, for hooks of a party
// plugin; nil for other parties.
func SetOfParty(p *party.Party) *SetStart {
	set, err := SetInfo(p.Attached(attachment))
	if err != nil {
		return nil
	}
	return set
}
