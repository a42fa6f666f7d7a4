package party

import (
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// Invite is an open invite to a party. It stays valid when its sender has left.
type Invite struct {
	InviteID        pragma.InviteID `json:"inviteId"`
	PartyID         pragma.PartyID  `json:"partyId"`
	InviterPlayerID pragma.PlayerID `json:"inviterPlayerId"`
	InviteePlayerID pragma.PlayerID `json:"inviteePlayerId"`
	// InviterName and InviteeName are the names at the time of the invite.
	InviterName pragma.DisplayName `json:"inviterName"`
	InviteeName pragma.DisplayName `json:"inviteeName"`
	CreatedAt   time.Time          `json:"createdAt"`
	ExpiresAt   time.Time          `json:"expiresAt,omitzero"` // zero: never
}

// sentInvite remembers when a member last invited somebody.
type sentInvite struct {
	From pragma.PlayerID `json:"from"`
	To   pragma.PlayerID `json:"to"`
	At   time.Time       `json:"at"`
}

// inviteEvent is one thing that happened to an invite in one change.
type inviteEvent struct {
	invite Invite
	what   inviteOutcome
}

type inviteOutcome int

const (
	inviteSent inviteOutcome = iota
	inviteAccepted
	inviteDeclined
	inviteCanceled
	inviteReplaced
	inviteExpired
	inviteClosed
)

// canceled is how the end of an invite that nobody answered travels.
func (o inviteOutcome) canceled() wire.PartyInviteCancelReason {
	switch o {
	case inviteReplaced:
		return wire.PartyInviteCancelReplaced
	case inviteExpired:
		return wire.PartyInviteCancelExpired
	case inviteClosed:
		return wire.PartyInviteCancelPartyClosed
	}
	return wire.PartyInviteCancelCanceled
}

// send makes an invite. An earlier one from the same sender to the same player
// is replaced.
func (st *state) send(inv Invite, now time.Time, cfg *Config) error {
	delay := time.Duration(cfg.RepeatInviteDelaySeconds) * time.Second
	st.Sent = slices.DeleteFunc(st.Sent, func(s sentInvite) bool { return now.Sub(s.At) >= delay })
	again := func(s sentInvite) bool { return s.From == inv.InviterPlayerID && s.To == inv.InviteePlayerID }
	earlier := slices.IndexFunc(st.Invites, func(o Invite) bool {
		return o.InviterPlayerID == inv.InviterPlayerID && o.InviteePlayerID == inv.InviteePlayerID
	})
	switch {
	case inv.InviterPlayerID == inv.InviteePlayerID, st.find(inv.InviteePlayerID) != nil:
		return ErrAlreadyInParty
	case st.InvitesRefused:
		return ErrInviteNotFound
	case slices.ContainsFunc(st.Sent, again):
		return ErrRepeatInviteTooSoon
	case earlier < 0 && len(st.Invites) >= cfg.MaxOpenInvitesPerParty:
		return ErrTooManyInvites
	}
	if earlier >= 0 {
		st.end(st.Invites[earlier].InviteID, inviteReplaced)
	}
	inv.PartyID, inv.CreatedAt = st.ID, now
	if life := cfg.inviteLife(); life > 0 {
		inv.ExpiresAt = now.Add(life)
	}
	if delay > 0 {
		st.Sent = append(st.Sent, sentInvite{inv.InviterPlayerID, inv.InviteePlayerID, now})
	}
	st.Invites = append(st.Invites, inv)
	st.events = append(st.events, inviteEvent{inv, inviteSent})
	return nil
}

// invite returns an open invite, or nil.
func (st *state) invite(id pragma.InviteID) *Invite {
	for i := range st.Invites {
		if st.Invites[i].InviteID == id {
			return &st.Invites[i]
		}
	}
	return nil
}

// end takes an invite away and reports whether there was one.
func (st *state) end(id pragma.InviteID, how inviteOutcome) bool {
	inv := st.invite(id)
	if inv == nil {
		return false
	}
	st.events = append(st.events, inviteEvent{*inv, how})
	st.Invites = slices.DeleteFunc(st.Invites, func(o Invite) bool { return o.InviteID == id })
	return true
}

// endAll ends the invites that match.
func (st *state) endAll(how inviteOutcome, match func(Invite) bool) {
	for _, inv := range slices.Clone(st.Invites) {
		if match(inv) {
			st.end(inv.InviteID, how)
		}
	}
}

// expireInvites ends what is over at this time.
func (st *state) expireInvites(now time.Time) {
	st.endAll(inviteExpired, func(inv Invite) bool { return !inv.ExpiresAt.IsZero() && !now.Before(inv.ExpiresAt) })
}
