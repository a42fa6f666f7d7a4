package client_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// TestPartyConverges plays a server that moves the player through parties at
// random, with breaks at random, and compares in the end.
func TestPartyConverges(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				m := &partyModel{fake: f, rand: rand.New(rand.NewPCG(seed, 2))}
				m.play(t, f.player())
			})
		})
	}
}

// partyModel is the truth of the server: at most one party.
type partyModel struct {
	fake *fake
	rand *rand.Rand

	mu       sync.Mutex
	id       string // empty: none
	version  int
	versions map[string]int // of parties left
	session  int
}

func (m *partyModel) play(t *testing.T, p *client.Player) {
	m.versions, m.session = make(map[string]int), 1
	m.fake.on("MultiplayerRpc.SyncPartyV1", func(c *fakeCall) { c.reply(m.whole()) })
	m.fake.on("PartyRpc.JoinWithInviteCodeV1", func(c *fakeCall) {
		old := m.present()
		m.enter()
		c.reply(m.whole())
		if old != "" { // news that waited while the call ran
			c.sock.notify(partyDetails, `{"party":`+old+`}`)
		}
		c.sock.notify(sessionChanged, m.attributes())
	})
	m.fake.on("PartyRpc.LeaveV1", func(c *fakeCall) {
		m.leave()
		c.reply(`{}`)
		c.sock.notify(sessionChanged, m.attributes())
	})
	for step := range 150 {
		m.step(t, p)
		synctest.Wait()
		if err := m.compare(p.State()); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
}

func (m *partyModel) step(t *testing.T, p *client.Player) {
	sock := m.fake.socket("game")
	switch n := m.rand.IntN(12); {
	case n == 0:
		sock.cut()
		if m.rand.IntN(2) == 0 {
			m.leave() // removed while away
		}
		time.Sleep(5 * time.Minute)
		m.fake.socket("game").notify(sessionChanged, m.attributes())
	case n < 4:
		if _, err := p.Party.JoinWithInviteCode(t.Context(), "ABC123", ext.Value{}); err != nil {
			t.Fatal(err)
		}
	case n < 6:
		if err := p.Party.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
	case n < 8 && m.present() != "":
		stale, id := m.present(), m.id
		m.leave()
		sock.notify(sessionChanged, m.attributes())
		sock.notify("PartyRpc.RemovedV1Notification", `{"partyId":"`+id+`","removalReason":"KICKED"}`)
		sock.notify(partyDetails, `{"party":`+stale+`}`)
	case m.present() != "":
		m.change()
		sock.notify(partyDetails, `{"party":`+m.present()+`}`)
		sock.notify(partyDetails, `{"party":`+party(m.id, m.version-1)+`}`)
	}
}

func (m *partyModel) compare(s client.State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.id == "" && s.Party == nil:
		return nil
	case s.Party == nil:
		return fmt.Errorf("no party, want %s version %d", m.id, m.version)
	case s.Party.ID.String() != m.id || s.Party.Version != int64(m.version):
		return fmt.Errorf("party %s version %d, want %q version %d", s.Party.ID, s.Party.Version, m.id, m.version)
	}
	return nil
}

func (m *partyModel) enter() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id != "" {
		m.versions[m.id] = m.version
	}
	m.id = []string{partyA, partyB}[m.rand.IntN(2)]
	m.version = max(m.versions[m.id], m.version) + 1
	m.session++
}

func (m *partyModel) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id != "" {
		m.versions[m.id] = m.version
		m.id = ""
		m.session++
	}
}

func (m *partyModel) change() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
}

func (m *partyModel) present() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id == "" {
		return ""
	}
	return party(m.id, m.version)
}

func (m *partyModel) whole() string {
	if present := m.present(); present != "" {
		return `{"isInParty":true,"party":` + present + `}`
	}
	return `{"isInParty":false}`
}

func (m *partyModel) attributes() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id == "" {
		return attributes(m.session, "", "2")
	}
	return attributes(m.session, `"2":"`+m.id+`"`, "")
}

// TestEverythingAtOnce uses one player from many goroutines while the network
// breaks and the server ends the session. It is for the race detector; every
// call has to end with one of the documented errors.
func TestEverythingAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.refresh = "5000"
		f.refreshes()
		p := f.player(func(o *client.Options) { o.EventQueue = 4 })
		f.on("PartyRpc.CreateV1", answer(`{"party":`+party(partyA, 1)+`}`))
		f.on("PartyRpc.LeaveV1", func(c *fakeCall) { c.refuse("PartyService_NotInParty") })
		f.on("Some.CallV1", silent)
		client.On(p, func(client.Event) { time.Sleep(time.Second) })
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() { useUntilTheEnd(t, p, i) })
		}
		for range 5 {
			time.Sleep(20 * time.Second)
			f.socket("game").cut()
			f.socket("social").cut()
		}
		time.Sleep(20 * time.Second)
		f.socket("social").notify("PlayerSessionRpc.SessionTerminatedV1Notification", `{"playerSession":{},"reason":"USURPED"}`)
		wg.Wait()
		p.Close()
		if e, ok := errors.AsType[*client.EndError](p.Err()); !ok || e.Reason != pragma.EndUsurped {
			t.Errorf("Err() = %v, want USURPED", p.Err())
		}
	})
}

func useUntilTheEnd(t *testing.T, p *client.Player, i int) {
	notInParty := &pragma.Error{Reason: "PartyService_NotInParty"}
	for p.Err() == nil {
		sub := p.Subscribe()
		stop := client.On(p, func(client.PartyChanged) {})
		var err error
		switch i % 3 {
		case 0:
			_, err = p.Party.Create(t.Context(), client.CreateParty{})
		case 1:
			err = p.Party.Leave(t.Context())
		case 2:
			_, err = client.Call[struct{}](t.Context(), p.GameConn(), "Some.CallV1", nil)
		}
		switch {
		case err == nil, errors.Is(err, notInParty), errors.Is(err, client.ErrDisconnected),
			errors.Is(err, client.ErrOutcomeUnknown), errors.Is(err, client.ErrClosed):
		default:
			t.Errorf("call %d = %v", i, err)
		}
		_ = p.State()
		_ = p.Tokens()
		stop()
		sub.Close()
		_ = p.WaitConnected(t.Context())
		time.Sleep(500 * time.Millisecond)
	}
}

func TestManyPlayersAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.on("Some.EchoV1", func(c *fakeCall) { c.reply(c.payload) })
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				p, err := client.LogIn(t.Context(), f.options(), client.Unsafe("robin", "Robin"))
				if err != nil {
					t.Error(err)
					return
				}
				for range 10 {
					if _, err := client.Call[struct{}](t.Context(), p.SocialConn(), "Some.EchoV1", nil); err != nil {
						t.Error(err)
					}
				}
				if err := p.LogOut(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, host := range []string{"game", "social"} {
			if got := len(f.seen(host + " PlayerSessionRpc.RequestLogoutV1")); got != 20 {
				t.Errorf("%s: %d log-outs, want 20", host, got)
			}
		}
	})
}
