package pragma

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// doorkeeper bounds who may try to come in, before that costs anything. The limits
// are those of core.session; they are per node.
type doorkeeper struct {
	core      *core
	total     rates // of handshakes, under the zero key
	addresses rates // of handshakes

	mu   sync.Mutex
	open map[[16]byte]int // sockets by address
}

// errTooManyHandshakes refuses before the token is looked at.
var errTooManyHandshakes = ErrRateLimited.With("too many handshakes, wait a moment")

// limited reports whether the limits per address apply to an address.
func (d *doorkeeper) limited(client netip.Addr) bool {
	return client.IsValid() && !holds(d.core.gates.Load().UnlimitedNetworks, client)
}

// handshake counts an upgrade and returns which limit it is beyond, or "". What
// one address has too many of is not counted in the total, so that it does not
// lock out others.
func (d *doorkeeper) handshake(client netip.Addr) (beyond string) {
	limits, now := d.core.session.Load(), time.Now()
	total := limits.HandshakesPerSecond
	switch {
	case !d.fromAddress(client, limits, now):
		return "address"
	case total > 0 && !d.total.allow([16]byte{}, rate.Limit(total), limits.HandshakeBurst, now):
		return "total"
	}
	return ""
}

func (d *doorkeeper) fromAddress(client netip.Addr, limits *sessionConfig, now time.Time) bool {
	each := limits.AddressHandshakesPerSecond
	return each == 0 || !d.limited(client) ||
		d.addresses.allow(addressKey(client), rate.Limit(each), limits.AddressHandshakeBurst, now)
}

// refused counts a token or a log-in that was refused.
func (d *doorkeeper) refused(client netip.Addr) {
	d.fromAddress(client, d.core.session.Load(), time.Now())
}

// blocked reports whether an address has used up its handshakes.
func (d *doorkeeper) blocked(client netip.Addr) bool {
	return d.core.session.Load().AddressHandshakesPerSecond > 0 && d.limited(client) &&
		d.addresses.empty(addressKey(client), time.Now())
}

// enter counts a socket and reports whether its address may have one more. leave
// is its counterpart. Those of partners are not counted.
func (d *doorkeeper) enter(t SessionType, client netip.Addr) bool {
	if t == Partner {
		return true
	}
	most := d.core.session.Load().AddressSockets
	limited := most > 0 && d.limited(client)
	key := addressKey(client)
	d.mu.Lock()
	defer d.mu.Unlock()
	if limited && d.open[key] >= most {
		return false
	}
	if d.open == nil {
		d.open = make(map[[16]byte]int)
	}
	d.open[key]++
	return true
}

func (d *doorkeeper) leave(t SessionType, client netip.Addr) {
	if t == Partner {
		return
	}
	key := addressKey(client)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[key]--; d.open[key] == 0 {
		delete(d.open, key)
	}
}

// identify is authenticate for a request that is not an upgrade: addresses that
// keep sending bad tokens are refused without a look at the next one.
func (g *gateway) identify(r *http.Request) (*caller, error) {
	client := ClientAddress(r.Context())
	if g.side.core.doorkeeper.blocked(client) {
		g.countRefusal("address")
		return nil, errTooManyHandshakes
	}
	who, err := g.authenticate(r)
	if err != nil && asError(err).Code == Unauthenticated {
		g.side.core.doorkeeper.refused(client)
		g.countRefusal("token")
	}
	return who, err
}

// countRefusal counts a client that was not let in.
func (g *gateway) countRefusal(cause string) {
	g.side.core.metrics.refusals.WithLabelValues(g.id.String(), cause).Inc()
}

// watched is the answer of a handler that does its own authentication, such as a
// log-in: its refusals count like those of bad tokens.
type watched struct {
	http.ResponseWriter
	g      *gateway
	client netip.Addr
}

// WriteHeader implements [http.ResponseWriter].
func (w watched) WriteHeader(status int) {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		w.g.side.core.doorkeeper.refused(w.client)
		w.g.countRefusal("log-in")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements [http.Flusher] for handlers that stream.
func (w watched) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// watch lets a registered handler in unless the client's address is blocked.
func (g *gateway) watch(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := ClientAddress(r.Context())
		if g.side.core.doorkeeper.blocked(client) {
			g.countRefusal("address")
			g.refuse(w, 0, errTooManyHandshakes)
			return
		}
		h.ServeHTTP(watched{w, g, client}, r)
	})
}
