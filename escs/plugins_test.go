package escs_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"

	"github.com/openpragma/engine/gameinstance"
)

// told is a plugin that notes which of its hooks are called.
type told struct {
	party.Defaults
	calls map[string]int
}

func (p told) note(hook string) { p.calls[hook]++ }

func (p told) InitializeParty(context.Context, *party.InitializePartyRequest) error {
	p.note("InitializeParty")
	return nil
}

func (p told) OnAddPlayer(context.Context, *party.AddPlayerRequest) error {
	p.note("OnAddPlayer")
	return nil
}

func (p told) OnRemovePlayer(context.Context, *party.RemovePlayerEvent) error {
	p.note("OnRemovePlayer")
	return nil
}

func (p told) UpdateParty(context.Context, *party.UpdatePartyRequest) error {
	p.note("UpdateParty")
	return nil
}

func (p told) UpdatePlayer(context.Context, *party.UpdatePlayerRequest) error {
	p.note("UpdatePlayer")
	return nil
}

func (p told) CanChangeReady(context.Context, *party.CanChangeReadyRequest) (bool, error) {
	p.note("CanChangeReady")
	return true, nil
}

func (p told) BuildMatchmakingKey(context.Context, *party.BuildMatchmakingKeyRequest) (ext.Value, error) {
	p.note("BuildMatchmakingKey")
	return ext.Value{}, nil
}

func (p told) BuildExtMatchmakingParty(context.Context, *party.BuildExtMatchmakingPartyRequest) (ext.Value, error) {
	p.note("BuildExtMatchmakingParty")
	return ext.Value{}, nil
}

func (p told) BuildExtMatchmakingPlayer(context.Context, *party.BuildExtMatchmakingPlayerRequest) (ext.Value, error) {
	p.note("BuildExtMatchmakingPlayer")
	return ext.Value{}, nil
}

func (p told) BuildExtBroadcastParty(context.Context, *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	p.note("BuildExtBroadcastParty")
	return ext.Value{}, nil
}

func (p told) BuildExtBroadcastPlayer(context.Context, *party.BuildExtBroadcastPlayerRequest) (ext.Value, error) {
	p.note("BuildExtBroadcastPlayer")
	return ext.Value{}, nil
}

func (p told) BuildExtPrivatePlayer(context.Context, *party.BuildExtPrivatePlayerRequest) (ext.Value, error) {
	p.note("BuildExtPrivatePlayer")
	return ext.Value{}, nil
}

func (p told) ReturnFromGameInstance(context.Context, *party.ReturnFromGameInstanceEvent) error {
	p.note("ReturnFromGameInstance")
	return nil
}

func (p told) ReturnFromMatchmaking(context.Context, *party.ReturnFromMatchmakingEvent) error {
	p.note("ReturnFromMatchmaking")
	return nil
}

func (p told) HandlePlayerSendInviteRequest(context.Context, *party.PlayerSendInviteRequest) error {
	p.note("HandlePlayerSendInviteRequest")
	return nil
}

func (p told) HandlePlayerCancelInviteRequest(context.Context, *party.PlayerCancelInviteRequest) error {
	p.note("HandlePlayerCancelInviteRequest")
	return nil
}

func (p told) HandleBackendUpdateRequest(context.Context, *party.BackendUpdateRequest) error {
	p.note("HandleBackendUpdateRequest")
	return nil
}

func (p told) HandlePlayerEnterMatchmakingRequest(context.Context, *party.PlayerEnterMatchmakingRequest) error {
	p.note("HandlePlayerEnterMatchmakingRequest")
	return nil
}

func (p told) OnPartyExpired(context.Context, *party.PartyExpiredEvent) { p.note("OnPartyExpired") }

// toldQueue is the same for matchmaking.
type toldQueue struct {
	matchmaking.Defaults
	calls map[string]int
}

func (p toldQueue) Initialize(context.Context, *matchmaking.InitializeRequest) (*matchmaking.NewGameInstance, error) {
	p.calls["Initialize"]++
	return nil, nil
}

func (p toldQueue) MatchParties(context.Context, *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	p.calls["MatchParties"]++
	return nil, nil
}

func (p toldQueue) MatchPartiesWithGame(context.Context, *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	p.calls["MatchPartiesWithGame"]++
	return nil, nil
}

func (p toldQueue) EndOfLoop(context.Context, *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
	p.calls["EndOfLoop"]++
	return nil, nil
}

