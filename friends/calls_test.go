package friends_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/friends"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

const nobody = "0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d"

func TestAccountsThatDoNotExistHaveNoFriends(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin := w.join("robin")
		for _, tt := range []struct {
			call    string
			payload m
			want    string
		}{
			{"SendFriendInviteBySocialIdV1", m{"inviteeSocialId": nobody}, "InviteeNotFound"},
			{"SendFriendInviteBySocialIdV1", m{"inviteeSocialId": ""}, "InviteeNotFound"},
			{"SendFriendInviteBySocialIdV1", m{"inviteeSocialId": robin.id}, "InviteeNotFound"},
			{"SendFriendInviteBySocialIdV1", m{}, "InviteeNotFound"},
			{"SendFriendInviteV1", m{}, "InviteeNotFound"},
			{"SendFriendInviteV1", m{"inviteeDisplayName": m{"displayName": "robin"}}, "InviteeNotFound"},
			{"SendFriendInviteV1", m{"inviteeDisplayName": m{"displayName": "robin", "discriminator": "x"}}, "InviteeNotFound"},
			{"SendFriendInviteV1", m{"inviteeDisplayName": m{"displayName": strings.Repeat("r", 5000), "discriminator": "0001"}}, "InviteeNotFound"},
			{"SendFriendInviteV1", m{"inviteeDisplayName": m{"displayName": "a\x00b", "discriminator": "0001"}}, "InviteeNotFound"},
			{"SendFriendInviteV1", m{"inviteeDisplayName": m{"displayName": "robin", "discriminator": robin.digits}}, "InviteeNotFound"},
			{"CancelFriendInviteV1", m{"inviteeSocialId": nobody}, "InviteNotFound"},
			{"RespondToFriendInviteV1", m{"inviterSocialId": nobody, "acceptInvite": true}, "InviterNotFound"},
			{"RespondToFriendInviteV1", m{"inviterSocialId": nobody}, "InviteNotFound"},
			{"RespondToFriendInviteV1", m{"inviterSocialId": robin.id, "acceptInvite": true}, "InviteNotFound"},
			{"RemoveFriendV1", m{"friendSocialId": nobody}, "FriendNotFound"},
			{"RemoveFriendV1", m{"friendSocialId": robin.id}, "FriendNotFound"},
			{"BlockV1", m{"socialId": nobody}, "FriendNotFound"},
			{"BlockV1", m{"socialId": robin.id}, "FriendNotFound"},
			{"UnblockV1", m{"socialId": nobody}, "Ok"},
		} {
			if got := robin.does(tt.call, tt.payload); got != tt.want {
				t.Errorf("%s %.80v: got %s, want %s", tt.call, tt.payload, got, tt.want)
			}
		}
		if f := robin.call("BlockV1", m{"socialId": "robin"}); f.ServiceError == nil || f.ServiceError.Error != "Serialization_Error" {
			t.Errorf("an id that is none: %s", f.Text)
		}
		if got := robin.list(); got.Version != "0" || len(got.ids()) != 0 || len(got.Blocked) != 0 {
			t.Errorf("list = %+v, want nothing", got)
		}
	})
}

func TestDefaultLimitsAreTheDocumentedOnes(t *testing.T) {
	want := friends.Config{MaxFriends: 200, MaxInvites: 100, MaxBlocked: 200}
	if diff := cmp.Diff(friends.DefaultConfig(), want); diff != "" {
		t.Errorf("limits (-got +want):\n%s", diff)
	}
}

func TestLimitsHaveLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		config friends.Config
		ok     bool
	}{
		"defaults":      {friends.DefaultConfig(), true},
		"nothing":       {friends.Config{}, true},
		"negative":      {friends.Config{MaxFriends: -1}, false},
		"huge invites":  {friends.Config{MaxInvites: 5001}, false},
		"huge blocking": {friends.Config{MaxBlocked: 1 << 40}, false},
	} {
		if err := tt.config.Validate(); (err == nil) != tt.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestInvitingEachOtherAtOnceMakesFriends(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian := w.join("robin"), w.join("marian")
		for range 20 {
			rest()
			robin.Request("FriendRpc.SendFriendInviteBySocialIdV1", m{"inviteeSocialId": marian.id})
			marian.Request("FriendRpc.SendFriendInviteBySocialIdV1", m{"inviteeSocialId": robin.id})
			for _, p := range []*player{robin, marian} {
				if f := p.answer(); f.Response == nil || f.Response.Payload["response"] != "Ok" {
					t.Fatalf("%s: %s", p.name, f.Text)
				}
			}
			for _, p := range []*player{robin, marian} {
				if l := p.list(); len(l.Friends) != 1 || len(l.SentInvites)+len(l.ReceivedInvites) != 0 {
					t.Fatalf("%s: %+v", p.name, l)
				}
				p.drain()
				if p.behind {
					t.Fatalf("%s missed an update", p.name)
				}
			}
			robin.does("RemoveFriendV1", m{"friendSocialId": marian.id})
		}
	})
}

