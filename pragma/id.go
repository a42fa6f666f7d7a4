package pragma

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/openpragma/engine/internal/wire"
)

// ID names one thing of kind K: 128 bits, a UUID in text. Kinds keep a party id
// from being passed where a player id is meant; they cost nothing at run time.
// The zero value names nothing. An ID is comparable and may be a map key.
//
// As text, and so in JSON, an ID is lower case with hyphens; upper case and
// text without hyphens are read too, and empty text reads as the zero ID
// (wire §5). Mark fields that may be unset with omitzero.
type ID[K any] [16]byte

// Kinds of ids. They carry no data.
type (
	playerKind       struct{}
	socialKind       struct{}
	sessionKind      struct{}
	partnerKind      struct{}
	partyKind        struct{}
	inviteKind       struct{}
	ticketKind       struct{}
	gameInstanceKind struct{}
	gameShardKind    struct{}
	allocationKind   struct{}
)

// The ids shared by services (engine §0.4).
type (
	// PlayerID names a player on one game shard.
	PlayerID = ID[playerKind]
	// SocialID names one human of a studio, on every shard.
	SocialID = ID[socialKind]
	// SessionID names one log-in. It is ordered by time: a later log-in has a
	// greater id.
	SessionID = ID[sessionKind]
	// PartnerID names a pair of partner tokens, such as those of one game server.
	PartnerID = ID[partnerKind]
	// PartyID names a party.
	PartyID = ID[partyKind]
	// InviteID names an invite to a party.
	InviteID = ID[inviteKind]
	// TicketID names one stay of a party or a game instance in matchmaking.
	TicketID = ID[ticketKind]
	// GameInstanceID names a running game.
	GameInstanceID = ID[gameInstanceKind]
	// GameShardID names a game shard.
	GameShardID = ID[gameShardKind]
	// AllocationID names one request for a game server; it is the same in every retry.
	AllocationID = ID[allocationKind]
)

// NewID returns a random id, such as NewID[PartyID]().
func NewID[I ~[16]byte]() I { return I(uuid.New()) }

// NewOrderedID returns an id that is greater than every ordered id this process
// made before, and than those other processes made in earlier milliseconds.
func NewOrderedID[I ~[16]byte]() I {
	id, err := uuid.NewV7()
	if err != nil { // only if the system has no randomness, where New would panic too
		return NewID[I]()
	}
	return I(id)
}

// NewOrderedIDAfter is [NewOrderedID] for a sequence that is kept somewhere: the
// id is greater than last too, even if that is from a process whose clock was
// ahead. A zero last is no bound.
func NewOrderedIDAfter[I ~[16]byte](last I) I {
	id := NewOrderedID[I]()
	if ID[struct{}](last).Compare(ID[struct{}](id)) < 0 {
		return id
	}
	// The next millisecond of last; what follows the time is new.
	for i := 5; i >= 0; i-- {
		id[i] = last[i] + 1
		if id[i] != 0 {
			copy(id[:i], last[:i])
			break
		}
	}
	return id
}

// ParseID reads an id from text, such as ParseID[PartyID](text). The error does
// not repeat the text.
func ParseID[I ~[16]byte](text string) (I, error) {
	var id ID[struct{}]
	err := id.UnmarshalText([]byte(text))
	return I(id), err
}

// IsZero reports whether the ID names nothing.
func (id ID[K]) IsZero() bool { return id == ID[K]{} }

// Compare orders ids by their bytes: -1, 0 or +1. Session ids so order by time.
func (id ID[K]) Compare(other ID[K]) int {
	for i := range id {
		if id[i] != other[i] {
			if id[i] < other[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// String returns the ID as 36 characters, lower case with hyphens.
func (id ID[K]) String() string { return wire.UUID(id).String() }

// MarshalText implements [encoding.TextMarshaler].
func (id ID[K]) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// AppendText implements [encoding.TextAppender].
func (id ID[K]) AppendText(dst []byte) ([]byte, error) { return wire.UUID(id).AppendText(dst) }

var errBadID = errors.New("want a UUID such as 5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301")

// UnmarshalText implements [encoding.TextUnmarshaler]; see [ID] for what it reads.
func (id *ID[K]) UnmarshalText(text []byte) error {
	switch len(text) {
	case 0:
		*id = ID[K]{}
		return nil
	case 32:
		if _, err := hex.Decode(id[:], text); err != nil {
			return errBadID
		}
		return nil
	case 36:
		parsed, err := uuid.ParseBytes(text)
		if err != nil {
			return errBadID
		}
		*id = ID[K](parsed)
		return nil
	}
	return fmt.Errorf("%w, got %d bytes", errBadID, len(text))
}