func (p toldQueue) GetQueueName(context.Context, *matchmaking.GetQueueNameRequest) string {
	p.calls["GetQueueName"]++
	return "inner"
}

// callEach calls every hook of a plugin once, about an ordinary party.
func callEach(t *testing.T, plugin any, hooks reflect.Type) []string {
	t.Helper()
	ordinary := party.NewParty(pragma.NewID[pragma.PartyID]())
	var names []string
	for i := range hooks.NumMethod() {
		hook := hooks.Method(i)
		if hook.PkgPath != "" { // the marker
			continue
		}
		names = append(names, hook.Name)
		method := reflect.ValueOf(plugin).MethodByName(hook.Name)
		r := reflect.New(method.Type().In(1).Elem())
		if f := r.Elem().FieldByName("Party"); f.IsValid() && f.Type() == reflect.TypeOf(ordinary) {
			f.Set(reflect.ValueOf(ordinary))
		}
		method.Call([]reflect.Value{reflect.ValueOf(t.Context()), r})
	}
	return names
}

func TestPluginsHandEveryHookOfOrdinaryPartiesOn(t *testing.T) {
	calls := make(map[string]int)
	hooks := callEach(t, &escs.ExternalMatchmakingPartyPlugin{Inner: told{calls: calls}}, reflect.TypeFor[party.Plugin]())
	hooks = append(hooks, callEach(t, &escs.ExternalMatchmakingFillPartyPlugin{Inner: toldQueue{calls: calls}}, reflect.TypeFor[matchmaking.Plugin]())...)
	for _, hook := range hooks {
		alike(t, "calls of "+hook, calls[hook], 1)
	}
	alike(t, "hooks", len(hooks) > 20, true)
	empty := party.NewParty(pragma.NewID[pragma.PartyID]())
	if err := (&escs.ExternalMatchmakingPartyPlugin{}).InitializeParty(t.Context(), &party.InitializePartyRequest{Party: empty}); err != nil {
		t.Errorf("without Inner: %v", err)
	}
	callEach(t, &escs.ExternalMatchmakingFillPartyPlugin{}, reflect.TypeFor[matchmaking.Plugin]())
}

func TestPluginsAreWellFormed(t *testing.T) {
	pragmatest.CheckPlugin[party.Plugin](t, &escs.ExternalMatchmakingPartyPlugin{})
	pragmatest.CheckPlugin[matchmaking.Plugin](t, &escs.ExternalMatchmakingFillPartyPlugin{})
}

// ownLobby and ownQueue are a studio's plugins that embed those of this package.
type ownLobby struct {
	*escs.ExternalMatchmakingPartyPlugin
}

type ownQueue struct{ inner matchmaking.Plugin }

func (q ownQueue) Unwrap() matchmaking.Plugin { return q.inner }

// wrapped is a plugin around another one.
type wrapped struct {
	matchmaking.Plugin
	ownQueue
}

func TestServiceFindsItsPluginsInsideOthers(t *testing.T) {
	fill := &escs.ExternalMatchmakingFillPartyPlugin{}
	for name, tt := range map[string]struct {
		lobby   party.Plugin
		queue   matchmaking.Plugin
		missing []string
	}{
		"as they are":      {&escs.ExternalMatchmakingPartyPlugin{}, fill, nil},
		"embedded":         {ownLobby{&escs.ExternalMatchmakingPartyPlugin{}}, fill, nil},
		"unwrapped":        {&escs.ExternalMatchmakingPartyPlugin{}, wrapped{fill, ownQueue{fill}}, nil},
		"no party plugin":  {party.Defaults{}, fill, []string{"ExternalMatchmakingPartyPlugin"}},
		"no queue plugin":  {&escs.ExternalMatchmakingPartyPlugin{}, nil, []string{"ExternalMatchmakingFillPartyPlugin"}},
		"neither of them":  {nil, matchmaking.Defaults{}, []string{"ExternalMatchmakingPartyPlugin", "ExternalMatchmakingFillPartyPlugin"}},
		"two layers of it": {&escs.ExternalMatchmakingPartyPlugin{Inner: ownLobby{&escs.ExternalMatchmakingPartyPlugin{}}}, fill, nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := check(t, tt.lobby, tt.queue, "game: {serviceConfigs: {EscsConfig: {"+requiredKeys+"}}}")
			for _, want := range tt.missing {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("start = %v, want it to miss %s", err, want)
				}
			}
			if tt.missing == nil && err != nil {
				t.Errorf("start = %v", err)
			}
		})
	}
}

