package account_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

func TestDisplayNamesAreUnique(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		seen := make(map[string]string)
		for i := range 300 {
			name := []string{"Robin", "ROBIN", "robin"}[i%3]
			game, _ := w.mustLogIn(fmt.Sprint("account", i), name)
			c := claims(t, game)
			full := strings.ToLower(fmt.Sprint(c["displayName"], "#", c["discriminator"]))
			if other, ok := seen[full]; ok {
				t.Fatalf("accounts %d and %s are both %s", i, other, full)
			}
			seen[full] = fmt.Sprint(i)
			if c["displayName"] != name {
				t.Errorf("displayName = %v, want %s as it was written", c["displayName"], name)
			}
		}
	})
}

func TestDisplayNamesAreMadeUsable(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		for i, tt := range []struct{ name, want string }{
			{"Robin", "Robin"},
			{"  Robin  Hood ", "Robin  Hood"},
			{"a#b\tc\u200bd", "abcd"},
			{"", "player"},
			{"###", "player"},
			{strings.Repeat("x", 40), strings.Repeat("x", 32)},
			{strings.Repeat("ä", 40), strings.Repeat("ä", 32)},
			{strings.Repeat("🦊", 40), strings.Repeat("🦊", 30)},
			{strings.Repeat("İ", 40), strings.Repeat("İ", 32)},
		} {
			a := w.logIn(socialPlayer, body("OWN", tt.name, shard))
			if a.Status != http.StatusOK {
				t.Errorf("%q: got %d %s", tt.name, a.Status, a.Body)
				continue
			}
			if got := claims(t, a.Tokens.PragmaTokens.PragmaGameToken)["displayName"]; got != tt.want {
				t.Errorf("%d: %q became %q, want %q", i, tt.name, got, tt.want)
			}
		}
	}, &provider{name: "OWN", validate: func(_ context.Context, r *account.ValidateRequest) (*account.ProviderAccount, error) {
		return &account.ProviderAccount{AccountID: fmt.Sprintf("%x", r.ProviderToken[:min(len(r.ProviderToken), 40)]) + "-", DisplayName: r.ProviderToken}, nil
	}})
}

func TestLastFreeDiscriminatorIsFoundAndThenThereIsNone(t *testing.T) {
	db := store.NewMemory()
	const free = 4711
	for n := range 10000 {
		if n == free {
			continue
		}
		key := store.Key{Kind: "account-name", ID: fmt.Sprintf("robin#%04d", n)}
		put := store.Put{Key: key, Body: []byte(`{"socialId":"` + pragma.NewID[pragma.SocialID]().String() + `"}`)}
		if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{put}}); err != nil {
			t.Fatal(err)
		}
	}
	build := func() *pragma.Server {
		return &pragma.Server{Game: []pragma.Service{&lab{}}, Store: func(context.Context) (store.Driver, error) { return db, nil }}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw}
		game, _ := w.mustLogIn("a", "Robin")
		if got := claims(pw.T, game)["discriminator"]; got != "4711" {
			pw.T.Errorf("discriminator = %v, want the free one", got)
		}
		a := w.logIn(socialPlayer, unsafe("b", "Robin"))
		if e := a.Refusal.ServiceError; a.Status != http.StatusInternalServerError || e.Error != "AccountService_RanOutOfDiscriminators" {
			pw.T.Errorf("got %d %s, want 500 AccountService_RanOutOfDiscriminators", a.Status, e.Error)
		}
	})
}
