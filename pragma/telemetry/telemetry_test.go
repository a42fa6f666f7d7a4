package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/telemetry"
)

type m = map[string]any

var (
	gamePlayer  = pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}
	gamePartner = pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}
)

// lake keeps what it gets, unless an event tells it to fail.
type lake struct {
	telemetry.Defaults
	got []string
}

var errDry = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "LAKE_DRY", Title: true}

func (l *lake) HandleEvents(_ context.Context, r *telemetry.HandleEventsRequest) error {
	from := "nobody"
	switch {
	case r.Player != nil && r.Partner == nil:
		from = "player " + r.Player.DisplayName.DisplayName
	case r.Partner != nil && r.Player == nil:
		from = "partner " + r.Partner.Name
	}
	for _, e := range r.Events {
		switch e.Name {
		case "dry":
			return errDry
		case "fail":
			return errors.New("no space")
		case "panic":
			panic("no lake")
		case "sleep":
			time.Sleep(3 * time.Second)
		}
		l.got = append(l.got, fmt.Sprintf("%s: %s %s %s", from, e.SourceID, e.Name, e.JSON))
	}
	return nil
}

// world is a server with telemetry.
type world struct {
	*pragmatest.World
	player, partner *pragmatest.Raw
}

func run(t *testing.T, plugin telemetry.Plugin, config string, fn func(t *testing.T, w *world)) {
	t.Helper()
	build := func() *pragma.Server {
		return &pragma.Server{
			Game:   []pragma.Service{&telemetry.Service{Plugin: plugin}},
			Config: pragmatest.Config(t, config),
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw}
		game, _ := w.Tokens("robin")
		w.player = w.Raw(gamePlayer, game)
		server, _ := w.PartnerTokens()
		w.partner = w.Raw(gamePartner, server)
		fn(pw.T, w)
	})
}

// refused makes a call that must fail, and returns its error.
func refused(t *testing.T, c *pragmatest.Raw, call string, payload any) string {
	t.Helper()
	c.Request("TelemetryRpc."+call, payload)
	f := c.Read()
	if f.ServiceError == nil {
		t.Errorf("%s %.60v: got %s, want an error", call, payload, f.Text)
		return ""
	}
	return f.ServiceError.Error + f.ServiceError.ExtError
}

func TestEventsReachThePluginInTheirOrder(t *testing.T) {
	plugin := &lake{}
	run(t, plugin, "", func(t *testing.T, w *world) {
		w.player.Call("TelemetryRpc.PlayerEventV1", m{"event": m{"name": "a", "json": `{"x":1}`}})
		w.player.Call("TelemetryRpc.PlayerEventsV1", m{"events": []m{{"name": "b", "json": "{"}, {"name": "c"}}})
		w.player.Call("TelemetryRpc.PlayerEventsV1", m{})
		w.partner.Call("TelemetryRpc.EventPartnerV1", m{"sourceId": "s1", "event": m{"name": "d", "json": "1"}})
		w.partner.Call("TelemetryRpc.EventsPartnerV1", m{"events": []m{{"sourceId": "s2", "event": m{"name": "e"}}, {"event": m{"name": "f"}}}})
		want := []string{
			`player robin:  a {"x":1}`, `player robin:  b {`, `player robin:  c `,
			`partner test: s1 d 1`, `partner test: s2 e `, `partner test:  f `,
		}
		if diff := cmp.Diff(plugin.got, want); diff != "" {
			t.Errorf("events (-got +want):\n%s", diff)
		}
	})
}

