package authcode_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

func TestCodeExpiresWithItsTimeToLive(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		early, late := robin.code(), robin.code()
		time.Sleep(5*time.Minute - time.Millisecond)
		cup.redeem(early).wantPlayer(robin)
		time.Sleep(time.Millisecond)
		for range 2 { // looking does not use it up
			a := cup.redeem(late)
			wantRefusal(t, a, "AUTH_CODE_EXPIRED")
			if a.ServiceError.ApplicationError["payload"].(m)["number"] != 10002.0 {
				t.Errorf("application error = %v", a.ServiceError.ApplicationError)
			}
		}
		wantRefusal(t, cup.send(flat(late, application, "wrong")), "AccountService_Unauthorized")
	})
}

func TestCleanerDeletesCodesThatHaveExpired(t *testing.T) {
	db := store.NewMemory()
	run(t, options{store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		var codes []string
		cup := w.partner()
		for _, name := range []string{"robin", "marian", "tuck"} {
			p := w.join(name)
			codes = append(codes, p.code(), p.code())
		}
		time.Sleep(6 * time.Minute) // the first ones have expired
		fresh := w.join("john")
		young := fresh.code()
		if got := count(t, db, "auth-code"); got != 7 {
			t.Errorf("%d codes before the cleaning, want 7", got)
		}
		wantRefusal(t, cup.redeem(codes[0]), "AUTH_CODE_EXPIRED")
		time.Sleep(4*time.Minute + time.Second) // ten minutes after the start
		if got := count(t, db, "auth-code"); got != 1 {
			t.Errorf("%d codes after the cleaning, want 1", got)
		}
		for _, code := range codes {
			wantRefusal(t, cup.redeem(code), "AUTH_CODE_NOT_FOUND")
		}
		cup.redeem(young).wantPlayer(fresh)
	})
}

func TestCleanerDeletesMoreThanOneBatch(t *testing.T) {
	db := store.NewMemory()
	run(t, options{store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		batch := new(store.Batch)
		for i := range 700 {
			id := strings.Repeat("a", 60) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
			batch.Puts = append(batch.Puts, store.Put{Key: store.Key{Kind: "auth-code", ID: id}, Due: time.Now().Add(time.Second), Body: []byte(`{}`)})
		}
		if err := store.Commit(t.Context(), db, batch); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Minute)
		if got := count(t, db, "auth-code"); got != 0 {
			t.Errorf("%d codes are left", got)
		}
	})
}

func TestPlayerHasFiveLivingCodes(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian, cup := w.join("robin"), w.join("marian"), w.partner()
		hers := marian.code()
		var codes []string
		for range 7 {
			codes = append(codes, robin.code())
		}
		for _, code := range codes[:2] {
			wantRefusal(t, cup.redeem(code), "AUTH_CODE_NOT_FOUND")
		}
		cup.redeem(codes[6]).wantPlayer(robin) // makes room for one
		codes = append(codes, robin.code())
		for _, code := range append(codes[2:6], codes[7]) {
			cup.redeem(code).wantPlayer(robin)
		}
		cup.redeem(hers).wantPlayer(marian)
	})
}

func TestExpiredCodesTakeNoRoom(t *testing.T) {
	run(t, options{config: "authCodeTTL: 60"}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		for range 4 {
			robin.code()
		}
		time.Sleep(30 * time.Second)
		kept := robin.code()
		time.Sleep(30 * time.Second)
		for range 4 {
			robin.code()
		}
		cup.redeem(kept).wantPlayer(robin)
	})
}

func TestPlayerMayAskTenTimesAMinute(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, marian := w.join("robin"), w.join("marian")
		limited := func() bool {
			t.Helper()
			f := robin.ask()
			if f.ServiceError != nil && f.ServiceError.Error != "SessionService_RateLimited" {
				t.Errorf("got %s", f.Text)
			}
			return f.ServiceError != nil
		}
		first := time.Now()
		for i := range 10 {
			if limited() {
				t.Fatalf("request %d is refused", i+1)
			}
			time.Sleep(time.Second)
		}
		if !limited() {
			t.Error("request 11 is answered")
		}
		marian.code()
		w.Restart() // nobody forgets
		robin = w.join("robin")
		if !limited() {
			t.Error("a restart gives ten more")
		}
		a, err := w.door(socialPlayer).post(t.Context(), robin.token, `{"requestId":1,"type":"AuthCodeRpc.AuthCodeV1Request","payload":{}}`)
		if err != nil || a.Status != 429 {
			t.Errorf("over HTTP: %v, %+v", err, a)
		}
		time.Sleep(time.Until(first.Add(time.Minute - time.Millisecond)))
		if !limited() {
			t.Error("the first request counts for less than a minute")
		}
		time.Sleep(time.Millisecond)
		if limited() {
			t.Error("the first request counts for more than a minute")
		}
		if !limited() {
			t.Error("the second request counts for less than a minute")
		}
	})
}

func TestCodesOutliveARestart(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		first, second, used := robin.code(), robin.code(), robin.code()
		cup.redeem(used).wantPlayer(robin)
		w.Restart()
		cup.door = w.door(socialPartner)
		cup.redeem(first).wantPlayer(robin)
		wantRefusal(t, cup.redeem(used), "AUTH_CODE_NOT_FOUND")
		w.Kill()
		w.Start()
		cup.door = w.door(socialPartner)
		wantRefusal(t, cup.redeem(first), "AUTH_CODE_NOT_FOUND")
		cup.redeem(second).wantPlayer(robin)
	})
}

func TestCacheMayBeSmallerThanTheLivingCodes(t *testing.T) {
	for _, size := range []string{"0", "1", "3", "1000"} {
		t.Run(size, func(t *testing.T) {
			run(t, options{config: "maxCacheSize: " + size}, func(t *testing.T, w *world) {
				cup := w.partner()
				owners := make(map[string]*player)
				for _, name := range []string{"robin", "marian", "tuck", "john"} {
					p := w.join(name)
					for range 4 {
						owners[p.code()] = p
					}
				}
				for code, p := range owners {
					cup.redeem(code).wantPlayer(p)
				}
				for code := range owners {
					wantRefusal(t, cup.redeem(code), "AUTH_CODE_NOT_FOUND")
				}
			})
		})
	}
}

func TestConfigurationIsTakenOverWhileTheServerRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "social.yml")
	write := func(yaml string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second) // until the server has looked
	}
	if err := os.WriteFile(file, []byte(section("")), 0o600); err != nil {
		t.Fatal(err)
	}
	db := store.NewMemory()
	run(t, options{files: []string{file}, store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		old := robin.code()
		write(strings.Replace(section("authCodeTTL: 30, dbCleanInterval: 1, maxCacheSize: 1"), secret, "rotated", 1))
		short := robin.code()
		wantRefusal(t, cup.redeem(old), "AccountService_Unauthorized")
		time.Sleep(31 * time.Second)
		wantRefusal(t, cup.send(flat(short, application, "rotated")), "AUTH_CODE_EXPIRED")
		cup.send(flat(old, application, "rotated")).wantPlayer(robin) // it keeps its expiry
		time.Sleep(time.Minute)
		if got := count(t, db, "auth-code"); got != 0 {
			t.Errorf("%d codes after the new interval", got)
		}
		last := robin.code()
		write(strings.Replace(section(""), secret, "''", 1)) // a mistake changes nothing
		cup.send(flat(last, application, "rotated")).wantPlayer(robin)
		for _, text := range []string{secret, "rotated"} {
			if strings.Contains(w.Logs(), text) {
				t.Errorf("the log has the secret %q:\n%s", text, w.Logs())
			}
		}
	})
}
