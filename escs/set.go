package escs

import (
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// State is where a set is (escs §9).
type State string

// The states of a set.
//
//	RECEIVED → QUEUEING → COMPLETE → MATCHMAKING → IN_MATCH → ENDED → RESULTS_SENT
//
// A member who leaves takes it back to QUEUEING, matchmaking that fails to
// COMPLETE, and so does a game that could not start.
const (
	Received      State = "RECEIVED"
	Queueing      State = "QUEUEING"
	Complete      State = "COMPLETE"
	Matchmaking   State = "MATCHMAKING"
	InMatch       State = "IN_MATCH"
	Ended         State = "ENDED"
	ResultsSent   State = "RESULTS_SENT"
	Expired       State = "EXPIRED"        // its time was over before there was a game
	Unplayable    State = "UNPLAYABLE"     // somebody in it is unknown here
	ResultsFailed State = "RESULTS_FAILED" // see the reason
)

// open reports whether players may still queue, as far as the state says.
func (s State) open() bool {
	return s == Received || s == Queueing || s == Complete || s == Matchmaking
}

// played reports whether there is or was a game.
func (s State) played() bool {
	return s == InMatch || s == Ended || s == ResultsSent || s == ResultsFailed
}

// PlayerState is where a player of a set is (escs §9).
type PlayerState string

// The states of a player.
const (
	PlayerExpected PlayerState = "EXPECTED"
	PlayerQueued   PlayerState = "QUEUED"
	PlayerInMatch  PlayerState = "IN_MATCH"
	PlayerDone     PlayerState = "DONE"
)

// Why a set is RESULTS_FAILED.
const (
	reasonNoResult  = "NO_RESULT"  // the end of the game never came (escs F19)
	reasonNoMetrics = "NO_METRICS" // the results say nothing (escs F26)
)

// set is the record of a set, by its id.
type set struct {
	ID        string    `json:"setId"`
	Start     SetStart  `json:"start"`
	Raw       ext.Value `json:"raw,omitzero"` // as it came, for operators and what we do not know
	EndTime   time.Time `json:"endTime"`
	State     State     `json:"state"`
	Reason    string    `json:"reason,omitzero"` // of RESULTS_FAILED
	ChangedAt time.Time `json:"changedAt"`       // when State last changed

	// PartyID, LeaderID and GameInstanceID are zero while there is none.
	PartyID        pragma.PartyID        `json:"partyId,omitzero"`
	LeaderID       pragma.PlayerID       `json:"leaderId,omitzero"`
	GameInstanceID pragma.GameInstanceID `json:"gameInstanceId,omitzero"`
	// StartFailed says that the last game never began. Then nobody but the leader
	// takes the party into matchmaking again.
	StartFailed bool `json:"startFailed,omitzero"`

	// SweptAt is when the set was last looked at because a time was over, and
	// WaitUntil until when results that are on their way have more of it.
	SweptAt   time.Time `json:"sweptAt,omitzero"`
	WaitUntil time.Time `json:"waitUntil,omitzero"`

	ReceivedAt time.Time   `json:"receivedAt"`
	StartCount int         `json:"startCount"` // how often the start came
	Players    []setPlayer `json:"players"`    // in the order of the participants
}

// setPlayer is a player of a set.
type setPlayer struct {
	PlayerID       pragma.PlayerID `json:"playerId,omitzero"` // zero: unknown here
	IngamePlayerID string          `json:"ingamePlayerId"`    // as the start names him
	EscsPlayerID   string          `json:"escsPlayerId"`
	Team           int64           `json:"team"`
	State          PlayerState     `json:"state"`
	QueuedAt       time.Time       `json:"queuedAt,omitzero"`
	entity.Unknown
}

// find returns a player of the set, or nil.
func (st *set) find(id pragma.PlayerID) *setPlayer {
	i := slices.IndexFunc(st.Players, func(p setPlayer) bool { return p.PlayerID == id })
	if i < 0 || id.IsZero() {
		return nil
	}
	return &st.Players[i]
}

// queued returns how many players have come.
func (st *set) queued() int {
	n := 0
	for i := range st.Players {
		if st.Players[i].State != PlayerExpected {
			n++
		}
	}
	return n
}

// move brings the set into a state.
func (st *set) move(to State, now time.Time) {
	if st.State != to {
		st.State, st.ChangedAt, st.Reason = to, now, ""
	}
}

// playerSets is the record of a player who is in sets, by his player id. It stays
// when it is empty.
type playerSets struct {
	Sets []playerSet `json:"sets"` // the newest last
}

// playerSet is one of them.
type playerSet struct {
	SetID      string    `json:"setId"`
	EndTime    time.Time `json:"endTime"`
	ReceivedAt time.Time `json:"receivedAt"`
	entity.Unknown
}

// gameSet is the record of a game that was made for a set, by the id of the game.
type gameSet struct {
	SetID string `json:"setId"`
}

// resultState is what became of the results of a set.
type resultState = State
