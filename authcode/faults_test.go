package authcode_test

import (
	"context"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func TestStoreThatFailsLosesNoCode(t *testing.T) {
	db := storetest.Faulty(store.NewMemory(), storetest.Faults{})
	run(t, options{store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		for _, fault := range []storetest.Fault{storetest.Unavailable, storetest.Full} {
			db.Next(fault)
			if f := robin.ask(); f.ServiceError == nil || f.ServiceError.Error != "Service_OperatingError" {
				t.Errorf("fault %d while asking: %s", fault, f.Text)
			}
			code := robin.code()
			db.Next(fault)
			wantRefusal(t, cup.redeem(code), "Service_OperatingError")
			cup.redeem(code).wantPlayer(robin)
		}
		for _, fault := range []storetest.Fault{storetest.Conflict, storetest.UnknownBefore, storetest.UnknownAfter} {
			db.Next(fault)
			code := robin.code()
			db.Next(fault)
			cup.redeem(code).wantPlayer(robin)
			wantRefusal(t, cup.redeem(code), "AUTH_CODE_NOT_FOUND")
		}
		if got := count(t, db, "auth-code"); got != 0 {
			t.Errorf("%d codes are left", got)
		}
	})
}

func TestStoreThatCannotBeReadUsesUpNoCode(t *testing.T) {
	db := storetest.Faulty(store.NewMemory(), storetest.Faults{})
	run(t, options{store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		code := robin.code()
		cup.redeem("5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301") // the token has been looked at
		db.Set(storetest.Faults{Read: 1})
		wantRefusal(t, cup.redeem(code), "Service_OperatingError")
		db.Set(storetest.Faults{})
		cup.redeem(code).wantPlayer(robin)
	})
}

func TestCleanerTriesAgain(t *testing.T) {
	db := storetest.Faulty(store.NewMemory(), storetest.Faults{})
	run(t, options{store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		robin := w.join("robin")
		for range 3 {
			robin.code()
		}
		time.Sleep(9 * time.Minute)
		db.Set(storetest.Faults{Read: 1, Unavailable: 1})
		time.Sleep(2 * time.Minute)
		db.Set(storetest.Faults{})
		if got := count(t, db, "auth-code"); got != 3 {
			t.Errorf("%d codes while the store fails, want 3", got)
		}
		time.Sleep(8*time.Minute + 30*time.Second)
		db.Next(storetest.Conflict, storetest.Conflict) // somebody else cleans too
		time.Sleep(time.Minute)
		if got := count(t, db, "auth-code"); got > 1 {
			t.Errorf("%d codes are left", got)
		}
		time.Sleep(10 * time.Minute)
		if got := count(t, db, "auth-code"); got != 0 {
			t.Errorf("%d codes are left in the end", got)
		}
	})
}

// TestCacheDecidesNothing changes the records behind the back of the node that
// has the codes in its cache (escs F32).
func TestCacheDecidesNothing(t *testing.T) {
	db := store.NewMemory()
	run(t, options{store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		robin, cup := w.join("robin"), w.partner()
		lost, kept := robin.code(), robin.code()
		var lostKey store.Key
		for r, err := range db.List(t.Context(), store.Query{Kind: "auth-code"}) {
			if err != nil {
				t.Fatal(err)
			}
			if r.ID == sum(lost) {
				lostKey = r.Key
			}
		}
		if err := store.Commit(t.Context(), db, &store.Batch{Deletes: []store.Check{{Key: lostKey, Expect: 1}}}); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, cup.redeem(lost), "AUTH_CODE_NOT_FOUND")
		cup.redeem(kept).wantPlayer(robin)
		for range 5 { // one of which takes the place of the lost one
			robin.code()
		}
		if got := count(t, db, "auth-code"); got != 5 {
			t.Errorf("%d codes, want 5", got)
		}
	})
}
