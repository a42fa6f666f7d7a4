package pragma_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// model is a player's session as the specification describes it, next to the
// real one.
type model struct {
	t *testing.T
	w *world
	r robin
	n *rand.Rand

	session  pragma.SessionID
	token    string
	older    []string        // tokens that must be refused for ever
	socket   *pragmatest.Raw // nil: none is open
	live     bool            // connected, or in the grace time
	deadline time.Time       // of a session without a socket
	ends     []end           // that the services must have been told of
	trace    []string        // what was done
}

// operations are what players, networks and machines do, each about as often as
// it stands here.
var operations = []struct {
	name string
	do   func(m *model)
}{
	{"log in", (*model).logIn},
	{"log in", (*model).logIn},
	{"come back", (*model).comeBack},
	{"come back", (*model).comeBack},
	{"come back", (*model).comeBack},
	{"old token", (*model).oldToken},
	{"call", (*model).call},
	{"call", (*model).call},
	{"break", (*model).breakOff},
	{"break", (*model).breakOff},
	{"close", (*model).closeCleanly},
	{"log out", (*model).logOut},
	{"wait", (*model).wait},
	{"wait", (*model).wait},
	{"wait", (*model).wait},
	{"restart", func(m *model) { m.reboot(m.w.Stop) }},
	{"kill", func(m *model) { m.reboot(m.w.Kill) }},
}

func (m *model) logIn() {
	if m.token != "" {
		m.older = append(m.older, m.token)
	}
	m.token, m.session = m.r.login()
	former := m.socket
	m.socket = m.w.Raw(gamePlayer, m.token)
	m.live = true // a session that was live has been taken over: its end is not told
	if former != nil {
		if code := former.Closed(); code != 4001 {
			m.t.Errorf("the former socket was closed with %d, want 4001", code)
		}
	}
}

func (m *model) comeBack() {
	if m.token == "" {
		return
	}
	if !m.live {
		if got := m.w.refuseUpgrade(gamePlayer, m.token).Status; got != http.StatusUnauthorized {
			m.t.Errorf("the token of an ended session got %d", got)
		}
		return
	}
	m.socket = m.w.Raw(gamePlayer, m.token)
}

func (m *model) oldToken() {
	if len(m.older) == 0 {
		return
	}
	token := m.older[m.n.IntN(len(m.older))]
	if got := m.w.refuseUpgrade(gamePlayer, token).Status; got != http.StatusUnauthorized {
		m.t.Errorf("an older token got %d for a socket", got)
	}
	if got := m.w.post(gamePlayer, token, sayFrame).Status; got != http.StatusUnauthorized {
		m.t.Errorf("an older token got %d for a call", got)
	}
}

func (m *model) call() {
	switch {
	case m.token == "":
	case m.socket != nil && m.n.IntN(2) == 0:
		if f := call(m.socket, "LabRpc.SayV1", said{}); f.Response == nil {
			m.t.Errorf("a call on the socket got %s", f)
		}
	default:
		want := http.StatusUnauthorized
		if m.live {
			want = http.StatusOK
		}
		if got := m.w.post(gamePlayer, m.token, sayFrame).Status; got != want {
			m.t.Errorf("a call over HTTP got %d, want %d", got, want)
		}
		if m.live && m.socket == nil {
			// Calls in quick succession are not all stored, so the end is only
			// known to be in a window; get out of it.
			m.comeBack()
		}
	}
}

func (m *model) lost() {
	m.socket, m.deadline = nil, time.Now().Add(time.Minute)
}

func (m *model) breakOff() {
	if m.socket != nil {
		m.socket.Cut()
		m.lost()
	}
}

func (m *model) closeCleanly() {
	if m.socket != nil {
		m.socket.Close()
		m.over(pragma.EndAsRequested)
	}
}

func (m *model) logOut() {
	if m.socket != nil {
		call(m.socket, "PlayerSessionRpc.RequestLogoutV1", nil)
		m.over(pragma.EndAsRequested)
	}
}

func (m *model) over(reason pragma.EndReason) {
	m.socket, m.live = nil, false
	m.ends = append(m.ends, end{m.session, reason})
}

func (m *model) wait() {
	m.sleep(time.Duration(m.n.IntN(80)) * time.Second)
}

// sleep waits, and not until just when a grace time ends.
func (m *model) sleep(d time.Duration) {
	time.Sleep(d)
	if m.live && m.socket == nil {
		if left := time.Until(m.deadline); left < time.Second {
			time.Sleep(left + 3*time.Second)
			m.over(pragma.EndExpired)
		}
	}
}

// reboot ends the server and starts it again after a while.
func (m *model) reboot(end func()) {
	if m.socket != nil {
		m.lost()
	}
	end()
	time.Sleep(time.Duration(m.n.IntN(300)) * time.Second)
	m.w.Start()
	if m.live {
		m.deadline = time.Now().Add(time.Minute) // the machine was away, not the player
	}
}

func (m *model) check() {
	m.t.Helper()
	settle()
	if diff := cmp.Diff(m.ends, m.w.ended()); diff != "" {
		m.t.Errorf("OnSessionEnd was called otherwise than wanted (-want +got):\n%s", diff)
	}
	if got := m.r.live(); got != m.live {
		m.t.Errorf("the session is live: %t, want %t", got, m.live)
	}
	if m.t.Failed() {
		m.t.Fatalf("after %q", m.trace)
	}
}

// A player does random things, and machines die; the directory of sessions says
// what the specification says, and every end is told once.
func TestSessionsFollowTheModel(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				m := &model{t: t, w: w, r: w.robin(), n: rand.New(rand.NewPCG(uint64(seed), 7))}
				for range 60 {
					op := operations[m.n.IntN(len(operations))]
					m.trace = append(m.trace, op.name)
					op.do(m)
					m.check()
				}
			})
		})
	}
}
