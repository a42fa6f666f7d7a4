package mysql_test

import (
	"testing"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
)

func TestPlaceNamesTheDatabaseHoweverItIsWritten(t *testing.T) {
	place := func(text string) string { return (&mysql.Config{HostPortSchema: text, Password: "classified"}).Place() }
	for text, want := range map[string]string{
		"localhost:3306/game": "MYSQLDB localhost:3306/game",
		"LocalHost/game":      "MYSQLDB localhost:3306/game",
		"localhost:3307/game": "MYSQLDB localhost:3307/game",
		"localhost/Game":      "MYSQLDB localhost:3306/Game",
		"[::1]/game":          "MYSQLDB [::1]:3306/game",
		"localhost":           "",
	} {
		if got := place(text); got != want {
			t.Errorf("Place() of %q = %q, want %q", text, got, want)
		}
	}
}

func TestProductOpensADatabase(t *testing.T) {
	s := servers.MariaDB(t)
	p := mysql.Product()
	db := p.New().(*mysql.Config)
	*db = config(s.Addr(), s.Schema(t))
	d, err := db.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b := &store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "thing", ID: "a"}}}}
	if err := store.Commit(t.Context(), d, b); err != nil || p.Name != "MYSQLDB" {
		t.Errorf("Commit() on %s = %v", p.Name, err)
	}
}
