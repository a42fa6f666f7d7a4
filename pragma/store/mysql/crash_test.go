package mysql_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
)

func TestAConnectionCutAtAnyByteLeavesEveryAnswerTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: it harms servers again and again")
	}
	dbtest.SweepCuts(t, func(t *testing.T) (string, func(string) store.Driver) {
		s := servers.MariaDB(t)
		schema := s.Schema(t)
		return s.Addr(), func(addr string) store.Driver {
			c := config(addr, schema)
			c.WriteConnections, c.ReadConnections = 1, 1
			return open(t, c)
		}
	})
}

func TestCountersStayExactThroughKillsAndRestarts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: it harms servers again and again")
	}
	t.Parallel()
	rounds := 4
	if dbtest.Long() {
		rounds = 40
	}
	s := dbtest.NewMariaDB(t)
	d := open(t, config(s.Addr(), s.Schema(t)))
	l := dbtest.StartLoad(d)
	for round := range rounds {
		l.Progress(t)
		time.Sleep(rand.N(50 * time.Millisecond))
		if round%2 == 0 {
			s.Kill()
		} else {
			s.Stop()
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	l.Progress(t)
	l.Finish(t, d)
}

func TestCountersStayExactThroughAFrozenServer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: it harms servers again and again")
	}
	t.Parallel()
	s := dbtest.NewMariaDB(t)
	c := config(s.Addr(), s.Schema(t))
	c.TimeoutMillis = 3000
	d := open(t, c)
	l := dbtest.StartLoad(d)
	l.Progress(t)
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second) // beyond the time limit of an answer
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	l.Progress(t)
	l.Finish(t, d)
}

// Connections end one by one while the others work.
func TestCountersStayExactThroughKilledConnections(t *testing.T) {
	t.Parallel()
	s := dbtest.NewMariaDB(t)
	schema := s.Schema(t)
	c := config(s.Addr(), schema)
	c.WriteConnections = 4
	d := open(t, c)
	l := dbtest.StartLoad(d)
	killed := 0
	rounds := 60
	if dbtest.Long() {
		rounds = 1000
	}
	db := s.DB(t, schema)
	for range rounds {
		rows, err := db.Query("SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()", schema)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		rows.Close()
		if len(ids) > 0 {
			how := []string{"KILL", "KILL QUERY"}[rand.N(2)]
			if _, err := db.Exec(fmt.Sprintf("%s %d", how, ids[rand.N(len(ids))])); err == nil {
				killed++
			}
		}
		time.Sleep(rand.N(10 * time.Millisecond))
	}
	l.Progress(t)
	l.Finish(t, d)
	if killed < rounds/2 {
		t.Errorf("%d kills, want more", killed)
	}
}
