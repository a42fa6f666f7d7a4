package simulate_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// aDump has two parties and a game.
func aDump() *simulate.Dump {
	old, young := party(2, 2, 0, 1400), party(1, 1, 5*time.Second, 1500)
	old.Ext, old.PreferredGameServerZones = ext.Of(m{"clan": "red"}), []string{"eu", "us"}
	for _, p := range []*matchmaking.Party{old, young} {
		p.GameServerVersion = "1.4"
		for _, player := range p.Players {
			player.PartyID = p.ID
		}
	}
	return &simulate.Dump{
		TakenAt: start.Add(time.Minute), QueueName: "ranked",
		Key:   matchmaking.QueueKey{Ext: ext.Of(m{"mode": "ranked"}), GameServerVersion: "1.4"},
		Rules: ext.Of(m{"numberOfTeams": 2}), Parties: []*matchmaking.Party{old, young},
		Games: []*matchmaking.GameInstance{{
			ID: pragma.GameInstanceID{7}, EnteredAt: start, GameServerVersion: "1.4", GameServerZone: "eu", Ext: ext.Of(m{"room": 2}),
			Players: []matchmaking.GamePlayer{{ID: pragma.PlayerID{9}, PartyID: pragma.PartyID{8}, TeamNumber: 1, Ext: ext.Of(m{"rating": 3})}},
		}},
	}
}

func write(t testing.TB, d *simulate.Dump) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestADumpIsReadAsItWasWritten(t *testing.T) {
	text := write(t, aDump())
	golden(t, "dump.jsonl", []byte(text))
	d, err := simulate.ReadDump(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, write(t, d)); diff != "" {
		t.Errorf("written again (-first +second):\n%s", diff)
	}
	if len(d.Parties) != 2 || d.Parties[0].Players[1].PartyID != d.Parties[0].ID || d.Parties[0].GameServerVersion != "1.4" || len(d.Arrivals()) != 2 {
		t.Errorf("dump %+v", d)
	}
}

func TestReadingADumpForgives(t *testing.T) {
	head := `{"format":"matchmaking-pool","version":1}` + "\n"
	id := "00000000-0000-0000-0000-000000000001"
	for _, c := range []struct{ name, text, want string }{
		{"nobody", head, "taken at the beginning of time, 0 parties"},
		{"a mark of byte order, and Windows", "\ufeff" + strings.ReplaceAll(head, "\n", "\r\n") + "{\"players\":[{}]}\r\n", "1 parties, 1 players"},
		{"empty lines", "\n\n" + head + "\n{\"players\":[{},{}]}\n\n", "1 parties, 2 players"},
		{"no end of the last line", head + `{"players":[{}]}`, "1 parties, 1 players"},
		{"unknown members", head + `{"players":[{"shoes":2}],"color":"red"}`, "1 parties, 1 players"},
		{"other spellings", head + `{"ticket_id":"` + id + `","Players":[{"player_id":"` + id + `"}]}`, "1 parties, 1 players"},
		{"pings with fractions", head + `{"players":[{"gameServerZoneToPing":{"eu":30.6,"us":1e300}}]}`, "1 parties, 1 players, eu 31, us 2147483647"},
		{"no ids at all", head + "{\"players\":[{}]}\n{\"players\":[{}]}", "2 parties, 2 players"},
		{"no time of the dump", head + `{"enteredAt":"2026-03-01T18:00:05Z","players":[{}]}` + "\n" + `{"enteredAt":"2026-03-01T18:00:01Z","players":[{}]}`, "taken after 5s, 2 parties, 2 players, the oldest after 1s"},
		{"no time of a ticket", `{"format":"matchmaking-pool","takenAt":"2026-03-01T18:00:09Z"}` + "\n{\"players\":[{}]}", "taken after 9s, 1 parties, 1 players, the oldest after 9s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := simulate.ReadDump(strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range strings.Split(c.want, ", ") {
				if got := inWords(d); !strings.Contains(got, want) {
					t.Errorf("dump: %s\nwant: %s", got, want)
				}
			}
		})
	}
}

// inWords says what is in a dump.
func inWords(d *simulate.Dump) string {
	var b strings.Builder
	players := 0
	when := func(at time.Time) string {
		if at.IsZero() {
			return "at the beginning of time"
		}
		return "after " + at.Sub(start).String()
	}
	b.WriteString("taken " + when(d.TakenAt))
	for i, p := range d.Parties {
		players += len(p.Players)
		if i == 0 {
			b.WriteString(", the oldest " + when(p.EnteredAt))
		}
		for _, player := range p.Players {
			for zone, ms := range player.GameServerZoneToPing {
				b.WriteString(strings.Join([]string{",", zone, itoa(ms)}, " "))
			}
		}
	}
	return b.String() + ", " + itoa(len(d.Parties)) + " parties, " + itoa(players) + " players"
}