func TestServicesThatDoNotBelongTogetherAreRefused(t *testing.T) {
	for name, swap := range map[string]func(s *escs.Service){
		"other parties": func(s *escs.Service) {
			s.Parties = &party.Service{Plugin: &escs.ExternalMatchmakingPartyPlugin{}}
		},
		"other games": func(s *escs.Service) {
			s.Games = &gameinstance.Service{Parties: s.Parties, Jobs: s.Games.Jobs}
		},
	} {
		t.Run(name, func(t *testing.T) {
			parties := &party.Service{Plugin: &escs.ExternalMatchmakingPartyPlugin{}}
			games := &gameinstance.Service{Parties: parties}
			queue := &matchmaking.Service{Plugin: &escs.ExternalMatchmakingFillPartyPlugin{}, Parties: parties, Games: games}
			sets := &escs.Service{Parties: parties, Queue: queue, Games: games, Transformer: noScores{}}
			games.Jobs = []gameinstance.Job{sets.ResultsJob()}
			swap(sets)
			srv := &pragma.Server{
				Social: []pragma.Service{&account.Service{}}, Game: []pragma.Service{parties, games, queue, sets},
				Config: pragmatest.Config(t, "game: {serviceConfigs: {EscsConfig: {"+requiredKeys+"}}}"),
			}
			if err := srv.Check(); err == nil || !strings.Contains(err.Error(), "those of its Queue") {
				t.Errorf("Check() = %v, want it to say that the services do not belong together", err)
			}
		})
	}
}

// check reports what a server with these plugins and this configuration would say.
func check(t *testing.T, lobby party.Plugin, plugin matchmaking.Plugin, yaml string) error {
	t.Helper()
	parties := &party.Service{Plugin: lobby}
	games := &gameinstance.Service{Parties: parties}
	queue := &matchmaking.Service{Plugin: plugin, Parties: parties, Games: games}
	tournaments := &escs.Service{Parties: parties, Queue: queue, Games: games, Transformer: noScores{}}
	games.Jobs = []gameinstance.Job{tournaments.ResultsJob()}
	srv := &pragma.Server{
		Social: []pragma.Service{&account.Service{}},
		Game:   []pragma.Service{parties, games, queue, tournaments},
		Config: pragmatest.Config(t, yaml),
	}
	return srv.Check()
}

func TestConfigurationNamesPluginsByTheirDocumentedClasses(t *testing.T) {
	yaml := func(lobby, queue string) string {
		return fmt.Sprintf(`game: {serviceConfigs: {ExternalMatchmakingServiceConfig: {cleanInterval: 10, %s}},
 pluginConfigs: {PartyService.partyPlugin: {class: %q}, MatchmakingService: {matchmakingPlugin: {class: %q}}}}`, requiredKeys, lobby, queue)
	}
	lobby, queue := &escs.ExternalMatchmakingPartyPlugin{}, &escs.ExternalMatchmakingFillPartyPlugin{}
	if err := check(t, lobby, queue, yaml("matchmaking.escs.ExternalMatchmakingPartyPlugin", "matchmaking.escs.ExternalMatchmakingFillPartyPlugin")); err != nil {
		t.Errorf("documented classes: %v", err)
	}
	if err := check(t, lobby, queue, yaml("escs.ExternalMatchmakingPartyPlugin", "escs.ExternalMatchmakingFillPartyPlugin")); err != nil {
		t.Errorf("types: %v", err)
	}
	if err := check(t, lobby, queue, yaml("matchmaking.escs.ExternalMatchmakingFillPartyPlugin", "some.Other")); err == nil {
		t.Error("other classes were accepted")
	}
}

func TestStartNamesEveryMissingKey(t *testing.T) {
	lobby, queue := &escs.ExternalMatchmakingPartyPlugin{}, &escs.ExternalMatchmakingFillPartyPlugin{}
	err := check(t, lobby, queue, "game: {serviceConfigs: {EscsConfig: {gameId: g1, clockSkew: long}}}")
	for _, want := range []string{"clockSkew"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("start = %v, want it to name %s", err, want)
		}
	}
	err = check(t, lobby, queue, "game: {serviceConfigs: {EscsConfig: {gameId: g1}}}")
	for _, want := range []string{"EscsConfig.url", "EscsConfig.secret"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("start = %v, want it to name %s", err, want)
		}
	}
}
