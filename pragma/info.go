package pragma

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/openpragma/engine/internal/wire"
)

// platformVersion is the version that clients are told (wire §1.3).
const platformVersion = "0.4.0"

// info answers GET /v1/info: where the gateways of this session type are.
// Existing clients build every address from it.
func (g *gateway) info(w http.ResponseWriter, r *http.Request) {
	core := g.side.core
	social, game := g.address(r, Social), g.address(r, Game)
	body, err := wire.Marshal(&wire.Info{
		Name:            core.config.Load().ClusterName,
		Version:         platformVersion,
		PlatformVersion: platformVersion,
		BackendMode:     string(core.mode),
		AuthenticateBackend: wire.AuthBackend{
			Host: social.Host, Port: social.Port, Protocol: social.Protocol, Scheme: social.Protocol,
		},
		SocialBackend: social,
		GameBackend:   game,
		GameShardID:   wire.UUID(core.shardID),
		Backends:      map[string]wire.Backend{"SOCIAL": social, "GAME": game},
	})
	g.respond(w, body, err)
}

// address is where clients reach a backend's gateway of this gateway's type.
func (g *gateway) address(r *http.Request, b Backend) wire.Backend {
	id := Gateway{b, g.id.Type}
	a := wire.Backend{Protocol: "http", WebSocketProtocol: "ws"}
	if public, err := url.Parse(g.side.core.config.Load().GatewayManager.gateway(id).PublicURL); err == nil && public.Host != "" {
		a.Host, a.Protocol = public.Hostname(), public.Scheme
		if public.Scheme == "https" {
			a.WebSocketProtocol, a.Port = "wss", 443
		}
		if port, err := strconv.ParseInt(public.Port(), 10, 32); err == nil {
			a.Port = wire.Int32(port)
		}
		return a
	}
	// The host the client used for this gateway is one it can reach.
	a.Host = r.Host
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		a.Host = host
	}
	for _, door := range g.side.core.doors {
		if door.id != id {
			continue
		}
		if tcp, ok := door.listener.Addr().(*net.TCPAddr); ok {
			a.Port = wire.Int32(tcp.Port)
		}
		if door.cert != nil {
			a.Protocol, a.WebSocketProtocol = "https", "wss"
		}
	}
	return a
}

// types answers GET /v1/types: an id for every name this gateway's clients may
// meet. Ids are the places in the sorted list of all names of the server; they
// change when a service is added, which clients tolerate.
func (g *gateway) types(w http.ResponseWriter, _ *http.Request) {
	ids := make(map[string]int)
	for i, name := range g.side.core.typeNames() {
		if !name.operator || g.id.Type == Operator {
			ids[name.text] = i + 1
		}
	}
	body, err := wire.Marshal(ids)
	g.respond(w, body, err)
}

type typeName struct {
	text     string
	operator bool
}

func (c *core) typeNames() []typeName {
	var names []typeName
	for _, s := range c.sides {
		for _, call := range s.calls {
			names = append(names, typeName{call.request, call.session == Operator}, typeName{call.response, call.session == Operator})
		}
		for typ, session := range s.notices {
			names = append(names, typeName{typ, session == Operator})
		}
	}
	slices.SortFunc(names, func(a, b typeName) int { return cmp.Compare(a.text, b.text) })
	return slices.Compact(names) // heartbeats are on both backends
}

func (g *gateway) health(w http.ResponseWriter, _ *http.Request) {
	body, err := wire.Marshal(&wire.Healthcheck{
		IsHealthy: true, Version: platformVersion, PlatformVersion: platformVersion,
		LaunchTimeUnixMillis: g.side.core.started.UnixMilli(),
	})
	g.respond(w, body, err)
}

func (g *gateway) alive(w http.ResponseWriter, _ *http.Request) {
	body, err := wire.Marshal(&wire.InstanceHealthcheck{Alive: true})
	g.respond(w, body, err)
}

// discover answers GET /v1/gateway: there is one gateway of each kind.
func (g *gateway) discover(w http.ResponseWriter, r *http.Request) {
	if _, err := g.identify(r); err != nil {
		g.refuse(w, 0, err)
		return
	}
	body, err := wire.Marshal(&wire.Gateway{})
	g.respond(w, body, err)
}

func (g *gateway) respond(w http.ResponseWriter, body []byte, err error) {
	if err != nil {
		g.refuse(w, 0, err)
		return
	}
	writeJSON(w, http.StatusOK, body)
}
