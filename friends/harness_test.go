package friends_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/friends"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

type m = map[string]any

const shard = "00000000-0000-0000-0000-000000000001"

var (
	socialPlayer  = pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}
	socialPartner = pragma.Gateway{Backend: pragma.Social, Type: pragma.Partner}
)

// options say how a test wants its server.
type options struct {
	plugin friends.PresencePlugin
	config string // of FriendConfig, in YAML's flow style
	store  store.Opener
}

// world is a server with friends.
type world struct {
	*pragmatest.World
	friends *friends.Service // of the server that runs now
}

func run(t *testing.T, o options, fn func(t *testing.T, w *world)) {
	t.Helper()
	w := &world{}
	build := func() *pragma.Server {
		accounts := &account.Service{}
		w.friends = &friends.Service{Plugin: o.plugin, Accounts: accounts}
		srv := &pragma.Server{Social: []pragma.Service{accounts, w.friends}, Store: o.store}
		if o.config != "" {
			srv.Config = pragmatest.Config(t, "social: {serviceConfigs: {FriendConfig: "+o.config+"}}")
		}
		return srv
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(pw.T, w)
	})
}

// player is a client that keeps its list up to date by what it is told, as the
// documented clients do.
type player struct {
	*pragmatest.Raw
	w      *world
	name   string
	token  string
	id     string
	digits string

	mirror    map[string][]string // friends, sent, received
	version   string              // of the mirror
	behind    bool                // an update was missing
	presences map[string]string   // of friends: basic presence and version
	others    []pragmatest.Frame  // notifications that are not about the list
}

// list is Friend_FriendList.
type list struct {
	Friends                               []friend
	SentInvites, ReceivedInvites, Blocked []overview
	Version                               string
	AcceptNewFriendInvites                bool
}

type friend struct {
	SocialID, PlayerID string
	DisplayName        name
	Presences          []presence
}

type overview struct {
	SocialID    string
	DisplayName name
}

type name struct{ DisplayName, Discriminator string }

type presence struct {
	PlayerID, GameShardID, GameTitleID, BasicPresence, Version string
	Ext                                                        m
}

// join logs somebody in and opens his socket.
func (w *world) join(account string) *player {
	w.T.Helper()
	p := &player{w: w, name: account, presences: make(map[string]string)}
	p.logIn()
	got := p.Call("AccountRpc.GetAccountV1", m{})
	p.id = got["pragmaSocialId"].(string)
	p.digits = got["displayName"].(m)["discriminator"].(string)
	p.sync()
	return p
}

func (p *player) logIn() {
	p.w.T.Helper()
	_, p.token = p.w.Tokens(p.name)
	p.open()
}

func (p *player) open() {
	p.w.T.Helper()
	p.Raw = p.w.Raw(socialPlayer, p.token)
}

// list reads the list of the server.
func (p *player) list() list {
	p.w.T.Helper()
	return decode[struct{ FriendList list }](p.w.T, p.must("GetFriendListAndRegisterOnlineV1", m{})).FriendList
}

func (p *player) sync() {
	p.w.T.Helper()
	l := p.list()
	p.version, p.behind = l.Version, false
	p.mirror = l.ids()
}

func (l *list) ids() map[string][]string {
	ids := map[string][]string{}
	for _, f := range l.Friends {
		ids["friends"] = append(ids["friends"], f.SocialID)
	}
	for part, list := range map[string][]overview{"sent": l.SentInvites, "received": l.ReceivedInvites} {
		for _, o := range list {
			ids[part] = append(ids[part], o.SocialID)
		}
	}
	return ids
}

// must makes a call of FriendRpc and returns its answer's payload.
func (p *player) must(call string, payload m) m {
	p.w.T.Helper()
	f := p.call(call, payload)
	if f.Response == nil {
		p.w.T.Fatalf("%s of %s: %s", call, p.name, f.Text)
	}
	return f.Response.Payload
}

