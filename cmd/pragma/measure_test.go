package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

func TestCommitsCountsWhatIsInTheStore(t *testing.T) {
	db, err := sqlite.File(filepath.Join(t.TempDir(), "commits.db"))(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := commits(t.Context(), db, 3, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for rec, err := range db.List(t.Context(), store.Query{Kind: "bench"}) {
		if err != nil {
			t.Fatal(err)
		}
		total += int(rec.Rev)
	}
	if r.n != total {
		t.Errorf("%d commits are counted, %d are in the store", r.n, total)
	}
}

func TestEveryMeasureDoesSomethingInNoTime(t *testing.T) {
	r, err := commits(t.Context(), store.NewMemory(), 2, 0)
	if err != nil || r.n != 2 {
		t.Errorf("commits() = %d, %v, want one of each writer", r.n, err)
	}
	r, err = syncs(t.Context(), t.TempDir(), 0)
	if err != nil || r.n != 1 {
		t.Errorf("syncs() = %d, %v, want one", r.n, err)
	}
}

func TestMeasuresOfTheStoreStopWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := commits(ctx, store.NewMemory(), 2, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("commits() = %v", err)
	}
	if _, err := syncs(ctx, t.TempDir(), time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("syncs() = %v", err)
	}
	if _, err := syncs(t.Context(), filepath.Join(t.TempDir(), "gone"), 0); err == nil {
		t.Error("syncs() = nil in a directory that is not there")
	}
}

func TestRoundTripsReportARefusedCall(t *testing.T) {
	server, err := benchBackend(store.Memory(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	server.Game = server.Game[:len(server.Game)-1] // without the service that has the call
	srv, err := start(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := srv.stop(); err != nil {
			t.Error(err)
		}
	}()
	players, err := logInAll(t.Context(), srv.addresses, 2)
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := dialAll(t.Context(), srv.addresses[gamePlayers], gameTokens(players))
	defer closeAll(sockets)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := roundTrips(sockets, time.Hour); err == nil || !contains(err, "no-op call refused") {
		t.Errorf("roundTrips() = %v, want a refusal", err)
	}
}

func TestNoOpCallReturnsItsText(t *testing.T) {
	srv := started(t)
	players, err := logInAll(t.Context(), srv.addresses, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dialRaw(t.Context(), srv.addresses[gamePlayers], players[0].game)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var got noOpText
	if err := s.call("BenchRpc.NoOpV1", &noOpText{"hello"}, &got); err != nil || got.Text != "hello" {
		t.Errorf("call() = %v with %q, want hello", err, got.Text)
	}
}

func TestSocialSocketsBelongToTheFirstPlayers(t *testing.T) {
	a := pragma.Addresses{gamePlayers: "game:1", socialPlayers: "social:1"}
	players := []tokens{{"g1", "s1"}, {"g2", "s2"}, {"g3", "s3"}}
	for _, c := range []struct {
		name   string
		social int
		want   []door
	}{
		{name: "none", social: 0, want: []door{{"game:1", []string{"g1", "g2", "g3"}}, {address: "social:1"}}},
		{name: "two", social: 2, want: []door{{"game:1", []string{"g1", "g2", "g3"}}, {"social:1", []string{"s1", "s2"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := doorsOf(a, players, c.social)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(door{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStagesOfAStartFollowEachOther(t *testing.T) {
	w, err := firstMatch(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if w.open <= 0 || w.connected < w.open || w.queued < w.connected || w.matched < w.queued {
		t.Errorf("stages out of order: %+v", w)
	}
}

func TestListsOfNumbersAreRead(t *testing.T) {
	for _, c := range []struct {
		text string
		want string // empty: refused
	}{
		{text: "1", want: "1"},
		{text: "1,8,32", want: "1,8,32"},
		{text: " 2 , 3", want: "2,3"},
		{text: ""},
		{text: "1,"},
		{text: "1;2"},
		{text: "0"},
		{text: "-1"},
		{text: "1.5"},
	} {
		t.Run(c.text, func(t *testing.T) {
			n := numbers{99}
			err := n.Set(c.text)
			if (err == nil) != (c.want != "") || err == nil && n.String() != c.want {
				t.Errorf("Set(%q) = %v with %s, want %q", c.text, err, n.String(), c.want)
			}
		})
	}
}

func TestAddressesArePrintedInAFixedOrder(t *testing.T) {
	var b strings.Builder
	printAddresses(&b, pragma.Addresses{gamePlayers: "127.0.0.1:10000", socialPlayers: "127.0.0.1:11000"})
	want := "SOCIAL/PLAYER    http://127.0.0.1:11000\nGAME/PLAYER      http://127.0.0.1:10000\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
