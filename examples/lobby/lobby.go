package main

import (
	"context"
	"slices"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// seats are the modes of the game and how many players a party may have in them.
func seats(mode string) int { return map[string]int{"duel": 2, "siege": 4}[mode] }

// partyData is what the server keeps of a party. Nobody sees it as it is: what
// players see, the Build hooks below put together.
type partyData struct {
	Mode   string `json:"mode"`   // shown to the party
	Streak int    `json:"streak"` // games without a break; never shown
}

// playerData is what the server keeps of a player in a party.
type playerData struct {
	Character string `json:"character"` // shown to the party
	Perk      string `json:"perk"`      // shown to the player himself
	Rating    int    `json:"rating"`    // never shown
}

// lobby is the studio's party plugin. What it does not write is as documented. Its
// hooks change working copies, so an error in the middle of one changes nothing.
type lobby struct {
	party.Defaults
	// rating is what the studio knows of a player. It may be asked again for the
	// same player, so it has no effects.
	rating func(pragma.PlayerID) int
}

var _ party.Plugin = (*lobby)(nil)

// InitializeParty takes the mode that the creator asked for.
func (*lobby) InitializeParty(_ context.Context, r *party.InitializePartyRequest) error {
	want, err := ext.As[CreateRequest](r.RequestExt)
	if err != nil {
		return err
	}
	if want.Mode == "" {
		want.Mode = "duel"
	}
	return setMode(r.Party, want.Mode)
}

// setMode changes the mode of a party, and how many players it may have.
func setMode(p *party.Party, mode string) error {
	data, err := ext.As[partyData](p.Ext())
	if err != nil {
		return err
	}
	switch n := seats(mode); {
	case n == 0:
		return errMode.With("there is no mode %q", mode)
	case p.PlayerCount() > n:
		return errSeats
	default:
		p.SetMaxPlayerCount(n, true)
	}
	data.Mode = mode
	p.SetExt(ext.Of(data))
	return nil
}

// OnAddPlayer remembers the rating of everybody who comes in, by whatever way.
func (l *lobby) OnAddPlayer(_ context.Context, r *party.AddPlayerRequest) error {
	r.PlayerToAdd.SetExt(ext.Of(playerData{Rating: l.rating(r.PlayerToAdd.ID())}))
	return nil
}

// UpdateParty lets leaders choose the mode. Everybody has to agree to it anew.
func (*lobby) UpdateParty(_ context.Context, r *party.UpdatePartyRequest) error {
	if !r.RequestingPlayer.IsLeader() {
		return party.ErrPlayerNotLeader
	}
	want, err := ext.As[ChooseMode](r.RequestExt)
	if err != nil {
		return err
	}
	for _, p := range r.Party.Players() {
		p.SetReady(false)
	}
	return setMode(r.Party, want.Mode)
}

// UpdatePlayer lets a player choose a character that he owns and nobody else in
// the party plays. The inventory is the snapshot of when he came in.
func (*lobby) UpdatePlayer(_ context.Context, r *party.UpdatePlayerRequest) error {
	want, err := ext.As[Choose](r.RequestExt)
	if err != nil {
		return err
	}
	me, err := ext.As[playerData](r.RequestingPlayer.Ext())
	if err != nil {
		return err
	}
	if want.Character != "" {
		if err := mayPlay(r.Party, r.RequestingPlayer, want.Character); err != nil {
			return err
		}
		me.Character = want.Character
	}
	if want.Perk != "" {
		me.Perk = want.Perk
	}
	r.RequestingPlayer.SetExt(ext.Of(me))
	return nil
}

func mayPlay(p *party.Party, who *party.Player, character string) error {
	if !owns(who, character) {
		return errNotMine
	}
	for _, other := range p.Players() {
		data, err := ext.As[playerData](other.Ext())
		if err != nil {
			return err
		}
		if other.ID() != who.ID() && data.Character == character {
			return errTaken
		}
	}
	return nil
}

func owns(p *party.Player, character string) bool {
	return slices.ContainsFunc(p.Inventory(), func(i party.Item) bool { return i.CatalogID == character })
}

// CanChangeReady keeps players unready who have no character. That is no error:
// they see the party as it is.
func (*lobby) CanChangeReady(_ context.Context, r *party.CanChangeReadyRequest) (bool, error) {
	data, err := ext.As[playerData](r.Player.Ext())
	return data.Character != "" || !r.NewReadyState, err
}

// HandlePlayerSendInviteRequest refuses when there is no seat left; the engine
// would only refuse the one who accepts.
func (l *lobby) HandlePlayerSendInviteRequest(ctx context.Context, r *party.PlayerSendInviteRequest) error {
	if n, limited := r.Party.MaxPlayerCount(); limited && r.Party.PlayerCount() >= n {
		return party.ErrFull
	}
	return l.Defaults.HandlePlayerSendInviteRequest(ctx, r)
}

// HandlePlayerEnterMatchmakingRequest makes sure that everybody can play.
func (*lobby) HandlePlayerEnterMatchmakingRequest(_ context.Context, r *party.PlayerEnterMatchmakingRequest) error {
	for _, p := range r.Party.Players() {
		data, err := ext.As[playerData](p.Ext())
		if err != nil {
			return err
		}
		if data.Character == "" {
			return errNobody
		}
	}
	return nil
}

// BuildMatchmakingKey has one queue for each mode.
func (*lobby) BuildMatchmakingKey(_ context.Context, r *party.BuildMatchmakingKeyRequest) (ext.Value, error) {
	data, err := ext.As[partyData](r.Party.Ext())
	return ext.Of(QueueKey{data.Mode}), err
}

// BuildExtMatchmakingParty tells matchmaking, and only matchmaking, how good the
// party is.
func (*lobby) BuildExtMatchmakingParty(_ context.Context, r *party.BuildExtMatchmakingPartyRequest) (ext.Value, error) {
	sum := 0
	for _, p := range r.Party.Players() {
		data, err := ext.As[playerData](p.Ext())
		if err != nil {
			return ext.Value{}, err
		}
		sum += data.Rating
	}
	return ext.Of(QueuedParty{sum / r.Party.PlayerCount()}), nil
}

// BuildExtBroadcastParty shows the mode, and not the streak.
func (*lobby) BuildExtBroadcastParty(_ context.Context, r *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	data, err := ext.As[partyData](r.Party.Ext())
	return ext.Of(PartyView{data.Mode, seats(data.Mode)}), err
}

// BuildExtBroadcastPlayer shows everybody the characters.
func (*lobby) BuildExtBroadcastPlayer(_ context.Context, r *party.BuildExtBroadcastPlayerRequest) (ext.Value, error) {
	data, err := ext.As[playerData](r.Player.Ext())
	return ext.Of(PlayerView{data.Character}), err
}

// BuildExtPrivatePlayer shows a player his perk.
func (*lobby) BuildExtPrivatePlayer(_ context.Context, r *party.BuildExtPrivatePlayerRequest) (ext.Value, error) {
	data, err := ext.As[playerData](r.Player.Ext())
	if data.Perk == "" {
		return ext.Value{}, err
	}
	return ext.Of(OwnView{data.Perk}), err
}

// ReturnFromGameInstance counts the game. Who has lost his character in it, and
// so no longer owns it, has to choose another.
func (*lobby) ReturnFromGameInstance(_ context.Context, e *party.ReturnFromGameInstanceEvent) error {
	all, err := ext.As[partyData](e.Party.Ext())
	if err != nil {
		return err
	}
	all.Streak++
	e.Party.SetExt(ext.Of(all))
	for _, p := range e.Players {
		data, err := ext.As[playerData](p.Ext())
		if err != nil {
			return err
		}
		p.SetReady(false)
		if !owns(p, data.Character) {
			data.Character = ""
			p.SetExt(ext.Of(data))
		}
	}
	return nil
}
