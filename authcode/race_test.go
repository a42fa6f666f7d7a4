package authcode_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/authcode"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// another starts a second node on the same store and returns its doors. It stops
// with the test.
func (w *world) another(t *testing.T, open store.Opener) (player, partner door) {
	t.Helper()
	var mu sync.Mutex
	listeners := make(map[string]*pipes)
	accounts := &account.Service{}
	ready := make(chan pragma.Addresses, 1)
	srv := &pragma.Server{
		Social: []pragma.Service{accounts, &authcode.Service{Accounts: accounts}},
		Config: pragmatest.Config(t, section(""), "core: {nodeName: another}"),
		Store:  open,
		Ready:  func(a pragma.Addresses) { ready <- a },
		Logger: w.Server().Logger,
		Listen: func(_ context.Context, g pragma.Gateway, _ string) (net.Listener, error) {
			mu.Lock()
			defer mu.Unlock()
			name := fmt.Sprintf("another-%d:80", len(listeners))
			listeners[name] = &pipes{name, make(chan net.Conn), make(chan struct{}), sync.Once{}}
			return listeners[name], nil
		},
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		mu.Lock()
		l := listeners[address]
		mu.Unlock()
		return l.dial(ctx)
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Errorf("the second node ended with %v", err)
		}
	})
	addresses := <-ready
	at := func(g pragma.Gateway) door {
		return door{&http.Client{Transport: transport}, "http://" + addresses[g] + "/v1/rpc"}
	}
	return at(socialPlayer), at(socialPartner)
}

// pipes is a listener in memory.
type pipes struct {
	name  string
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr  { return p }
func (p *pipes) Network() string { return "pipe" }
func (p *pipes) String() string  { return p.name }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// everyone makes n calls at the same time, the i-th at the door i mod len(doors).
func everyone(t *testing.T, n int, token, body string, doors ...door) []*answer {
	t.Helper()
	answers := make([]*answer, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			a, err := doors[i%len(doors)].post(t.Context(), token, body)
			if err != nil {
				t.Errorf("racer %d: %v", i, err)
				a = &answer{}
			}
			answers[i] = a
		})
	}
	synctest.Wait()
	close(start)
	wg.Wait()
	return answers
}

// results counts answers by their refusals.
func results(answers []*answer) map[string]int {
	n := make(map[string]int)
	for _, a := range answers {
		n[a.reason()]++
	}
	return n
}

func redeemBody(code string) string {
	return `{"requestId":1,"type":"` + redeemType + `","payload":` + flat(code, application, secret) + `}`
}

func TestOneOfFiftyRacersRedeemsACode(t *testing.T) {
	for _, faults := range []storetest.Faults{
		{},
		{Seed: 1, Latency: 20 * time.Millisecond},
		{Seed: 2, Latency: 5 * time.Millisecond, UnknownAfter: 0.2, UnknownBefore: 0.1, Conflict: 0.1},
	} {
		t.Run(fmt.Sprintf("%+v", faults), func(t *testing.T) {
			db := storetest.Faulty(store.NewMemory(), storetest.Faults{Seed: faults.Seed})
			open := func(context.Context) (store.Driver, error) { return unclosed{db}, nil }
			run(t, options{store: open}, func(t *testing.T, w *world) {
				_, elsewhere := w.another(t, open)
				robin, cup := w.join("robin"), w.partner()
				for range 5 {
					code := robin.code()
					db.Set(faults)
					answers := everyone(t, 50, cup.token, redeemBody(code), cup.door, elsewhere)
					db.Set(storetest.Faults{})
					got := results(answers)
					if got[""] != 1 || got[""]+got["AUTH_CODE_NOT_FOUND"]+got["Service_OperatingError"] != 50 || faults.Conflict == 0 && got["Service_OperatingError"] > 0 {
						t.Errorf("got %v, want one winner", got)
					}
					wantRefusal(t, cup.redeem(code), "AUTH_CODE_NOT_FOUND")
				}
			})
		})
	}
}

// unclosed is a store that two servers share.
type unclosed struct{ store.Driver }

func (unclosed) Close() error { return nil }

func TestLimitsOfAPlayerHoldOnTwoNodes(t *testing.T) {
	open := store.Memory()
	run(t, options{store: open}, func(t *testing.T, w *world) {
		asking, elsewhere := w.another(t, open)
		robin, cup := w.join("robin"), w.partner()
		const ask = `{"requestId":1,"type":"AuthCodeRpc.AuthCodeV1Request","payload":{"playerId":""}}`
		codes := make(map[string]bool)
		for round := range 2 { // the second one asks for what the first one could not have
			answers := everyone(t, 20, robin.token, ask, w.door(socialPlayer), asking)
			got := results(answers)
			for _, a := range answers {
				if a.Response != nil {
					codes[a.Response.Payload.AuthCode] = true
				}
			}
			if round == 1 && len(codes) != authcode.MaxRequests || len(codes) > authcode.MaxRequests ||
				got[""]+got["SessionService_RateLimited"]+got["Service_OperatingError"] != 20 {
				t.Errorf("round %d: got %v, and %d codes so far", round, got, len(codes))
			}
		}
		living := 0
		for code := range codes {
			door := cup.door
			if living%2 == 1 {
				door = elsewhere
			}
			a, err := door.post(t.Context(), cup.token, redeemBody(code))
			if err != nil {
				t.Fatal(err)
			}
			if a.Response != nil {
				living++
			}
		}
		if living != authcode.MaxCodes {
			t.Errorf("%d codes were alive, want %d", living, authcode.MaxCodes)
		}
	})
}

func TestCodeOfOneNodeIsRedeemedOnAnother(t *testing.T) {
	open := store.Memory()
	run(t, options{store: open}, func(t *testing.T, w *world) {
		_, elsewhere := w.another(t, open)
		robin, cup := w.join("robin"), w.partner()
		there := &partner{t, elsewhere, cup.token}
		code := robin.code()
		there.redeem(code).wantPlayer(robin)
		wantRefusal(t, cup.redeem(code), "AUTH_CODE_NOT_FOUND") // this node has it in its cache
		late := robin.code()
		time.Sleep(21 * time.Minute) // both nodes have cleaned
		wantRefusal(t, there.redeem(late), "AUTH_CODE_NOT_FOUND")
		wantRefusal(t, cup.redeem(late), "AUTH_CODE_NOT_FOUND")
	})
}
