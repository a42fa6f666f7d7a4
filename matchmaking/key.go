package matchmaking

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/ext"
)

// QueueKey says which queue a party waits in (engine §4.1). Keys are compared by
// content: the order of members and the spelling of texts in Ext do not matter.
type QueueKey struct {
	// Ext is the ExtMatchmakingKey that the party plugin built.
	Ext ext.Value
	// GameServerVersion is the party's; empty if versions are not in use.
	GameServerVersion string
}

// Digest returns 64 hexadecimal digits that are the same for equal keys only.
func (k QueueKey) Digest() string {
	id := k.id()
	return hex.EncodeToString(id[:])
}

// queueID stands for the content of a key.
type queueID [sha256.Size]byte

func (k QueueKey) id() queueID {
	text := jsontext.Value(k.Ext.Bytes())
	// Integers stay as they are: as floating point numbers, large ones that
	// differ would become the same. It cannot fail on the text of a Value.
	_ = text.Canonicalize(jsontext.CanonicalizeRawInts(false))
	text = append(append(text, 0), k.GameServerVersion...) // JSON text has no NUL
	return sha256.Sum256(text)
}
