package escs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

type obj = map[string]any

// stage is a server on which sets are played.
type stage struct {
	*pragmatest.World
	accounts *account.Service
	parties  *party.Service
	games    *gameinstance.Service
	escs     *escs.Service
	meadow   *meadow

	partner string // a game partner token
}

// props say how a test wants its stage.
type props struct {
	config    string // of EscsConfig, in YAML's flow style, after the required keys
	lobby     party.Plugin
	fill      matchmaking.Plugin
	noPlugins bool   // those of this package are left out
	serve     bool   // games get a server that is asked for
	file      string // of the whole configuration, which the test may rewrite
}

const requiredKeys = `url: "https://escs.test/results", secret: s3cret-of-the-game, gameId: g1`

func onStage(t *testing.T, o props, fn func(s *stage)) {
	t.Helper()
	s := &stage{}
	build := func() *pragma.Server {
		s.meadow = &meadow{serve: o.serve}
		s.accounts = &account.Service{}
		inner := o.lobby
		if inner == nil {
			inner = lobby{}
		}
		s.parties = &party.Service{Plugin: &escs.ExternalMatchmakingPartyPlugin{Inner: inner}, Accounts: s.accounts}
		s.games = &gameinstance.Service{Plugin: s.meadow, Parties: s.parties, Provider: noServers{}}
		queue := &matchmaking.Service{Plugin: &escs.ExternalMatchmakingFillPartyPlugin{Inner: o.fill}, Parties: s.parties, Games: s.games}
		if o.noPlugins {
			s.parties.Plugin, queue.Plugin = inner, o.fill
		}
		s.escs = &escs.Service{Parties: s.parties, Queue: queue, Games: s.games, Accounts: s.accounts, Transformer: noScores{}}
		s.games.Jobs = noResults(s.escs)
		yaml := "game: {serviceConfigs: {EscsConfig: {" + requiredKeys
		if o.config != "" {
			yaml += ", " + o.config
		}
		srv := &pragma.Server{
			Social: []pragma.Service{s.accounts},
			Game:   []pragma.Service{s.parties, s.games, queue, s.escs},
			Config: pragmatest.Config(t, yaml+"}}}", "social: {serviceConfigs: {TokenSignerConfig: {playerTokenExpirationMinutes: 100000}}}"),
		}
		if o.file != "" {
			var err error
			if srv.Config, err = pragma.LoadConfig(o.file); err != nil {
				t.Fatal(err)
			}
		}
		return srv
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		s.World = w
		s.partner, _ = w.PartnerTokens()
		fn(s)
	})
}

// lobby puts ordinary parties into one queue, and shows members all it knows.
type lobby struct{ party.Defaults }

func (lobby) InitializeParty(_ context.Context, r *party.InitializePartyRequest) error {
	r.Party.SetExt(ext.Of(obj{"mode": "ordinary"}))
	return nil
}

func (lobby) BuildExtMatchmakingParty(_ context.Context, r *party.BuildExtMatchmakingPartyRequest) (ext.Value, error) {
	return ext.Of(obj{"size": r.Party.PlayerCount()}), nil
}

func (lobby) BuildExtBroadcastParty(_ context.Context, r *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	return r.Party.Ext(), nil
}

// noScores knows no scores.
type noScores struct{}

func (noScores) Transform(context.Context, *escs.TransformRequest) (map[string]float64, error) {
	return nil, nil
}

// idle is the job of results, which does nothing.
type idle struct{ *escs.SendResultsToEscsJob }

func (idle) OnGameInstanceEnded(context.Context, *gameinstance.GameInstanceEndedRequest) error {
	return nil
}

// noResults returns the jobs of a game instance service, for tests that end with
// the end of a game.
func noResults(s *escs.Service) []gameinstance.Job {
	return []gameinstance.Job{{Name: escs.JobName, Run: idle{&escs.SendResultsToEscsJob{Service: s}}}}
}

// meadow lets games run without a server, unless it is to ask for one.
type meadow struct {
	gameinstance.Defaults
	serve   bool
	created []*gameinstance.BackendCreateByMatchmakingRequest
}

func (a *meadow) HandleBackendCreateByMatchmakingRequest(_ context.Context, r *gameinstance.BackendCreateByMatchmakingRequest) error {
	a.created = append(a.created, r)
	if a.serve {
		r.GameInstance.AllocateGameServer(ext.Value{})
	}
	return nil
}

func (a *meadow) BuildExtGameStart(context.Context, *gameinstance.BuildExtGameStartRequest) (ext.Value, error) {
	return ext.Of(obj{"map": "glade"}), nil
}

// noServers has no server for anybody.
type noServers struct{ gameinstance.ProviderDefaults }

func (noServers) StartAllocationForGameInstance(context.Context, *gameinstance.StartAllocationForGameInstanceRequest) error {
	return errors.New("no capacity")
}

