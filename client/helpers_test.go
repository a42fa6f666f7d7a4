package client_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// party is a party with one member on the wire.
func party(id string, version int) string {
	return fmt.Sprintf(`{"extBroadcastParty":{"mode":"duel"},"extPrivatePlayer":{},"partyId":%q,"inviteCode":"ABC123","version":"%d",
		"partyMembers":[{"ext":{},"playerId":%q,"displayName":{"displayName":"Robin","discriminator":"0042"},"isReady":true,"isLeader":true,"socialId":%q}],
		"preferredGameServerZones":["eu"],"invites":[],"inMatchmaking":false,"gameServerVersion":""}`, id, version, robin, social)
}

// game is a game with one player and one entry, whose value is the version.
func game(id string, version int) string {
	return fmt.Sprintf(`{"gameInstanceId":%q,"version":"%d","state":"RUNNING","gameServerVersion":"","gameServerZone":"eu","isInMatchmaking":false,
		"players":[{"playerId":%q,"socialId":%q,"displayName":{"displayName":"Robin","discriminator":"0042"},"teamNumber":"1"}],
		"data":[{"scope":"INSTANCE","key":"round","data":{"n":%d}}]}`, id, version, robin, social, version)
}

// updated is a GameInstanceUpdatedV1Notification that sets the entry of game.
func updated(id string, previous, version int) string {
	return fmt.Sprintf(`{"gameInstanceId":%q,"previousVersion":"%d","version":"%d",
		"changed":[{"scope":"INSTANCE","key":"round","data":{"n":%d}}],"removed":[],"playersAdded":[],"playersRemoved":[],
		"hostConnectionDetailsPresent":false}`, id, previous, version, version)
}

// attributes is a SessionChangedV1Notification.
func attributes(version int, set, removed string) string {
	return fmt.Sprintf(`{"newVersion":%d,"attributesSet":{%s},"attributesRemoved":[%s]}`, version, set, removed)
}

const (
	sessionChanged = "PlayerSessionRpc.SessionChangedV1Notification"
	partyDetails   = "PartyRpc.PartyDetailsV1Notification"
	gameUpdated    = "GameInstanceRpc.GameInstanceUpdatedV1Notification"
	addedToGame    = "GameInstanceRpc.AddedToGameV1Notification"
)

type (
	httpWriter  = http.ResponseWriter
	httpRequest = http.Request
)

func extOf(v any) ext.Value {
	if v == nil {
		return ext.Value{}
	}
	return ext.Of(v)
}

// id reads an id of any kind.
func id[T any, P interface {
	*T
	UnmarshalText([]byte) error
}](t testing.TB, text string) T {
	t.Helper()
	var out T
	if err := P(&out).UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return out
}

func mustID(text string) pragma.GameInstanceID {
	var out pragma.GameInstanceID
	if err := out.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return out
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
