package friends_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model is the naive truth about a few players, by number.
type model struct {
	friends, invites, blocks map[[2]int]bool // friends both ways; the others from, to
	closed                   map[int]bool
}

const most = 2 // of everything, in the property test

func newModel() *model {
	return &model{map[[2]int]bool{}, map[[2]int]bool{}, map[[2]int]bool{}, map[int]bool{}}
}

// count returns how many pairs have i at one end.
func count(pairs map[[2]int]bool, end, i int) (n int) {
	for pair := range pairs {
		if pair[end] == i {
			n++
		}
	}
	return n
}

// op is one call.
type op struct {
	call string
	a, b int
	yes  bool
}

// do applies a call to the model and returns the answer.
func (m *model) do(o op) string {
	ab, ba := [2]int{o.a, o.b}, [2]int{o.b, o.a}
	befriend := func() string {
		if count(m.friends, 0, o.a) >= most || count(m.friends, 0, o.b) >= most {
			return "FriendListFull"
		}
		delete(m.invites, ba)
		m.friends[ab], m.friends[ba] = true, true
		return "Ok"
	}
	had := func(pairs map[[2]int]bool, pair [2]int, otherwise string) string {
		if !pairs[pair] {
			return otherwise
		}
		delete(pairs, pair)
		return "Ok"
	}
	switch o.call {
	case "invite":
		switch {
		case o.a == o.b, m.blocks[ab], m.blocks[ba]:
			return "InviteeNotFound"
		case m.friends[ab]:
			return "InviteeAlreadyFriend"
		case m.invites[ab]:
			return "Ok"
		case m.invites[ba]:
			return befriend()
		case m.closed[o.b]:
			return "InviteeNotFound"
		case count(m.friends, 0, o.a) >= most, count(m.invites, 0, o.a) >= most:
			return "FriendListFull"
		case count(m.invites, 1, o.b) >= most:
			return "InviteeReceivedInvitesFull"
		}
		m.invites[ab] = true
		return "Ok"
	case "cancel":
		return had(m.invites, ab, "InviteNotFound")
	case "respond":
		if o.yes && m.invites[ba] {
			return befriend()
		}
		return had(m.invites, ba, "InviteNotFound")
	case "remove":
		delete(m.friends, ba)
		return had(m.friends, ab, "FriendNotFound")
	case "block":
		switch {
		case o.a == o.b:
			return "FriendNotFound"
		case m.blocks[ab]:
			return "Ok"
		case count(m.blocks, 0, o.a) >= most:
			return "FriendListFull"
		}
		for _, pair := range [][2]int{ab, ba} {
			delete(m.friends, pair)
			delete(m.invites, pair)
		}
		m.blocks[ab] = true
		return "Ok"
	case "unblock":
		delete(m.blocks, ab)
		return "Ok"
	}
	if delete(m.closed, o.a); !o.yes {
		m.closed[o.a] = true
	}
	return "Ok"
}

// send makes the call of an op without waiting for its answer.
func (o op) send(players []*player) {
	a, b := players[o.a], players[o.b]
	switch o.call {
	case "invite":
		if o.yes {
			a.Request("FriendRpc.SendFriendInviteV1", m{"inviteeDisplayName": m{"displayName": b.name, "discriminator": b.digits}})
			return
		}
		a.Request("FriendRpc.SendFriendInviteBySocialIdV1", m{"inviteeSocialId": b.id})
	case "cancel":
		a.Request("FriendRpc.CancelFriendInviteV1", m{"inviteeSocialId": b.id})
	case "respond":
		a.Request("FriendRpc.RespondToFriendInviteV1", m{"inviterSocialId": b.id, "acceptInvite": o.yes})
	case "remove":
		a.Request("FriendRpc.RemoveFriendV1", m{"friendSocialId": b.id})
	case "block":
		a.Request("FriendRpc.BlockV1", m{"socialId": b.id})
	case "unblock":
		a.Request("FriendRpc.UnblockV1", m{"socialId": b.id})
	case "accept":
		a.Request("FriendRpc.SetAcceptIncomingFriendInvitesV1", m{"acceptNewFriendInvites": o.yes})
	}
}

