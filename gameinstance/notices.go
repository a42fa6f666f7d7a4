package gameinstance

import (
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// notices are the notifications of the service (wire §8, §16.3).
type notices struct {
	added        pragma.Notice[wire.GameInstanceAddedToGameV1Notification]
	updated      pragma.Notice[wire.GameInstanceUpdatedV1Notification]
	host         pragma.Notice[wire.GameInstanceHostConnectionDetailsV1Notification]
	reconnect    pragma.Notice[wire.GameInstanceReconnectV1Notification]
	removed      pragma.Notice[wire.GameInstanceRemovedFromGameV1Notification]
	ended        pragma.Notice[wire.GameInstanceGameEndedV1Notification]
	terminated   pragma.Notice[wire.GameInstanceTerminationV1Notification]
	startFailure pragma.Notice[wire.Empty]

	addPlayers pragma.Notice[wire.GameInstanceAddPlayersV1Notification]
	declined   pragma.Notice[wire.GameInstancePlayerDeclinedReconnectV1Notification]
	over       pragma.Notice[wire.GameInstanceOverPartnerV1Notification]

	enteredMatchmaking pragma.Notice[wire.GameInstanceEnteredMatchmakingV1Notification]
	leftMatchmaking    pragma.Notice[wire.GameInstanceLeftMatchmakingV1Notification]
}

func newNotices(m *pragma.Mount) notices {
	return notices{
		added:        pragma.PlayerNotice[wire.GameInstanceAddedToGameV1Notification](m, "AddedToGameV1Notification"),
		updated:      pragma.PlayerNotice[wire.GameInstanceUpdatedV1Notification](m, "GameInstanceUpdatedV1Notification"),
		host:         pragma.PlayerNotice[wire.GameInstanceHostConnectionDetailsV1Notification](m, "HostConnectionDetailsV1Notification"),
		reconnect:    pragma.PlayerNotice[wire.GameInstanceReconnectV1Notification](m, "GameInstanceReconnectV1Notification"),
		removed:      pragma.PlayerNotice[wire.GameInstanceRemovedFromGameV1Notification](m, "RemovedFromGameV1Notification"),
		ended:        pragma.PlayerNotice[wire.GameInstanceGameEndedV1Notification](m, "GameEndedV1Notification"),
		terminated:   pragma.PlayerNotice[wire.GameInstanceTerminationV1Notification](m, "GameInstanceTerminationV1Notification"),
		startFailure: pragma.PlayerNotice[wire.Empty](m, "GameInstanceStartFailureV1Notification"),

		addPlayers: pragma.PartnerNotice[wire.GameInstanceAddPlayersV1Notification](m, "AddPlayersV1Notification"),
		declined:   pragma.PartnerNotice[wire.GameInstancePlayerDeclinedReconnectV1Notification](m, "PlayerDeclinedReconnectV1Notification"),
		over:       pragma.PartnerNotice[wire.GameInstanceOverPartnerV1Notification](m, "GameInstanceOverPartnerV1Notification"),

		enteredMatchmaking: pragma.PartnerNotice[wire.GameInstanceEnteredMatchmakingV1Notification](m, "GameInstanceEnteredMatchmakingV1Notification"),
		leftMatchmaking:    pragma.PartnerNotice[wire.GameInstanceLeftMatchmakingV1Notification](m, "GameInstanceLeftMatchmakingV1Notification"),
	}
}
