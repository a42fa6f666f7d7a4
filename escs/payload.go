package escs

import (
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
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

// equal reports whether two starts say the same.
func (s *SetStart) equal(t *SetStart) bool {
	sameTeam := func(a, b Participant) bool { return slices.Equal(a.Players, b.Players) }
	x, y := *s, *t
	x.Participants, y.Participants = nil, nil
	return reflect.DeepEqual(x, y) && slices.EqualFunc(s.Participants, t.Participants, sameTeam)
}

// team returns the number of the team of a player, 0 if he is not in the set. A
// client may have registered the id of the player or that of his account.
func (s *SetStart) team(id pragma.PlayerID, social pragma.SocialID) int64 {
	for i, team := range s.Participants {
		for _, p := range team.Players {
			named, err := pragma.ParseID[pragma.PlayerID](p.IngamePlayerID)
			if err == nil && !named.IsZero() && (named == id || pragma.SocialID(named) == social) {
				return int64(i) + 1
			}
		}
	}
	return 0
}

// playerCount is how many players the set needs.
func (s *SetStart) playerCount() int {
	n := 0
	for _, team := range s.Participants {
		n += len(team.Players)
	}
	return n
}

// withoutNames is what may be told to those who need not know who the players are.
func (s *SetStart) withoutNames() *SetStart {
	c := *s
	c.Participants = make([]Participant, len(s.Participants))
	for i, team := range s.Participants {
		for _, p := range team.Players {
			c.Participants[i].Players = append(c.Participants[i].Players, Player{
				PlayerID: p.PlayerID, IngamePlayerID: p.IngamePlayerID, IngameMetadata: p.IngameMetadata,
			})
		}
	}
	return &c
}

// LogValue implements [slog.LogValuer]: names do not belong into a log.
func (s *SetStart) LogValue() slog.Value {
	return slog.GroupValue(slog.String("set", s.SetID), slog.String("tournament", s.TournamentID), slog.String("match", s.MatchID), slog.String("round", s.RoundID))
}

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
	v := p.Attached(attachment)
	if v.IsEmpty() {
		return nil
	}
	set, err := SetInfo(v)
	if err != nil {
		return nil
	}
	return set
}

// SetOfGame returns the set that a game is played for, of the parties it was made
// with; nil for other games. They are in [gameinstance.BackendCreateByMatchmakingRequest]
// and in [gameinstance.GameInstanceEndedRequest].
func SetOfGame(parties []gameinstance.MatchedParty) *SetStart {
	for _, p := range parties {
		if set, err := SetInfo(p.Ext); err == nil && set != nil {
			return set
		}
	}
	return nil
}