func itoa(n int) string { return strconv.Itoa(n) }

func TestFilesThatAreNoDumps(t *testing.T) {
	head := `{"format":"matchmaking-pool","version":1}` + "\n"
	id := "00000000-0000-0000-0000-000000000001"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "no dump"},
		{"a text", "hello", "line 1: this is no dump"},
		{"other JSON", `{"format":"zip"}`, "line 1: this is no dump"},
		{"a ticket first", `{"players":[{}]}`, "line 1: this is no dump"},
		{"from the future", `{"format":"matchmaking-pool","version":2}`, "line 1: version 2"},
		{"half a line", head + "{\"players\":[{}]}\n{\"play", "line 3"},
		{"an id that is none", head + `{"ticketId":"robin"}`, "line 2"},
		{"a ping that is a word", head + `{"players":[{"gameServerZoneToPing":{"eu":"near"}}]}`, "line 2"},
		{"a ticket twice", head + `{"ticketId":"` + id + "\"}\n{\"ticketId\":\"" + id + `"}`, "line 3: the same ticket"},
		{"a game twice", head + `{"gameInstanceId":"` + id + "\"}\n{\"gameInstanceId\":\"" + id + `"}`, "line 3: the same ticket"},
		{"a member twice", head + `{"ticketId":"` + id + `","ticketId":"` + id + `"}`, "line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := simulate.ReadDump(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("ReadDump() = %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzReadDump(f *testing.F) {
	f.Add(write(f, aDump()))
	f.Add(write(f, aDump().Anonymous("rating")))
	f.Add("{\"format\":\"matchmaking-pool\"}\n{}\n\n{\"players\":[{},{\"gameServerZoneToPing\":{\"eu\":-1e99}}]}")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := simulate.ReadDump(strings.NewReader(text))
		if err != nil {
			return
		}
		first := write(t, d)
		again, err := simulate.ReadDump(strings.NewReader(first))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, first)
		}
		if second := write(t, again); second != first {
			t.Fatalf("written again:\n%s\nfirst:\n%s", second, first)
		}
		write(t, d.Anonymous("rating"))
	})
}

func TestAnAnonymousDumpNamesNobody(t *testing.T) {
	d := aDump()
	text := write(t, d.Anonymous("rating", "room"))
	golden(t, "anonymous.jsonl", []byte(text))
	for _, secret := range []string{
		d.Parties[0].ID.String(), d.Parties[0].TicketID.String(), d.Parties[1].Players[0].ID.String(),
		d.Games[0].ID.String(), d.Games[0].Players[0].ID.String(), d.Games[0].Players[0].PartyID.String(), "clan",
	} {
		if strings.Contains(text, secret) {
			t.Errorf("the dump has %s:\n%s", secret, text)
		}
	}
	if !strings.Contains(write(t, d.Anonymous()), "clan") {
		t.Error("without names of members some are lost")
	}
	if diff := cmp.Diff(write(t, aDump()), write(t, d)); diff != "" {
		t.Errorf("the dump itself has changed (-want +got):\n%s", diff)
	}
}

func TestAnAnonymousDumpGivesTheSameMatches(t *testing.T) {
	p := simulate.DefaultPopulation()
	p.PlayersPerHour, p.PartySizes = []float64{120}, map[int]float64{1: 1}
	d := &simulate.Dump{TakenAt: start.Add(time.Hour)}
	for _, a := range p.Arrivals(5, start) {
		a.Party.EnteredAt = a.Party.EnteredAt.Truncate(time.Minute) // many at once: then ids decide
		d.Parties = append(d.Parties, a.Party)
	}
	d.Sort()
	matches := func(d *simulate.Dump) (all []string) {
		o := simulate.Options{Pool: near{}, Begin: d.TakenAt, OnMatch: func(m *simulate.Match) {
			all = append(all, m.At.String()+m.Parties[0].Players[0].Ext.String()+m.Parties[1].Players[0].Ext.String())
		}}
		simulated(t, o, d.Arrivals()...)
		return all
	}
	if diff := cmp.Diff(matches(d), matches(d.Anonymous())); diff != "" || len(matches(d)) < 20 {
		t.Errorf("matches (-named +anonymous):\n%s", diff)
	}
}
