package client

import (
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// notified takes a notification to the player. What is not known here goes to
// the studio's handlers.
func (p *Player) notified(c *Conn, f *wire.Frame) error {
	if c == p.game {
		known, err := p.gameNotified(f)
		if known {
			return err
		}
	}
	if f.Type == "PlayerSessionRpc.SessionChangedV1Notification" {
		return nil // the social session has no attributes of interest
	}
	p.hub.publish(Notification{Backend: c.backend, Type: f.Type, payload: f.Payload})
	return nil
}

func (p *Player) gameNotified(f *wire.Frame) (known bool, err error) {
	switch f.Type {
	case "PlayerSessionRpc.SessionChangedV1Notification":
		var n wire.PlayerSessionChangedV1Notification
		if err = f.Decode(&n); err == nil {
			p.apply(func(c *cache) { err = c.sessionChanged(&n) })
		}
		return true, err
	case "MatchmakingRpc.MatchmakingFailureV1Notification":
		return true, takeEvent(p, f, func(n *wire.MatchmakingFailureV1Notification) Event {
			return MatchmakingFailed{Reason: n.Reason.String()}
		})
	}
	if known, err = p.partyNotified(f); known {
		return known, err
	}
	if known, err = p.tournamentNotified(f); known {
		return known, err
	}
	return p.gameInstanceNotified(f)
}

func (p *Player) partyNotified(f *wire.Frame) (known bool, err error) {
	switch f.Type {
	case "PartyRpc.PartyDetailsV1Notification":
		return true, applied(p, f, func(c *cache, n *wire.PartyDetailsV1Notification) { c.partyDetails(n.Party) })
	case "PartyRpc.RemovedV1Notification":
		return true, applied(p, f, (*cache).removed)
	case "PartyRpc.InviteReceivedV1Notification":
		return true, applied(p, f, (*cache).invited)
	case "PartyRpc.InviteCanceledV1Notification":
		return true, applied(p, f, (*cache).inviteCanceled)
	case "PartyRpc.InviteResponseV1Notification":
		return true, takeEvent(p, f, func(n *wire.PartyInviteResponseV1Notification) Event {
			return InviteAnswered{InviteID: pragma.InviteID(n.InviteID), Accepted: n.Accepted}
		})
	case "PartyRpc.PartyClientVersionMismatchV1Notification":
		return true, takeEvent(p, f, func(*wire.Empty) Event { return ClientVersionMismatch{} })
	case "PartyRpc.GameClientNotSupportedV1Notification":
		return true, takeEvent(p, f, func(*wire.Empty) Event { return ClientNotSupported{} })
	}
	return false, nil
}

func (p *Player) gameInstanceNotified(f *wire.Frame) (known bool, err error) {
	switch f.Type {
	case "GameInstanceRpc.AddedToGameV1Notification":
		return true, applied(p, f, (*cache).addedToGame)
	case "GameInstanceRpc.GameInstanceUpdatedV1Notification":
		return true, applied(p, f, (*cache).gameUpdated)
	case "GameInstanceRpc.HostConnectionDetailsV1Notification":
		return true, applied(p, f, func(c *cache, n *wire.GameInstanceHostConnectionDetailsV1Notification) {
			c.note(HostReady{Host: c.hostDetails(&n.ConnectionDetails)})
		})
	case "GameInstanceRpc.GameInstanceReconnectV1Notification":
		return true, applied(p, f, func(c *cache, n *wire.GameInstanceReconnectV1Notification) {
			c.note(HostReady{Host: c.hostDetails(&n.HostConnectionDetails), Again: true})
		})
	case "GameInstanceRpc.GameInstanceStartFailureV1Notification":
		return true, takeEvent(p, f, func(*wire.Empty) Event { return GameStartFailed{} })
	case "GameInstanceRpc.GameEndedV1Notification":
		return true, applied(p, f, func(c *cache, n *wire.GameInstanceGameEndedV1Notification) {
			c.gameEnded(n.GameInstanceID, GameEnded{GameInstanceID: pragma.GameInstanceID(n.GameInstanceID), Ext: n.Ext})
		})
	case "GameInstanceRpc.RemovedFromGameV1Notification":
		return true, applied(p, f, func(c *cache, n *wire.GameInstanceRemovedFromGameV1Notification) {
			c.gameEnded(n.GameInstanceID, RemovedFromGame{GameInstanceID: pragma.GameInstanceID(n.GameInstanceID), Ext: n.Ext})
		})
	case "GameInstanceRpc.GameInstanceTerminationV1Notification":
		return true, applied(p, f, func(c *cache, n *wire.GameInstanceTerminationV1Notification) {
			c.gameEnded(n.GameInstanceID, GameTerminated{GameInstanceID: pragma.GameInstanceID(n.GameInstanceID), Reason: GameEndReason(n.Reason.String())})
		})
	}
	return false, nil
}

// gameEnded takes the end of a game, or of the player's part in it, once.
func (c *cache) gameEnded(id wire.UUID, e Event) {
	c.gameOver(id)
	if c.endedGames.has(pragma.GameInstanceID(id)) {
		return
	}
	c.endedGames.add(pragma.GameInstanceID(id))
	c.note(e)
}

// takeEvent decodes a notification that changes no state.
func takeEvent[T any](p *Player, f *wire.Frame, convert func(*T) Event) error {
	return applied(p, f, func(c *cache, n *T) { c.note(convert(n)) })
}