// call makes a call of FriendRpc and returns its answer.
func (p *player) call(call string, payload m) pragmatest.Frame {
	p.w.T.Helper()
	p.Request("FriendRpc."+call, payload)
	return p.answer()
}

// answer returns the next frame that is no notification.
func (p *player) answer() pragmatest.Frame {
	p.w.T.Helper()
	for {
		f := p.Read()
		if f.Notification == nil {
			return f
		}
		p.take(f)
	}
}

// does makes a call that is answered with a text.
func (p *player) does(call string, payload m) string {
	p.w.T.Helper()
	text, _ := p.must(call, payload)["response"].(string)
	return text
}

// drain takes everything the player has been told.
func (p *player) drain() {
	synctest.Wait()
	for {
		f, ok := p.Poll(0)
		if !ok {
			return
		}
		p.take(f)
	}
}

func (p *player) take(f pragmatest.Frame) {
	p.w.T.Helper()
	switch f.Notification.Type {
	case "FriendRpc.FriendListUpdateV1Notification":
		p.update(decode[struct {
			Updates struct {
				FriendsAdded, ReceivedInvitesAdded, SentInvitesAdded       []overview
				FriendsRemoved, ReceivedInvitesRemoved, SentInvitesRemoved []string
				Version                                                    json.Number
			}
		}](p.w.T, f.Notification.Payload).Updates)
	case "FriendRpc.FriendUpdateV1Notification":
		u := decode[struct {
			SocialID        string
			UpdatedPresence presence
		}](p.w.T, f.Notification.Payload)
		p.presences[u.SocialID] = u.UpdatedPresence.BasicPresence + " " + u.UpdatedPresence.Version
		p.others = append(p.others, f)
	default:
		p.others = append(p.others, f)
	}
}

func (p *player) update(u struct {
	FriendsAdded, ReceivedInvitesAdded, SentInvitesAdded       []overview
	FriendsRemoved, ReceivedInvitesRemoved, SentInvitesRemoved []string
	Version                                                    json.Number
}) {
	before, _ := json.Number(p.version).Int64()
	now, _ := u.Version.Int64()
	if now != before+1 {
		p.behind = true
	}
	p.version = u.Version.String()
	for part, added := range map[string][]overview{"friends": u.FriendsAdded, "received": u.ReceivedInvitesAdded, "sent": u.SentInvitesAdded} {
		for _, o := range added {
			p.mirror[part] = append(p.mirror[part], o.SocialID)
		}
	}
	for part, removed := range map[string][]string{"friends": u.FriendsRemoved, "received": u.ReceivedInvitesRemoved, "sent": u.SentInvitesRemoved} {
		for _, id := range removed {
			p.mirror[part] = slices.DeleteFunc(p.mirror[part], func(other string) bool { return other == id })
		}
		if len(p.mirror[part]) == 0 {
			delete(p.mirror, part)
		}
	}
}

// told returns the types of the notifications that are not about the list, and
// forgets them.
func (p *player) told() (types []string) {
	p.drain()
	for _, f := range p.others {
		types = append(types, f.Notification.Type[len("FriendRpc."):])
	}
	p.others = nil
	return types
}

// online sets a basic presence and returns the answer.
func (p *player) online(basic string) string {
	p.w.T.Helper()
	return p.does("SetPresenceV1", m{"basicPresence": basic, "gameShardId": shard})
}

// befriend makes friends of two players.
func befriend(t *testing.T, a, b *player) {
	t.Helper()
	if got := a.does("SendFriendInviteBySocialIdV1", m{"inviteeSocialId": b.id}); got != "Ok" {
		t.Fatalf("invite: %s", got)
	}
	if got := b.does("RespondToFriendInviteV1", m{"inviterSocialId": a.id, "acceptInvite": true}); got != "Ok" {
		t.Fatalf("accept: %s", got)
	}
	a.told()
	b.told()
}

func decode[T any](t testing.TB, payload m) T {
	t.Helper()
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// rest lets time pass, so that nobody is too fast for the gateway.
func rest() { time.Sleep(time.Second) }
