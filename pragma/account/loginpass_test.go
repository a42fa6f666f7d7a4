package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// queueing runs a server that lets two a second in and needs their passes.
func queueing(t *testing.T, fn func(t *testing.T, w *world), more ...string) {
	t.Helper()
	const slow = `core: {backendMode: PRODUCTION}
game: {serviceConfigs: {LoginQueueServiceConfig: {targetLoginRatePerSecond: 2}}}`
	w := &world{}
	build := func() *pragma.Server {
		w.lab = &lab{}
		return &pragma.Server{
			Config: pragmatest.Config(t, append([]string{slow}, more...)...),
			Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{&account.Unsafe{Production: true, Operators: true}}}},
			Game:   []pragma.Service{w.lab},
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(pw.T, w)
	})
}

// ticket enters the log-in queue and returns the token that it answers with.
func (w *world) ticket() (token string, in bool) {
	w.T.Helper()
	resp, err := w.HTTP().Get("http://" + w.Address(gamePlayer) + "/v1/loginqueue/getinqueuev1")
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var got struct {
		Token       string
		IsAllowedIn bool
	}
	if err = errors.Join(err, json.Unmarshal(body, &got)); err != nil {
		w.T.Fatalf("%s: %v", body, err)
	}
	return got.Token, got.IsAllowedIn
}

// pass enters the log-in queue and wants to be let in at once.
func (w *world) pass() string {
	w.T.Helper()
	token, in := w.ticket()
	if !in {
		w.T.Fatal("the queue does not let in at once")
	}
	return token
}

func withPass(accountID, pass string) string {
	return strings.TrimSuffix(unsafe(accountID, accountID), "}") + `,"loginQueuePassToken":"` + pass + `"}`
}

func (w *world) wantForbidden(name string, a answer) {
	w.T.Helper()
	if e := a.Refusal.ServiceError; a.Status != http.StatusForbidden || e.Status != "SERVICE_ERROR" || e.Error != "AccountService_Unauthorized" {
		w.T.Errorf("%s: got %d %s, want 403 AccountService_Unauthorized", name, a.Status, a.Body)
	}
}

func TestProductionNeedsThePassOfTheLogInQueue(t *testing.T) {
	queueing(t, func(t *testing.T, w *world) {
		pass := w.pass()
		game := w.logIn(socialPlayer, withPass("robin", pass))
		if game.Status != http.StatusOK {
			t.Fatalf("with a pass: %d %s", game.Status, game.Body)
		}
		w.pass()
		waiting, in := w.ticket()
		if in {
			t.Fatal("the third is in at once")
		}
		for name, token := range map[string]string{
			"empty": "", "nonsense": "x", "a ticket that waits": waiting, "a token of a session": game.Tokens.PragmaTokens.PragmaGameToken,
			"truncated": pass[:len(pass)-5], "a changed payload": strings.Replace(pass, ".e", ".f", 1), "dots": strings.Repeat(".", 9000),
		} {
			w.wantForbidden(name, w.logIn(socialPlayer, withPass("other", token)))
		}
		w.wantForbidden("left out", w.logIn(socialPlayer, unsafe("other", "other")))
		if a := w.logIn(socialOperator, unsafe("test01", "")); a.Status != http.StatusOK {
			t.Errorf("an operator without a pass: %d %s", a.Status, a.Body)
		}
	})
}

func TestOnePassLetsOneAccountIn(t *testing.T) {
	queueing(t, func(t *testing.T, w *world) {
		pass := w.pass()
		if a := w.logIn(socialPlayer, strings.Replace(withPass("robin", pass), "UNSAFE", "XBOX", 1)); a.Status != http.StatusBadRequest {
			t.Fatalf("by a provider that is not there: %d %s", a.Status, a.Body)
		}
		for _, when := range []string{"first", "again", "over a restart"} {
			if a := w.logIn(socialPlayer, withPass("robin", pass)); a.Status != http.StatusOK {
				t.Errorf("%s: %d %s", when, a.Status, a.Body)
			}
			w.wantForbidden("another account, "+when, w.logIn(socialPlayer, withPass("marian", pass)))
			if when == "again" {
				w.Restart()
			}
		}
		time.Sleep(11 * time.Minute)
		w.wantForbidden("after its time", w.logIn(socialPlayer, withPass("robin", pass)))
	})
}

func TestOnePassLetsOneOfManyInAtTheSameTime(t *testing.T) {
	queueing(t, func(t *testing.T, w *world) {
		pass := w.pass()
		var mu sync.Mutex
		statuses := make(map[int]int)
		var wg sync.WaitGroup
		for _, name := range strings.Split("abcdefgh", "") {
			wg.Go(func() {
				a, err := w.tryLogIn(socialPlayer, withPass(name, pass))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				statuses[a.Status]++
			})
		}
		wg.Wait()
		if statuses[200] != 1 || statuses[403] != 7 {
			t.Errorf("statuses: %v, want one in and seven refused", statuses)
		}
	})
}

func TestUsedPassesAreForgotten(t *testing.T) {
	db := store.NewMemory()
	build := func() *pragma.Server {
		return &pragma.Server{
			Config: pragmatest.Config(t, "game: {serviceConfigs: {LoginQueueServiceConfig: {requireLoginQueuePassToken: true}}}"),
			Game:   []pragma.Service{&lab{}},
			Store:  func(context.Context) (store.Driver, error) { return db, nil },
		}
	}
	count := func(ctx context.Context) (n int) {
		for _, err := range db.List(ctx, store.Query{Kind: "login-pass"}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw}
		for _, name := range []string{"robin", "marian", "john"} {
			if a := w.logIn(socialPlayer, withPass(name, w.pass())); a.Status != http.StatusOK {
				pw.T.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		if n := count(pw.T.Context()); n != 3 {
			pw.T.Errorf("%d used passes are kept, want 3", n)
		}
		time.Sleep(time.Hour)
		if n := count(pw.T.Context()); n != 0 {
			pw.T.Errorf("%d used passes are kept after an hour, want none", n)
		}
	})
}

func TestWhereNoPassIsNeededItIsNotLookedAt(t *testing.T) {
	queueing(t, func(t *testing.T, w *world) {
		pass := w.pass()
		for name, token := range map[string]string{"good": pass, "used by another": pass, "empty": "", "of another server": "e30.e30.e30"} {
			if a := w.logIn(socialPlayer, withPass(name, token)); a.Status != http.StatusOK {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
	}, "game: {serviceConfigs: {LoginQueueServiceConfig: {requireLoginQueuePassToken: false}}}")
}

func TestPassThatCannotBeSpentIsADatabaseError(t *testing.T) {
	db := &brokenStore{Driver: store.NewMemory()}
	build := func() *pragma.Server {
		return &pragma.Server{
			Config: pragmatest.Config(t, "game: {serviceConfigs: {LoginQueueServiceConfig: {requireLoginQueuePassToken: true}}}"),
			Game:   []pragma.Service{&lab{}},
			Store:  func(context.Context) (store.Driver, error) { return db, nil },
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw}
		pass := w.pass()
		db.broken.Store(true)
		if a := w.logIn(socialPlayer, withPass("robin", pass)); a.Status != 500 || a.Refusal.ServiceError.Error != "Database_Error" {
			pw.T.Errorf("got %d %s, want 500 Database_Error", a.Status, a.Body)
		}
		db.broken.Store(false)
		if a := w.logIn(socialPlayer, withPass("robin", pass)); a.Status != http.StatusOK {
			pw.T.Errorf("tried again: %d %s", a.Status, a.Body)
		}
	})
}
