package party

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
)

// Players of the tests below, by letter.
func who(letter byte) pragma.PlayerID { return pragma.PlayerID{15: letter} }

// group makes a party from a line such as "a* b+ c": * is a leader, + is ready.
func group(line string) *state {
	st := &state{ID: pragma.PartyID{1}, MaxPlayerCount: 4}
	for name := range strings.FieldsSeq(line) {
		st.Members = append(st.Members, &PlayerInfo{
			PlayerID: who(name[0]), Leader: strings.Contains(name, "*"), Ready: strings.Contains(name, "+"),
		})
	}
	return st
}

func (st *state) line() string {
	var all []string
	for _, m := range st.Members {
		name := string(m.PlayerID[15])
		if m.Leader {
			name += "*"
		}
		if m.Ready {
			name += "+"
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

func TestAdmit(t *testing.T) {
	queued := func(st *state) { st.Ticket = pragma.TicketID{1} }
	kicked := func(st *state) { st.ban(who('x')) }
	full := func(st *state) { st.MaxPlayerCount = 2 }
	noLimit := func(st *state) { st.MaxPlayerCount, st.DisableMaxPlayerCount = 1, true }
	closed := func(st *state) { st.InvitesRefused = true }
	tests := []struct {
		name   string
		change func(*state)
		player byte
		how    JoinMethod
		want   error
	}{
		{"anybody by code", nil, 'x', JoinInviteCode, nil},
		{"a member", nil, 'a', JoinInviteCode, ErrAlreadyInParty},
		{"a member of a queued party", queued, 'a', JoinInvite, ErrAlreadyInParty},
		{"while queued", queued, 'x', JoinInvite, ErrPlayerInMatchmaking},
		{"the backend while queued", queued, 'x', JoinBackend, ErrPlayerInMatchmaking},
		{"a kicked player by code", kicked, 'x', JoinInviteCode, ErrPlayerIsKicked},
		{"a kicked player by id", kicked, 'x', JoinPartyID, ErrPlayerIsKicked},
		{"a kicked player by invite", kicked, 'x', JoinInvite, nil},
		{"a kicked player by the backend", kicked, 'x', JoinBackend, nil},
		{"another player after a kick", kicked, 'y', JoinInviteCode, nil},
		{"when full", full, 'x', JoinInvite, ErrFull},
		{"a kicked player when full", func(st *state) { full(st); kicked(st) }, 'x', JoinPartyID, ErrPlayerIsKicked},
		{"without a limit", noLimit, 'x', JoinInviteCode, nil},
		{"by code when invites are refused", closed, 'x', JoinInviteCode, ErrInviteNotFound},
		{"by id when invites are refused", closed, 'x', JoinPartyID, nil},
		{"by an open invite when invites are refused", closed, 'x', JoinInvite, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := group("a* b")
			if tt.change != nil {
				tt.change(st)
			}
			if got := st.admit(who(tt.player), tt.how); !errors.Is(got, tt.want) {
				t.Errorf("admit = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAddTakesTheMarkOfAKickOnlyFromInvited(t *testing.T) {
	for how, want := range map[JoinMethod]bool{JoinInvite: false, JoinBackend: false, JoinPartyID: true} {
		st := group("a*")
		st.ban(who('x'))
		st.ban(who('x'))
		st.add(&PlayerInfo{PlayerID: who('x')}, how)
		if got := slices.Contains(st.Kicked, who('x')); got != want {
			t.Errorf("%s: still marked = %v, want %v", how, got, want)
		}
	}
}

func TestSucceedChoosesOnlyWhenNobodyLeads(t *testing.T) {
	tests := []struct{ name, before, after string }{
		{"a leader is there", "a b* c", "a b* c"},
		{"nobody leads", "a b c", "a b c*"},
		{"nobody is there", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := group(tt.before)
			st.succeed(func(n int) int { return n - 1 })
			if got := st.line(); got != tt.after {
				t.Errorf("members = %q, want %q", got, tt.after)
			}
		})
	}
}

func TestMayKick(t *testing.T) {
	tests := []struct {
		name     string
		by, whom byte
		want     error
	}{
		{"a leader kicks a member", 'a', 'b', nil},
		{"a member kicks", 'b', 'a', ErrPlayerNotLeader},
		{"a member kicks himself", 'b', 'b', ErrPlayerNotLeader},
		{"a leader kicks himself", 'a', 'a', ErrCanNotKickSelf},
		{"a leader kicks a stranger", 'a', 'x', ErrPlayerNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := group("a* b")
			if got := st.mayKick(st.find(who(tt.by)), who(tt.whom)); !errors.Is(got, tt.want) {
				t.Errorf("mayKick = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAssignLeader(t *testing.T) {
	tests := []struct {
		name     string
		by, to   byte
		transfer bool
		queued   bool
		want     error
		after    string
	}{
		{"add", 'a', 'b', false, false, nil, "a* b* c"},
		{"hand over", 'a', 'b', true, false, nil, "a b* c"},
		{"by a member", 'b', 'c', false, false, ErrPlayerNotLeader, "a* b c"},
		{"to a stranger", 'a', 'x', false, false, ErrNotInParty, "a* b c"},
		{"to himself", 'a', 'a', true, false, ErrPlayerIsLeader, "a* b c"},
		{"while queued", 'a', 'b', false, true, ErrInvalidState, "a* b c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := group("a* b c")
			if tt.queued {
				st.Ticket = pragma.TicketID{1}
			}
			if got := st.assignLeader(st.find(who(tt.by)), who(tt.to), tt.transfer); !errors.Is(got, tt.want) {
				t.Errorf("assignLeader = %v, want %v", got, tt.want)
			}
			if got := st.line(); got != tt.after {
				t.Errorf("members = %q, want %q", got, tt.after)
			}
		})
	}
}

func TestMayQueue(t *testing.T) {
	tests := []struct {
		name, line string
		queued     bool
		want       error
	}{
		{"all are ready", "a*+ b+", false, nil},
		{"one is not ready", "a*+ b", false, ErrPlayersNotReady},
		{"a leader who is not ready", "a* b+", false, ErrPlayersNotReady},
		{"not a leader", "a+ b*+", false, ErrPlayerNotLeader},
		{"queued already", "a*+ b+", true, ErrPlayerInMatchmaking},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := group(tt.line)
			if tt.queued {
				st.Ticket = pragma.TicketID{1}
			}
			if got := st.mayQueue(st.find(who('a'))); !errors.Is(got, tt.want) {
				t.Errorf("mayQueue = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDueIsTheNextThingToHappen(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name    string
		stale   time.Duration
		invites []time.Time
		want    time.Time
	}{
		{"nothing", 0, nil, time.Time{}},
		{"stale", time.Hour, nil, now.Add(time.Hour)},
		{"stale between two looks", time.Hour + 70*time.Second, nil, now.Add(time.Hour + 2*time.Minute)},
		{"an invite that ends sooner", time.Hour, []time.Time{{}, now.Add(time.Minute), now.Add(2 * time.Minute)}, now.Add(time.Minute)},
		{"an invite that ends later", time.Hour, []time.Time{now.Add(2 * time.Hour)}, now.Add(time.Hour)},
		{"an invite in a party that never ends", 0, []time.Time{now.Add(2 * time.Hour)}, now.Add(2 * time.Hour)},
		{"an invite for ever", 0, []time.Time{{}}, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := &state{LastAccess: now}
			for _, at := range tt.invites {
				st.Invites = append(st.Invites, Invite{ExpiresAt: at})
			}
			if got := st.due(tt.stale, time.Minute); !got.Equal(tt.want) {
				t.Errorf("due = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSendRemembersAndBounds(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	cfg := &Config{RepeatInviteDelaySeconds: 10, MaxOpenInvitesPerParty: 2, InviteExpirationMinutes: 1}
	st := group("a* b")
	steps := []struct {
		name     string
		after    time.Duration
		from, to byte
		want     error
	}{
		{"the first", 0, 'a', 'x', nil},
		{"too soon", 9 * time.Second, 'a', 'x', ErrRepeatInviteTooSoon},
		{"from another member", 0, 'b', 'x', nil},
		{"one too many", 0, 'a', 'y', ErrTooManyInvites},
		{"a repeat replaces, so it is none too many", time.Second, 'a', 'x', nil},
		{"to a member", 0, 'a', 'b', ErrAlreadyInParty},
		{"to oneself", 0, 'a', 'a', ErrAlreadyInParty},
	}
	for i, step := range steps {
		now = now.Add(step.after)
		inv := Invite{InviteID: pragma.InviteID{byte(i + 1)}, InviterPlayerID: who(step.from), InviteePlayerID: who(step.to)}
		if got := st.send(inv, now, cfg); !errors.Is(got, step.want) {
			t.Errorf("%s: send = %v, want %v", step.name, got, step.want)
		}
	}
	var outcomes []inviteOutcome
	for _, e := range st.events {
		outcomes = append(outcomes, e.what)
	}
	if diff := cmp.Diff([]inviteOutcome{inviteSent, inviteSent, inviteReplaced, inviteSent}, outcomes); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if st.expireInvites(now.Add(time.Minute)); len(st.Invites) != 0 {
		t.Errorf("%d invites are open after their time, want none", len(st.Invites))
	}
}

func TestACloneSharesNothing(t *testing.T) {
	st := group("a* b")
	st.Members[0].GameServerZoneToPing = map[string]int{"eu": 1}
	st.Invites, st.Kicked = []Invite{{InviteID: pragma.InviteID{1}}}, []pragma.PlayerID{who('x')}
	c := st.clone()
	c.Members[0].Ready, c.Members[0].GameServerZoneToPing["eu"] = true, 2
	c.remove(who('b'))
	c.end(pragma.InviteID{1}, inviteCanceled)
	c.Kicked[0] = who('y')
	if st.line() != "a* b" || st.Members[0].GameServerZoneToPing["eu"] != 1 || len(st.Invites) != 1 || st.Kicked[0] != who('x') || st.events != nil {
		t.Errorf("the original changed: %s %+v", st.line(), st)
	}
}

func TestCodesAreReadAsPeopleTypeThem(t *testing.T) {
	if got := newCode(func(b []byte) { copy(b, []byte{0, 31, 32, 63, 255, 8}) }); got != "A9A99J" {
		t.Errorf("newCode = %q, want A9A99J", got)
	}
	for text, want := range map[string]bool{" abcdef\n": true, "ABCDE9": true, "ABCDE": false, "ABCDE0": false, "ABCDEFG": false, "ABCDEÄ": false, "": false} {
		if got := validCode(cleanCode(text)); got != want {
			t.Errorf("validCode(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestGuessesAreForgotten(t *testing.T) {
	var g guesses
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 25 {
		at := now.Add(time.Duration(i) * 5 * time.Second) // twelve a minute
		if !g.allowed(who('a'), at) {
			if i != 10 && i != 11 && i != 22 && i != 23 {
				t.Errorf("guess %d was refused", i)
			}
			continue
		}
		g.fail(who('a'), at)
	}
	for i := range guessesPruned + 1 {
		g.fail(pragma.PlayerID{byte(i), byte(i >> 8), byte(i >> 16), 1}, now.Add(time.Hour))
	}
	if _, kept := g.failed[who('a')]; kept {
		t.Error("a guess of an hour ago is still in memory")
	}
}
