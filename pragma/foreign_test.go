package pragma_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// repeat answers what it was asked.
func repeat(_ context.Context, _ *pragma.PartnerSession, r *said) (*said, error) { return r, nil }

func TestPartnersMayCallByNamesOfTheirOwn(t *testing.T) {
	mount := func(m *pragma.Mount) {
		pragma.HandlePartnerType(m, "EscsRpc.sets.SetStartedRequest", repeat)
	}
	runLab(t, "", mount, func(t *testing.T, w *world) {
		token, _ := w.PartnerTokens()
		raw := w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}, token)
		got := raw.Call("EscsRpc.sets.SetStarted", map[string]any{"text": "hello"})
		if got["text"] != "hello" {
			t.Errorf("answer = %v", got)
		}
	})
}

func TestStartRefusesForeignNamesThatAreNone(t *testing.T) {
	for _, typ := range []string{"", "SetStartedRequest", "EscsRpc.SetStarted", "EscsRpc.Request", "a b.CRequest", "EscsRpc..SetStartedRequest"} {
		err := tryRun(t, "", service{"ARpc", func(m *pragma.Mount) error {
			pragma.HandlePartnerType(m, typ, repeat)
			return nil
		}})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("request type %q must be like", typ)) {
			t.Errorf("type %q: start = %v", typ, err)
		}
	}
}

func TestServiceAnswersPlainHTTPBelowItsOwnName(t *testing.T) {
	mount := func(m *pragma.Mount) {
		m.HandleHTTP(pragma.Partner, "POST /lab/v1/ask", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			m.AnswerHTTP(rw, &said{})
		}))
	}
	runLab(t, "", mount, func(t *testing.T, w *world) {
		url := "http://" + w.Address(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner})
		resp, err := w.HTTP().Post(url+"/lab/v1/ask", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("status = %d, want 200", resp.StatusCode)
		}
	})
}

func TestServicesKeepToTheirHTTPPaths(t *testing.T) {
	for _, path := range []string{"/lab/ask", "/a/b/v1/ask", "/v2/ask", "/Lab/v1/ask", "//v1/ask"} {
		err := tryRun(t, "", service{"ARpc", func(m *pragma.Mount) error {
			m.HandleHTTP(pragma.Player, "GET "+path, http.NotFoundHandler())
			return nil
		}})
		if err == nil || !strings.Contains(err.Error(), "must start") {
			t.Errorf("path %s: start = %v", path, err)
		}
	}
}

// documented is a plugin that the documentation calls otherwise.
type documented struct{ banner }

func (*documented) DocumentedClass() string { return "guild.plugins.DocumentedBanner" }

func TestConfigurationMayNameAPluginByItsDocumentedClass(t *testing.T) {
	for class, good := range map[string]bool{"guild.plugins.DocumentedBanner": true, "pragma_test.documented": true, "guild.plugins.Other": false} {
		err := tryMount(t, class, &documented{})
		if (err == nil) != good {
			t.Errorf("class %s: %v", class, err)
		}
	}
}

func tryMount(t *testing.T, class string, plugin *documented) error {
	t.Helper()
	srv := &pragma.Server{
		Game: []pragma.Service{service{"ARpc", func(m *pragma.Mount) error {
			return pragma.MountPlugin[any](m, "GuildService.guildPlugin", plugin)
		}}},
		Config: pragmatest.Config(t, "game: {pluginConfigs: {GuildService.guildPlugin: {class: "+class+"}}}"),
	}
	return srv.Check()
}
