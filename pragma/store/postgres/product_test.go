package postgres_test

import (
	"testing"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/postgres"
)

func TestPlaceNamesTheDatabaseHoweverItIsWritten(t *testing.T) {
	place := func(text string) string {
		return (&postgres.Config{HostPortSchema: text, Password: "classified"}).Place()
	}
	for text, want := range map[string]string{
		"localhost:5432/game": "POSTGRES localhost:5432/game",
		"LocalHost/game":      "POSTGRES localhost:5432/game",
		"localhost:5433/game": "POSTGRES localhost:5433/game",
		"localhost/Game":      "POSTGRES localhost:5432/Game",
		"[::1]/game":          "POSTGRES [::1]:5432/game",
		"localhost":           "",
	} {
		if got := place(text); got != want {
			t.Errorf("Place() of %q = %q, want %q", text, got, want)
		}
	}
}

func TestProductOpensADatabase(t *testing.T) {
	s := servers.Postgres(t)
	p := postgres.Product()
	db := p.New().(*postgres.Config)
	*db = config(s.Addr(), s.Schema(t))
	d, err := db.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b := &store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "thing", ID: "a"}}}}
	if err := store.Commit(t.Context(), d, b); err != nil || p.Name != "POSTGRES" {
		t.Errorf("Commit() on %s = %v", p.Name, err)
	}
}