// start is a set start as the platform might send it.
type start struct {
	set     string
	ends    time.Duration // from now
	teams   [][]string    // ids of players here
	edit    func(payload obj)
	message bool // teams as objects
}

func (st start) payload() obj {
	var teams []any
	for _, team := range st.teams {
		var players []any
		for _, id := range team {
			players = append(players, obj{
				"playerId": "escs-" + id, "ingamePlayerId": id, "username": "user of " + id,
				"firstName": "Firstname", "lastName": "Lastname", "ingameMetadata": "secret-metadata", "avatar": "https://a.test/x.png",
			})
		}
		if st.message {
			teams = append(teams, obj{"players": players})
		} else {
			teams = append(teams, players)
		}
	}
	ends := st.ends
	if ends == 0 {
		ends = time.Hour
	}
	p := obj{
		"setId": st.set, "tournamentId": "t1", "matchId": "m1", "roundId": "r-" + st.set,
		"setEndTimeUnix": time.Now().Add(ends).Unix(), "participants": teams, "globalMetadata": "best of one",
	}
	if st.edit != nil {
		st.edit(p)
	}
	return p
}

// duel is the start of a set of one against one.
func duel(set string, a, b *pragmatest.Peer) start {
	return start{set: set, teams: [][]string{{a.ID.String()}, {b.ID.String()}}}
}

// starts brings a set start by the call of partners.
func (s *stage) starts(st start) {
	s.T.Helper()
	if got := s.tryStart("ExternalMatchmakingRpc.SetStartV1", obj{"setStart": st.payload()}); got != "" {
		s.T.Fatalf("set start %s: %s", st.set, got)
	}
}

// tryStart makes a call of partners, and returns why it was refused.
func (s *stage) tryStart(call string, payload any) string {
	s.T.Helper()
	raw := s.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}, s.partner)
	defer raw.Close()
	_, refused := raw.Try(call, payload)
	return refused
}

// post brings a set start by plain HTTP, and returns status and body.
func (s *stage) post(body string, header http.Header) (int, string) {
	s.T.Helper()
	url := "http://" + s.Address(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}) + "/escs/v1/set-start"
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header = header
	resp, err := s.HTTP().Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return resp.StatusCode, string(bytes.TrimSpace(text))
}

const queueCall = "ExternalMatchmakingRpc.QueueForMatchmakingV1"

// queue has a player queue, for a set or for the newest one.
func (s *stage) queue(p *pragmatest.Peer, set ...string) obj {
	s.T.Helper()
	return p.Call(queueCall, queuePayload(set))
}

func queuePayload(set []string) obj {
	if len(set) == 0 {
		return obj{}
	}
	return obj{"setId": set[0]}
}

// refused has a player queue in vain, and returns why.
func (s *stage) refused(p *pragmatest.Peer, set ...string) string {
	s.T.Helper()
	got, refused := p.Try(queueCall, queuePayload(set))
	if refused == nil {
		s.T.Fatalf("%s queued: %v", p.Name, got)
	}
	return why(refused)
}

// why is a refusal in a few words: its name, and the reason of the application error.
func why(f *pragmatest.Frame) string {
	e := f.ServiceError
	name := e.ExtError
	if name == "" {
		name = e.Error
	}
	if e.ApplicationError != nil {
		name += fmt.Sprintf(" %v", e.ApplicationError.Payload["reason"])
	}
	return name
}

// ready has players say that they are.
func (s *stage) ready(players ...*pragmatest.Peer) {
	s.T.Helper()
	for _, p := range players {
		p.Call("PartyRpc.SetReadyStateV1", obj{"ready": true})
	}
}

// operator asks an operator's call.
func (s *stage) operator(call string, payload obj) obj {
	s.T.Helper()
	op := s.Operator(pragma.Game, pragma.RoleViewer)
	defer op.Close()
	return op.Call("ExternalMatchmakingRpc."+call, payload)
}

// set is what operators see of a set.
func (s *stage) set(id string) obj {
	s.T.Helper()
	synctest.Wait()
	got := s.operator("GetSetOperatorV1", obj{"setId": id})
	return got["set"].(obj)
}

// state is a set in a few words.
func (s *stage) state(id string) string {
	s.T.Helper()
	got := s.set(id)
	o := got["overview"].(obj)
	text := fmt.Sprintf("%v %v/%v", o["state"], o["queued"], o["required"])
	if reason, _ := got["reason"].(string); reason != "" {
		text += " " + reason
	}
	return text
}

// completions counts how often a player was told that his party is complete.
func completions(p *pragmatest.Peer) int {
	n := 0
	for _, f := range p.Notes() {
		if f.Notification.Type == "ExternalMatchmakingRpc.PartyIsCompleteForMatchmakingV1Notification" {
			n++
		}
	}
	return n
}

// alike fails the test if two values differ.
func alike[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}