func ops(players int) *rapid.Generator[op] {
	calls := []string{"invite", "invite", "invite", "respond", "respond", "cancel", "remove", "block", "unblock", "accept"}
	return rapid.Custom(func(t *rapid.T) op {
		return op{
			call: rapid.SampledFrom(calls).Draw(t, "call"),
			a:    rapid.IntRange(0, players-1).Draw(t, "a"),
			b:    rapid.IntRange(0, players-1).Draw(t, "b"),
			yes:  rapid.IntRange(0, 3).Draw(t, "yes") > 0,
		}
	})
}

// TestListsAreThoseOfANaiveModel also lets players keep their own lists by what
// they are told, races them, and kills the server in between.
func TestListsAreThoseOfANaiveModel(t *testing.T) {
	run(t, options{config: "{maxFriends: 2, maxInvites: 2, maxBlocked: 2}"}, func(t *testing.T, w *world) {
		round := 0
		rapid.Check(inBubble{t}, func(t *rapid.T) {
			round++
			players := make([]*player, 4)
			for i := range players {
				players[i] = w.join(fmt.Sprintf("player%dx%d", round, i))
			}
			truth := newModel()
			gen := ops(len(players))
			steps := 0
			t.Repeat(map[string]func(*rapid.T){
				"call": func(t *rapid.T) {
					rest()
					o := gen.Draw(t, "op")
					o.send(players)
					f := players[o.a].answer()
					if f.Response == nil {
						t.Fatalf("%+v: %s", o, f.Text)
					}
					if got, want := f.Response.Payload["response"], truth.do(o); got != want {
						t.Fatalf("%+v: got %v, want %s", o, got, want)
					}
				},
				"race": func(t *rapid.T) {
					rest()
					for _, a := range race(t, players, gen) {
						if f := players[a].answer(); f.Response == nil {
							t.Fatalf("race: %s", f.Text)
						}
					}
					truth = readModel(t, players)
				},
				"restart": func(t *rapid.T) {
					if rapid.IntRange(0, 3).Draw(t, "restart") > 0 {
						t.Skip("not now")
					}
					for _, p := range players {
						p.drain()
					}
					w.Kill()
					w.Start()
					for _, p := range players {
						p.open()
					}
				},
				"": func(t *rapid.T) {
					if steps++; steps%4 != 0 {
						return
					}
					rest()
					if diff := cmp.Diff(readModel(t, players), truth, cmp.AllowUnexported(model{})); diff != "" {
						t.Fatalf("lists (-got +want):\n%s", diff)
					}
				},
			})
			for _, p := range players {
				p.Close()
			}
		})
	})
}

// inBubble hides the deadline of a test, which cannot be asked for in a bubble.
type inBubble struct{ *testing.T }

// race lets several players call at the same time, and returns who.
func race(t *rapid.T, players []*player, gen *rapid.Generator[op]) (callers []int) {
	for _, o := range rapid.SliceOfN(gen, 2, 6).Draw(t, "ops") {
		if !slices.Contains(callers, o.a) {
			o.send(players)
			callers = append(callers, o.a)
		}
	}
	return callers
}

// readModel reads all lists and checks that they agree with each other, and with
// what each player was told.
func readModel(t *rapid.T, players []*player) *model {
	number := map[string]int{}
	for i, p := range players {
		number[p.id] = i
	}
	got := newModel()
	received := map[[2]int]bool{}
	for i, p := range players {
		l := p.list()
		p.drain()
		if diff := cmp.Diff(p.mirror, l.ids()); diff != "" || p.behind || p.version != l.Version {
			t.Fatalf("%s was told version %s (gap: %v), has %s (-told +has):\n%s", p.name, p.version, p.behind, l.Version, diff)
		}
		for _, f := range l.Friends {
			got.friends[[2]int{i, number[f.SocialID]}] = true
		}
		for _, o := range l.SentInvites {
			got.invites[[2]int{i, number[o.SocialID]}] = true
		}
		for _, o := range l.ReceivedInvites {
			received[[2]int{number[o.SocialID], i}] = true
		}
		for _, o := range l.Blocked {
			got.blocks[[2]int{i, number[o.SocialID]}] = true
		}
		if !l.AcceptNewFriendInvites {
			got.closed[i] = true
		}
	}
	if !maps.Equal(got.invites, received) {
		t.Fatalf("sent %v, received %v", got.invites, received)
	}
	for pair := range got.friends {
		back := [2]int{pair[1], pair[0]}
		if !got.friends[back] || got.invites[pair] || got.blocks[pair] || got.blocks[back] {
			t.Fatalf("%v are friends, but: %+v", pair, got)
		}
	}
	return got
}
