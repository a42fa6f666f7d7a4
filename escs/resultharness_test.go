package escs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const (
	gameID     = "game-of-the-cup"
	oldSecret  = "old-and-very-secret"
	newSecret  = "new-and-very-secret"
	usualLater = 10 * time.Minute // from the start of a set to its end
)

// tally is what games of these tests say of a player.
type tally struct {
	Kills  float64 `json:"kills"`
	Assist float64 `json:"assist"`
}

// kills is the usual transformer.
func kills(_ context.Context, t *tally, r *escs.TransformRequest) (map[string]float64, error) {
	if r.Absent {
		return map[string]float64{"kills": -100}, nil
	}
	return map[string]float64{"kills": t.Kills}, nil
}

// resultOptions say how a test wants its server.
type resultOptions struct {
	config      string // more of EscsConfig, in YAML's flow style
	platform    escstest.Options
	transformer escs.ResultsTransformer
	encoder     escs.ResultEncoder
	transport   func(http.RoundTripper) http.RoundTripper // around that to the platform
	reloads     bool                                      // the configuration is a file
}

// arena is a server with sets that are being played, and the platform.
type arena struct {
	*pragmatest.World
	t        *testing.T
	platform *escstest.ESCS
	escs     *escs.Service
	games    *gameinstance.Service
	file     string
}

// inArena runs fn in a bubble.
func inArena(t *testing.T, o resultOptions, fn func(a *arena)) {
	t.Helper()
	if o.transformer == nil {
		o.transformer = escs.TransformerOf(kills)
	}
	a := &arena{}
	if o.reloads {
		a.file = filepath.Join(t.TempDir(), "escs.yml")
	}
	o.platform.Memory = true
	if o.platform.Secret == "" {
		o.platform.GameID, o.platform.Secret = gameID, oldSecret
	}
	build := func() *pragma.Server {
		if a.platform == nil { // in the bubble
			platform, err := escstest.Start(o.platform)
			if err != nil {
				t.Fatal(err)
			}
			a.platform = platform
		}
		srv := a.server(o)
		srv.Config = pragmatest.Config(t, section(a.platform.URL, oldSecret, o.config))
		if a.file != "" {
			if _, err := os.Stat(a.file); errors.Is(err, os.ErrNotExist) {
				a.configure(t, oldSecret, o.config)
			}
			cfg, err := pragma.LoadConfig(a.file)
			if err != nil {
				t.Fatal(err)
			}
			srv.Config = cfg
		}
		return srv
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		a.World, a.t = w, w.T
		defer a.platform.Close()
		fn(a)
		a.keepsSecrets()
	})
}

// server is a server with everything that sets need.
func (a *arena) server(o resultOptions) *pragma.Server {
	a.escs = &escs.Service{Transformer: o.transformer, Encoder: o.encoder, Transport: a.platform.Transport()}
	if o.transport != nil {
		a.escs.Transport = o.transport(a.escs.Transport)
	}
	accounts := &account.Service{}
	parties := &party.Service{Plugin: &escs.ExternalMatchmakingPartyPlugin{}, Accounts: accounts}
	a.games = &gameinstance.Service{
		Provider: &gameinstance.DefaultProvider{Disabled: true}, Parties: parties, Accounts: accounts,
		Jobs: []gameinstance.Job{a.escs.ResultsJob()},
	}
	inner := &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 1}
	queue := &matchmaking.Service{Plugin: &escs.ExternalMatchmakingFillPartyPlugin{Inner: inner}, Parties: parties, Games: a.games}
	a.escs.Parties, a.escs.Queue, a.escs.Games = parties, queue, a.games
	return &pragma.Server{
		Social: []pragma.Service{accounts},
		Game:   []pragma.Service{parties, a.games, queue, a.escs},
	}
}

func section(url, secret, more string) string {
	return fmt.Sprintf("game: {serviceConfigs: {EscsConfig: {url: %q, gameId: %s, secret: %s, %s}}}", url, gameID, secret, more)
}

