package pragma

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/openpragma/engine/internal/wire"
)

// anyOrigin stands for every origin in the configuration.
const anyOrigin = "*"

// ServeHTTP implements [http.Handler]: it judges where a request comes from, and
// answers those that no path takes.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	gates := g.side.core.gates.Load()
	config := gates.at(g.id)
	client := gates.clientOf(r)
	w.Header().Set("Vary", "Origin")
	if len(config.AllowedNetworks) > 0 && !holds(config.AllowedNetworks, client) {
		g.forbid(w, "network")
		return
	}
	if !g.fromAllowedPage(w, r, config) {
		g.forbid(w, "origin")
		return
	}
	if _, pattern := g.mux.Handler(r); pattern == "" {
		g.noPath(w, r, config)
		return
	}
	g.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientAddress{}, client)))
}

// errForbidden answers with 403.
var errForbidden = ErrWrongSessionType.With("this gateway is not open to you")

func (g *gateway) forbid(w http.ResponseWriter, cause string) {
	g.countRefusal(cause)
	g.refuse(w, 0, errForbidden)
}

// fromAllowedPage lets scripts of the allowed pages read the answer (CORS), and
// reports whether the request may go on.
func (g *gateway) fromAllowedPage(w http.ResponseWriter, r *http.Request, config *gatewayConfig) bool {
	origin := r.Header.Get("Origin")
	switch {
	case origin == "":
		return true
	case config.allows(origin):
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
		return true
	}
	return !config.EnforceOrigin || config.isOwn(origin, r.Host)
}

// allows reports whether scripts of a page may call the gateway.
func (c *gatewayConfig) allows(origin string) bool {
	return slices.ContainsFunc(c.AllowedOrigins, func(allowed string) bool {
		return allowed == anyOrigin || strings.EqualFold(allowed, origin)
	})
}

// isOwn reports whether an origin is the gateway itself, under the name the client
// or the configuration has for it. The scheme says nothing: TLS may end before us.
func (c *gatewayConfig) isOwn(origin, host string) bool {
	o, err := url.Parse(origin)
	if err != nil || o.Host == "" {
		return false
	}
	public, err := url.Parse(c.PublicURL)
	return strings.EqualFold(o.Host, host) || err == nil && strings.EqualFold(o.Host, public.Host)
}

// noPath answers a request that no path takes with its method: a question what is
// possible, or a mistake.
func (g *gateway) noPath(w http.ResponseWriter, r *http.Request, config *gatewayConfig) {
	methods := g.methods(r)
	switch {
	case len(methods) == 0:
		writeFrame(w, http.StatusNotFound, g.side.errorBody(&wire.Request{}, ErrUnknownType.With("no such path")))
	case r.Method != http.MethodOptions:
		w.Header().Set("Allow", strings.Join(methods, ", "))
		writeFrame(w, http.StatusMethodNotAllowed, g.side.errorBody(&wire.Request{}, ErrUnknownType.With("no such method for this path")))
	case r.Header.Get("Access-Control-Request-Method") == "" || r.Header.Get("Origin") == "":
		w.Header().Set("Allow", strings.Join(methods, ", "))
		w.WriteHeader(http.StatusNoContent)
	case config.allows(r.Header.Get("Origin")):
		h := w.Header()
		h.Set("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked) // tokens travel in a header, not in cookies
		}
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	default:
		g.forbid(w, "origin")
	}
}

// methods returns those that the path of a request takes, none if there is no such
// path.
func (g *gateway) methods(r *http.Request) []string {
	all := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	probe := *r
	found := slices.DeleteFunc(all, func(method string) bool {
		probe.Method = method
		_, pattern := g.mux.Handler(&probe)
		return pattern == ""
	})
	if len(found) > 0 {
		found = append(found, http.MethodOptions)
	}
	return found
}
