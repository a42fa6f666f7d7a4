package playerdata_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/playerdata"
	"github.com/openpragma/engine/pragma/pragmatest"
)

type m = map[string]any

func TestPlayerDataIsEmpty(t *testing.T) {
	build := func() *pragma.Server { return &pragma.Server{Game: []pragma.Service{&playerdata.Service{}}} }
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		t := w.T
		token, _ := w.Tokens("robin")
		robin := w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}, token)
		token, _ = w.PartnerTokens()
		server := w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}, token)
		empty := m{"playerData": m{"entities": []any{}, "version": 0.0}}
		for _, got := range []m{
			robin.Call("PlayerDataServiceRpc.GetV1", m{}),
			robin.Call("PlayerDataServiceRpc.GetV1", m{"currentVersion": 3}),
			server.Call("PlayerDataServiceRpc.GetPartnerV1", m{"playerId": pragma.NewID[pragma.PlayerID]()}),
		} {
			if diff := cmp.Diff(got, empty); diff != "" {
				t.Errorf("answer (-got +want):\n%s", diff)
			}
		}
		robin.Request("PlayerDataServiceRpc.DoOperationV1", m{})
		if got := robin.Read().String(); got != "error INVALID_REQUEST_TYPE" {
			t.Errorf("DoOperationV1 is answered with %s", got)
		}
	})
}

func TestServiceBelongsOnTheGameBackend(t *testing.T) {
	srv := &pragma.Server{Social: []pragma.Service{&playerdata.Service{}}}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "belongs on the Game backend") {
		t.Errorf("error = %v", err)
	}
}