// configure writes the configuration file.
func (a *arena) configure(t *testing.T, secret, more string) {
	t.Helper()
	text := "core: {backendMode: DEVELOPMENT}\n" + section(a.platform.URL, secret, more) + "\n"
	if err := os.WriteFile(a.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reconfigure changes the configuration of the server that runs, and waits until it
// has noticed.
func (a *arena) reconfigure(secret, more string) {
	a.t.Helper()
	a.configure(a.t, secret, more)
	time.Sleep(11 * time.Second)
}

// bout is a set that is being played.
type bout struct {
	start   *escs.SetStart
	game    pragma.GameInstanceID
	players []pragma.PlayerID
}

// cup is a set of one against one whose end is that far away.
func cup(id string, later time.Duration) *escs.SetStart {
	return &escs.SetStart{
		SetID: id, TournamentID: "tournament-1", MatchID: "match-1", RoundID: "round-" + id,
		SetEndTimeUnix: time.Now().Add(later).Unix(),
		Participants: []escs.Participant{
			{Players: []escs.Player{{PlayerID: "escs-ada", IngamePlayerID: "game-ada", Username: "Ada", FirstName: "Augusta", LastName: "Lovelace"}}},
			{Players: []escs.Player{{PlayerID: "escs-ben", IngamePlayerID: "game-ben", Username: "Ben", FirstName: "Benjamin", LastName: "Franklin"}}},
		},
	}
}

// begin starts the game of a set.
func (a *arena) begin(start *escs.SetStart) *bout {
	a.t.Helper()
	b := &bout{start: start}
	o := &gameinstance.CreateOptions{}
	for i, team := range start.Participants {
		for range team.Players {
			id := pragma.NewID[pragma.PlayerID]()
			b.players = append(b.players, id)
			o.PlayersToAdd = append(o.PlayersToAdd, gameinstance.PlayerToAdd{PlayerID: id, SocialID: pragma.NewID[pragma.SocialID](), TeamNumber: int64(i + 1)})
		}
	}
	a.games.Accounts = nil
	game, err := a.games.Create(a.t.Context(), o)
	if err == nil {
		b.game = game
		err = a.escs.PutSet(a.t.Context(), start, game, b.players...)
	}
	if err != nil {
		a.t.Fatalf("begin %s: %v", start.SetID, err)
	}
	return b
}

// set is begin for the usual set.
func (a *arena) set(id string) *bout { return a.begin(cup(id, usualLater)) }

// report is what a game says of its players: kills, in order; the others are nil.
func (b *bout) report(kills ...float64) []gameinstance.PlayerGameResult {
	var list []gameinstance.PlayerGameResult
	for i, n := range kills {
		list = append(list, gameinstance.PlayerGameResult{PlayerID: b.players[i], Ext: ext.Of(tally{Kills: n})})
	}
	return list
}

// end ends a game with these kills, in the order of players, and waits until
// nothing happens any more at this moment.
func (a *arena) end(b *bout, kills ...float64) {
	a.t.Helper()
	if err := a.games.End(a.t.Context(), b.game, ext.Value{}, b.report(kills...)); err != nil {
		a.t.Fatalf("end %s: %v", b.start.SetID, err)
	}
	synctest.Wait()
}

// row returns the outbox row of a set, nil if it has none.
func (a *arena) row(b *bout) *escs.ResultRow {
	a.t.Helper()
	row, err := a.escs.Row(a.t.Context(), b.start.SetID, b.start.RoundID)
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return row
}

// is fails the test if a set and its result are not where they should be, such as
// "RESULTS_FAILED EXPIRED, DEAD".
func (a *arena) is(b *bout, want string) {
	a.t.Helper()
	synctest.Wait()
	state, reason, err := a.escs.SetState(a.t.Context(), b.start.SetID)
	if err != nil {
		a.t.Fatal(err)
	}
	got := strings.TrimSpace(fmt.Sprint(state, " ", reason))
	if row := a.row(b); row != nil {
		got += ", " + string(row.State)
	}
	if got != want {
		a.t.Errorf("set %s is %s, want %s", b.start.SetID, got, want)
	}
}

// received returns how often the platform was called.
func (a *arena) received() int {
	synctest.Wait()
	return len(a.platform.Requests())
}

// taken returns the sets whose results the platform has, with the kills.
func (a *arena) taken() []string {
	synctest.Wait()
	var list []string
	for _, r := range a.platform.Results() {
		text := r.SetID
		for _, p := range r.Players {
			text += fmt.Sprint(" ", p.Scores["kills"])
		}
		list = append(list, text)
	}
	return list
}

// clean fails the test if the server has done what a sender must not do.
func (a *arena) clean() {
	a.t.Helper()
	synctest.Wait()
	for _, v := range a.platform.Violations() {
		a.t.Errorf("violation: %s", v)
	}
}

// waits returns the times between requests in whole seconds, from the given time on.
func (a *arena) waits(from time.Time) []time.Duration {
	var list []time.Duration
	for _, r := range a.platform.Requests() {
		list = append(list, r.At.Sub(from).Round(time.Second))
		from = r.At
	}
	return list
}

// keepsSecrets fails the test if a secret or a name is in the logs, or a secret in
// the store.
func (a *arena) keepsSecrets() {
	a.t.Helper()
	logs := a.Logs()
	for _, word := range []string{oldSecret, newSecret, "Lovelace", "Augusta"} {
		if strings.Contains(logs, word) {
			a.t.Errorf("%q is in the log", word)
		}
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("%s (-got +want):\n%s", what, diff)
	}
}
