package webhook

import (
	"fmt"
	"log/slog"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Type says what a [Call] is for.
type Type string

// The types of calls. A fleet answers others, which later versions may have, with
// 400.
const (
	// Start has a game server started.
	Start Type = "start"
	// End says that the server of an allocation is not wanted any more.
	End Type = "end"
)

// Call is what a fleet is told: the body of a request. It prints without the
// tokens.
type Call struct {
	Type Type `json:"type"`
	// AllocationID names the server that is meant. It is the same in every
	// repetition, and the call that ends the allocation has it too.
	AllocationID   pragma.AllocationID   `json:"allocationId"`
	GameInstanceID pragma.GameInstanceID `json:"gameInstanceId"`
	// GameServerVersion and GameServerZone say what is needed; empty: any.
	GameServerVersion string `json:"gameServerVersion,omitempty"`
	GameServerZone    string `json:"gameServerZone,omitempty"`
	// Ext is what the plugin of the game instance gave to AllocateGameServer.
	Ext ext.Value `json:"ext,omitzero"`
	// BackendAddress is where the server reaches the partner gateway, as host:port.
	BackendAddress string `json:"backendAddress,omitempty"`
	// GameToken and SocialToken open the partner gateways for the server. Every
	// repetition has new ones, and all of them are good. A call that ends an
	// allocation has none.
	GameToken   string `json:"gameToken,omitempty"`
	SocialToken string `json:"socialToken,omitempty"`
	// Reason says why an allocation is over, for [End].
	Reason gameinstance.EndReason `json:"reason,omitempty"`
}

// IdempotencyKey returns what the header Idempotency-Key of the call says: the
// allocation id; for [End] with -end and the reason behind it, because a call for
// another reason may follow, such as 5a40…-end-ENDED.
func (c *Call) IdempotencyKey() string {
	key := c.AllocationID.String()
	if c.Type != Start {
		key += "-" + string(c.Type)
	}
	if c.Reason != "" {
		key += "-" + string(c.Reason)
	}
	return key
}

// String says what the call is for, without the tokens.
func (c Call) String() string {
	return fmt.Sprintf("%s allocation %s of game instance %s", c.Type, c.AllocationID, c.GameInstanceID)
}

// GoString is String.
func (c Call) GoString() string { return c.String() }

// LogValue implements [slog.LogValuer], without the tokens.
func (c Call) LogValue() slog.Value {
	return slog.GroupValue(slog.String("type", string(c.Type)), slog.Any("allocationId", c.AllocationID), slog.Any("gameInstanceId", c.GameInstanceID),
		slog.String("reason", string(c.Reason)))
}

// Answer is what a fleet may say in a body of 200 or 202.
type Answer struct {
	// NoServerNeeded says that the game runs without a server.
	NoServerNeeded bool `json:"noServerNeeded,omitzero"`
}
