package agones_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/agones"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestConfigurationsThatCannotBeMeant(t *testing.T) {
	f := newFake(t, 0, nil)
	labels := func(key, value string) func(c *agones.Config) {
		return func(c *agones.Config) { c.Selectors[0].MatchLabels = map[string]string{key: value} }
	}
	for _, row := range []struct {
		name   string
		change func(c *agones.Config)
		want   string // empty: it is fine
	}{
		{"the one of the tests", nil, ""},
		{"any server", func(c *agones.Config) { c.Selectors = []agones.Selector{{}} }, ""},
		{"a label with placeholders", labels("example.com/fleet", "v{version}-{zone}"), ""},
		{"no address", func(c *agones.Config) { c.URL = "" }, "url"},
		{"an address without TLS", func(c *agones.Config) { c.URL = "http://127.0.0.1" }, "url"},
		{"an address with a query", func(c *agones.Config) { c.URL += "?a=b" }, "url"},
		{"no namespace", func(c *agones.Config) { c.Namespace = "" }, "namespace"},
		{"a namespace with capitals", func(c *agones.Config) { c.Namespace = "Games" }, "namespace"},
		{"no certificate", func(c *agones.Config) { c.CertFile = "" }, "certFile"},
		{"no key", func(c *agones.Config) { c.KeyFile = "" }, "keyFile"},
		{"no selectors", func(c *agones.Config) { c.Selectors = nil }, "selectors"},
		{"an unknown placeholder", labels("a", "{server}"), "selectors"},
		{"a brace alone", labels("a", "}x"), "selectors"},
		{"a label of spaces", labels("a", "b c"), "selectors"},
		{"a label too long", labels("a", strings.Repeat("x", 64)), "selectors"},
		{"a name too long", labels(strings.Repeat("x", 64), "a"), "selectors"},
		{"a name with an empty prefix", labels("/x", "a"), "selectors"},
		{"a name with a prefix too long", labels(strings.Repeat("x.", 130)+"x/y", "a"), "selectors"},
		{"our own label", labels("openpragma/allocation-id", "a"), "selectors"},
		{"our own label to set", func(c *agones.Config) { c.Labels = map[string]string{"openpragma/allocation-id": "a"} }, "labels"},
		{"a counter of less than nothing", func(c *agones.Config) {
			c.Selectors[0].Counters = map[string]agones.Counter{"rooms": {MinCount: -1}}
		}, "selectors"},
		{"a counter upside down", func(c *agones.Config) {
			c.Selectors[0].Counters = map[string]agones.Counter{"rooms": {MinAvailable: 2, MaxAvailable: 1}}
		}, "selectors"},
		{"a list without name", func(c *agones.Config) { c.Selectors[0].Lists = map[string]agones.List{"": {}} }, "selectors"},
		{"players upside down", func(c *agones.Config) { c.Selectors[0].Players = &agones.Players{MinAvailable: 1} }, "selectors"},
		{"a priority of something", func(c *agones.Config) {
			c.Priorities = []agones.Priority{{Type: "Thing", Key: "x", Order: "Ascending"}}
		}, "priorities"},
		{"no scheduling", func(c *agones.Config) { c.Scheduling = "" }, "scheduling"},
		{"policies by bad labels", func(c *agones.Config) { c.MultiCluster.PolicyLabels = map[string]string{"": "a"} }, "multiCluster.policyLabels"},
		{"no allocation label", func(c *agones.Config) { c.AllocationLabel = "" }, "allocationLabel"},
		{"no annotation for a token", func(c *agones.Config) { c.Tell.GameToken = "" }, "tell"},
		{"one annotation for two things", func(c *agones.Config) { c.Tell.GameToken = c.Tell.SocialToken }, "tell"},
		{"a token's annotation for something else", func(c *agones.Config) {
			c.Annotations = map[string]string{c.Tell.GameToken: "x"}
		}, "annotations"},
		{"an annotation with a placeholder we do not have", func(c *agones.Config) {
			c.Annotations = map[string]string{"a": "{token}"}
		}, "annotations"},
		{"no time", func(c *agones.Config) { c.TimeoutMillis = 0 }, "timeoutMillis"},
		{"no pause", func(c *agones.Config) { c.RetryMillis = 0 }, "retryMillis"},
		{"less than no patience", func(c *agones.Config) { c.PatienceMillis = -1 }, "patienceMillis"},
		{"a status that is none", func(c *agones.Config) { c.UnallocatedStatusCode = 99 }, "unallocatedStatusCode"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := f.config(row.change).Validate()
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.HasPrefix(err.Error(), row.want+":")) {
				t.Errorf("got %v, want %q to be named and nothing else", err, row.want)
			}
		})
	}
}

