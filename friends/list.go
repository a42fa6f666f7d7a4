package friends

import (
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// list is what an account has to do with others, kind "friends", by social id.
// Ids stand in the order in which they came.
type list struct {
	Friends  []pragma.SocialID `json:"friends,omitzero"`
	Sent     []pragma.SocialID `json:"sent,omitzero"`     // invites
	Received []pragma.SocialID `json:"received,omitzero"` // invites
	Blocked  []pragma.SocialID `json:"blocked,omitzero"`
	// Closed: nobody may invite the account.
	Closed bool `json:"closed,omitzero"`
	// Version counts the updates the account was told.
	Version int64 `json:"version,omitzero"`
	entity.Unknown
}

func (l *list) clone() list {
	c := *l
	c.Friends, c.Sent = slices.Clone(l.Friends), slices.Clone(l.Sent)
	c.Received, c.Blocked = slices.Clone(l.Received), slices.Clone(l.Blocked)
	return c
}

// answer is the text that a call is answered with (wire §7.10).
type answer string

const (
	ok                   answer = "Ok"
	inviteeNotFound      answer = "InviteeNotFound"
	inviteNotFound       answer = "InviteNotFound"
	inviterNotFound      answer = "InviterNotFound"
	friendNotFound       answer = "FriendNotFound"
	inviteeAlreadyFriend answer = "InviteeAlreadyFriend"
	friendListFull       answer = "FriendListFull"
	inviteeReceivedFull  answer = "InviteeReceivedInvitesFull"
	gameIdentityNotFound answer = "GameIdentityNotFound"
	presenceNotFound     answer = "PresenceNotFound"
)

// pair is one account that does something with another one.
type pair struct {
	me, other end
	limits    Config
}

// end is one of a pair: its list, and what this change did to it.
type end struct {
	id   pragma.SocialID
	list *list
	diff diff
}

// diff says what happened to the other one's id in a list.
type diff struct {
	friendAdded, friendRemoved     bool
	sentAdded, sentRemoved         bool
	receivedAdded, receivedRemoved bool
}

func (d diff) any() bool { return d != diff{} }

// invite is me asking other to be friends.
func (p *pair) invite() answer {
	me, other := p.me.list, p.other.list
	switch {
	case p.me.id == p.other.id, p.blocked():
		return inviteeNotFound
	case slices.Contains(me.Friends, p.other.id):
		return inviteeAlreadyFriend
	case slices.Contains(me.Sent, p.other.id):
		return ok
	case slices.Contains(me.Received, p.other.id):
		return p.accept() // they want the same
	case other.Closed:
		return inviteeNotFound
	case len(me.Friends) >= p.limits.MaxFriends, len(me.Sent) >= p.limits.MaxInvites:
		return friendListFull
	case len(other.Received) >= p.limits.MaxInvites:
		return inviteeReceivedFull
	}
	p.me.diff.sentAdded = add(&me.Sent, p.other.id)
	p.other.diff.receivedAdded = add(&other.Received, p.me.id)
	return ok
}

// accept makes friends of me and other, who has invited me.
func (p *pair) accept() answer {
	if !slices.Contains(p.me.list.Received, p.other.id) {
		return inviteNotFound
	}
	for _, l := range []*list{p.me.list, p.other.list} {
		if len(l.Friends) >= p.limits.MaxFriends {
			return friendListFull
		}
	}
	p.withdraw(&p.other, &p.me)
	p.me.diff.friendAdded = add(&p.me.list.Friends, p.other.id)
	p.other.diff.friendAdded = add(&p.other.list.Friends, p.me.id)
	return ok
}

// decline is me not wanting to be friends with other, who has invited me.
func (p *pair) decline() answer { return found(p.withdraw(&p.other, &p.me), inviteNotFound) }

// cancel takes my invite to other back.
func (p *pair) cancel() answer { return found(p.withdraw(&p.me, &p.other), inviteNotFound) }

// remove ends the friendship.
func (p *pair) remove() answer {
	p.me.diff.friendRemoved = drop(&p.me.list.Friends, p.other.id)
	p.other.diff.friendRemoved = drop(&p.other.list.Friends, p.me.id)
	return found(p.me.diff.friendRemoved, friendNotFound)
}

// block ends everything between the two and lets nothing begin.
func (p *pair) block() answer {
	switch {
	case p.me.id == p.other.id:
		return friendNotFound
	case slices.Contains(p.me.list.Blocked, p.other.id):
		return ok
	case len(p.me.list.Blocked) >= p.limits.MaxBlocked:
		return friendListFull
	}
	p.remove()
	p.withdraw(&p.me, &p.other)
	p.withdraw(&p.other, &p.me)
	add(&p.me.list.Blocked, p.other.id)
	return ok
}

// unblock lets things begin again.
func (p *pair) unblock() answer {
	drop(&p.me.list.Blocked, p.other.id)
	return ok
}

// withdraw ends an invite, if there is one.
func (p *pair) withdraw(from, to *end) bool {
	sent := drop(&from.list.Sent, to.id)
	received := drop(&to.list.Received, from.id)
	from.diff.sentRemoved = from.diff.sentRemoved || sent
	to.diff.receivedRemoved = to.diff.receivedRemoved || received
	return sent || received
}

// blocked reports whether one of the two blocks the other.
func (p *pair) blocked() bool {
	return slices.Contains(p.me.list.Blocked, p.other.id) || slices.Contains(p.other.list.Blocked, p.me.id)
}

func found(is bool, otherwise answer) answer {
	if is {
		return ok
	}
	return otherwise
}

func add(ids *[]pragma.SocialID, id pragma.SocialID) bool {
	*ids = append(*ids, id)
	return true
}

// drop takes an id out. An empty list is nil, as it is before the first id.
func drop(ids *[]pragma.SocialID, id pragma.SocialID) bool {
	i := slices.Index(*ids, id)
	if i < 0 {
		return false
	}
	if *ids = slices.Delete(*ids, i, i+1); len(*ids) == 0 {
		*ids = nil
	}
	return true
}