func TestEventsBeyondTheBoundsAreRefusedTogether(t *testing.T) {
	plugin := &lake{}
	config := "game: {serviceConfigs: {TelemetryConfig: {maxEventsPerCall: 3, maxEventBytes: 10}}}"
	run(t, plugin, config, func(t *testing.T, w *world) {
		fine := m{"name": "fine", "json": strings.Repeat("x", 10)}
		const malformed, large = "Serialization_Error", "SessionService_RequestTooLarge"
		for name, tt := range map[string]struct {
			events []m
			want   string
		}{
			"no name":        {[]m{fine, {"json": "{}"}}, malformed},
			"long name":      {[]m{fine, {"name": strings.Repeat("n", 129)}}, malformed},
			"long text":      {[]m{fine, {"name": "a", "json": strings.Repeat("x", 11)}}, large},
			"too many":       {[]m{fine, fine, fine, fine}, large},
			"json is object": {[]m{{"name": "a", "json": m{}}}, malformed},
		} {
			if got := refused(t, w.player, "PlayerEventsV1", m{"events": tt.events}); got != tt.want {
				t.Errorf("%s: got %s, want %s", name, got, tt.want)
			}
		}
		if got := refused(t, w.partner, "EventPartnerV1", m{"sourceId": strings.Repeat("s", 129), "event": fine}); got != malformed {
			t.Errorf("long source: got %s", got)
		}
		if plugin.got != nil {
			t.Errorf("the plugin got %q", plugin.got)
		}
		w.player.Call("TelemetryRpc.PlayerEventsV1", m{"events": []m{fine, fine, fine}})
		if len(plugin.got) != 3 {
			t.Errorf("the plugin got %q, want three", plugin.got)
		}
	})
}

func TestPluginThatFailsRefusesTheCall(t *testing.T) {
	run(t, &lake{}, "", func(t *testing.T, w *world) {
		for name, want := range map[string]string{
			"dry": "LAKE_DRY", "fail": "TelemetryService_FailedToPersistEvent",
			"panic": "TelemetryService_FailedToPersistEvent", "sleep": "TelemetryService_FailedToPersistEvent",
		} {
			if got := refused(t, w.player, "PlayerEventV1", m{"event": m{"name": name}}); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
		time.Sleep(3 * time.Second) // until the plugin that was left behind is done
	})
}

func TestDefaultWritesBoundedLines(t *testing.T) {
	run(t, nil, "", func(t *testing.T, w *world) {
		w.player.Call("TelemetryRpc.PlayerEventV1", m{"event": m{"name": "long", "json": strings.Repeat("y", 5000)}})
		w.partner.Call("TelemetryRpc.EventPartnerV1", m{"sourceId": "s1", "event": m{"name": "forged", "json": "x\nlevel=ERROR"}})
		logs := w.Logs()
		if n := strings.Count(logs, "y"); n < 1024 || n > 1200 || !strings.Contains(logs, "jsonBytes=5000") {
			t.Errorf("the long event has %d letters in the log:\n%.3000s", n, logs)
		}
		if !strings.Contains(logs, `json="x\nlevel=ERROR"`) || !strings.Contains(logs, "source=s1") || !strings.Contains(logs, "service=TelemetryRpc") {
			t.Errorf("log:\n%s", logs)
		}
	})
}

func TestDefaultWorksWithoutAServer(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	err := telemetry.Defaults{}.HandleEvents(t.Context(), &telemetry.HandleEventsRequest{Log: log, Events: []telemetry.Event{{Name: "a"}, {Name: "b", JSON: "{}"}}})
	want := "level=INFO msg=\"telemetry event\" event=a json=\"\"\nlevel=INFO msg=\"telemetry event\" event=b json={}\n"
	if err != nil || text.String() != want {
		t.Errorf("log = %s, %v\nwant %s", text.String(), err, want)
	}
}

func TestLimitsMustLetSomethingThrough(t *testing.T) {
	for name, tt := range map[string]struct {
		config telemetry.Config
		ok     bool
	}{
		"defaults":  {telemetry.DefaultConfig(), true},
		"no events": {telemetry.Config{MaxEventBytes: 1}, false},
		"no bytes":  {telemetry.Config{MaxEventsPerCall: 1, MaxEventBytes: -1}, false},
	} {
		if err := tt.config.Validate(); (err == nil) != tt.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestItWorksOnTheSocialSideToo(t *testing.T) {
	plugin := &lake{}
	pragmatest.CheckPlugin[telemetry.Plugin](t, plugin)
	build := func() *pragma.Server {
		return &pragma.Server{Social: []pragma.Service{&account.Service{}, &telemetry.Service{Plugin: plugin}}}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		_, social := w.Tokens("robin")
		c := w.Raw(pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}, social)
		c.Call("TelemetryRpc.PlayerEventV1", m{"event": m{"name": "a"}})
		if len(plugin.got) != 1 {
			w.T.Errorf("the plugin got %q", plugin.got)
		}
	})
}