// section is the configuration of a server with the plugin, in YAML's flow style.
func section(f *fake, more string) string {
	return fmt.Sprintf(`{game: {pluginConfigs: {GameInstanceService.gameServerProviderPlugin: {config: {
		url: %q, certFile: %q, keyFile: %q, caFile: %q, %s}}}}}`,
		f.url, filepath.Join(f.dir, "tls.crt"), filepath.Join(f.dir, "tls.key"), filepath.Join(f.dir, "ca.crt"), more)
}

func TestMistakesStopTheStart(t *testing.T) {
	f := newFake(t, 0, nil)
	for _, row := range []struct{ name, config, want string }{
		{"an unknown key", section(f, `selectors: [{matchlabel: {a: b}}]`), "matchlabel"},
		{"a wrong value", section(f, `selectors: [{}], scheduling: Anyhow`), "Packed or Distributed"},
		{"no section", `{}`, "url"},
		{"a file that is missing", section(&fake{url: f.url, dir: "/nowhere"}, `selectors: [{}]`), "/nowhere/tls.crt"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg, err := pragma.ParseConfig(row.config)
			if err != nil {
				t.Fatal(err)
			}
			srv := &pragma.Server{Config: cfg, Game: []pragma.Service{&gameinstance.Service{Provider: &agones.Plugin{}}}}
			if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("Run() = %v, want it to name %q", err, row.want)
			}
		})
	}
}

func TestAChangeThatCannotBeUsedLeavesTheFormerConfiguration(t *testing.T) {
	f := newFake(t, 0, nil)
	file := filepath.Join(t.TempDir(), "game.yml")
	write := func(config string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	enough := errors.New("that was all")
	fleet := ""
	p := &agones.Plugin{Adjust: func(_ context.Context, a *agones.Allocation) error {
		fleet = a.Selectors[0].MatchLabels["fleet"]
		return enough // nothing is sent
	}}
	write(section(f, `selectors: [{matchLabels: {fleet: first}}]`))
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		return &pragma.Server{Config: cfg, Game: []pragma.Service{&gameinstance.Service{Provider: p}}}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		for _, step := range []struct{ config, want, logged string }{
			{section(f, `selectors: [{matchLabels: {fleet: second}}]`), "second", "reload"},
			{section(f, `selectors: [{matchLabels: {fleet: "{x}"}}]`), "second", "placeholders"},
			{section(&fake{url: f.url, dir: "/nowhere"}, `selectors: [{matchLabels: {fleet: third}}]`), "second", "the last good one stays"},
			{section(f, `selectors: [{matchLabels: {fleet: fourth}}]`), "fourth", "reload"},
		} {
			write(step.config)
			time.Sleep(time.Minute)
			if err := p.StartAllocationForGameInstance(w.T.Context(), wanted()); !errors.Is(err, enough) {
				w.T.Fatal(err)
			}
			if fleet != step.want || !strings.Contains(w.Logs(), step.logged) {
				w.T.Errorf("fleet %q, want %q and %q in the log", fleet, step.want, step.logged)
			}
		}
	})
}