func TestUpdatesOfAPopularAccountArriveInOrder(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		star := w.join("star")
		var fans []*player
		for i := range 30 {
			fans = append(fans, w.join(fmt.Sprintf("fan%d", i)))
			rest()
		}
		for _, f := range fans {
			f.Request("FriendRpc.SendFriendInviteBySocialIdV1", m{"inviteeSocialId": star.id})
		}
		for _, f := range fans {
			if a := f.answer(); a.Response == nil || a.Response.Payload["response"] != "Ok" {
				t.Errorf("%s: %s", f.name, a.Text)
			}
		}
		star.drain()
		if got := len(star.mirror["received"]); got != len(fans) || star.behind {
			t.Errorf("the star was told of %d invites, gap: %v; want %d, none", got, star.behind, len(fans))
		}
	})
}

func TestBlockingHidesOneFromTheOther(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian := w.join("robin"), w.join("marian")
		befriend(t, robin, marian)
		robin.online("Online")
		marian.told()
		robin.does("BlockV1", m{"socialId": marian.id})
		robin.online("Away")
		if got := marian.told(); got != nil {
			t.Errorf("who is blocked was told %v", got)
		}
		if l := marian.list(); len(l.Friends) != 0 || len(l.Blocked) != 0 {
			t.Errorf("who is blocked sees %+v", l)
		}
		for _, p := range []*player{robin, marian} { // not before he unblocks her
			if got := p.does("SendFriendInviteBySocialIdV1", m{"inviteeSocialId": map[*player]string{robin: marian.id, marian: robin.id}[p]}); got != "InviteeNotFound" {
				t.Errorf("%s invites: %s", p.name, got)
			}
		}
		robin.does("UnblockV1", m{"socialId": marian.id})
		befriend(t, marian, robin)
	})
}

func TestStudiosCodeSeesFriends(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian := w.join("robin"), w.join("marian")
		befriend(t, robin, marian)
		id, err := pragma.ParseID[pragma.SocialID](robin.id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.friends.Friends(t.Context(), id)
		if err != nil || len(got) != 1 || got[0].String() != marian.id {
			t.Errorf("Friends = %v, %v; want %s", got, err, marian.id)
		}
		got, err = w.friends.Friends(t.Context(), pragma.NewID[pragma.SocialID]())
		if err != nil || got != nil {
			t.Errorf("Friends of nobody = %v, %v", got, err)
		}
	})
}

func TestServiceThatCannotWorkDoesNotStart(t *testing.T) {
	accounts := &account.Service{}
	for name, tt := range map[string]struct {
		server *pragma.Server
		want   string
	}{
		"on Game":          {&pragma.Server{Social: []pragma.Service{accounts}, Game: []pragma.Service{&friends.Service{Accounts: accounts}}}, "belongs on the Social backend"},
		"without accounts": {&pragma.Server{Social: []pragma.Service{accounts, &friends.Service{}}}, "Accounts is nil"},
	} {
		cfg, err := pragma.ParseConfig("core: {backendMode: DEVELOPMENT}")
		if err != nil {
			t.Fatal(err)
		}
		tt.server.Config = cfg
		if err := tt.server.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

func TestEveryDocumentedCallIsThere(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin := w.join("robin")
		f := robin.call("IntegrationTestDeleteFriendDataV1", m{})
		if f.ServiceError == nil {
			t.Errorf("the integration-test call was answered: %s", f.Text)
		}
		names := []string{"GetFriendListAndRegisterOnlineV1", "GetFriendListV1"}
		for _, call := range names {
			if got := robin.must(call, m{}); !slices.Equal(keys(got), []string{"friendList"}) {
				t.Errorf("%s: %v", call, got)
			}
		}
	})
}

func keys(payload m) (names []string) {
	for name := range payload {
		names = append(names, name)
	}
	return names
}
