package pragma

import (
	"io"
	"log/slog"
	"testing"
)

// readCore reads a configuration as a start does.
func readCore(t *testing.T, yaml string) *core {
	t.Helper()
	cfg, err := ParseConfig(yaml)
	if err != nil {
		t.Fatal(err)
	}
	c := &core{log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	c.readConfig(cfg)
	return c
}

func TestProductionHasStricterDefaults(t *testing.T) {
	limits := func(yaml string) [4]int {
		s := readCore(t, yaml).session.Load()
		return [4]int{s.HandshakesPerSecond, s.AddressHandshakesPerSecond, s.AddressHandshakeBurst, s.AddressSockets}
	}
	development, production := [4]int{0, 2000, 20000, 0}, [4]int{5000, 100, 1000, 2000}
	for _, tt := range []struct {
		name, yaml string
		want       [4]int
	}{
		{"nothing said", "{}", development},
		{"development", "core: {backendMode: DEVELOPMENT}", development},
		{"production", "core: {backendMode: PRODUCTION}", production},
		{"production with its own limits", "core: {backendMode: PRODUCTION, session: {addressSockets: 0, handshakesPerSecond: 7}}", [4]int{7, 100, 1000, 0}},
		{"a mistake elsewhere", "core: {backendMode: PRODUCTION, session: {playerBurst: many}}", development},
	} {
		if got := limits(tt.yaml); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestWhomGatewaysLetInChangesLive(t *testing.T) {
	base := readCore(t, "{}").config.Load()
	for _, tt := range []struct {
		yaml    string
		restart bool
	}{
		{"core: {session: {addressSockets: 3}}", false},
		{"core: {gatewayManager: {trustedProxies: [10.0.0.0/8], unlimitedNetworks: [::1], forwardedHeader: Forwarded}}", false},
		{"core: {gatewayManager: {game: {player: {allowedNetworks: [10.0.0.0/8], allowedOrigins: ['*'], enforceOrigin: true}}}}", false},
		{"core: {gatewayManager: {game: {player: {address: '127.0.0.1:1'}}}}", true},
		{"core: {gatewayManager: {game: {player: {enabled: false}}}}", true},
		{"core: {gatewayManager: {game: {player: {tls: {certFile: a, keyFile: b}}}}}", true},
		{"core: {gatewayManager: {http: {readTimeoutSeconds: 1}}}", true},
		{"core: {nodeName: b}", true},
	} {
		next := readCore(t, tt.yaml).config.Load()
		if got := coreNeedsRestart(base, next) != nil; got != tt.restart {
			t.Errorf("%s: needs a restart: %v, want %v", tt.yaml, got, tt.restart)
		}
	}
}
