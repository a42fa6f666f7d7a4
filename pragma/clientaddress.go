package pragma

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// ClientAddress returns the address of the client behind a call, or behind a
// request to a handler of [Mount.HandleHTTP]; ctx is the one they got. It is the
// other end of the connection, unless that is one of core.gatewayManager's
// trustedProxies: then it is the address the proxies report. It is the zero Addr
// if ctx has none, as in background work, or if the connection has no IP address.
func ClientAddress(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(clientAddress{}).(netip.Addr)
	return a
}

// clientAddress is the context key of [ClientAddress].
type clientAddress struct{}

// The headers in which proxies report addresses.
const (
	xForwardedFor = "X-Forwarded-For"
	forwarded     = "Forwarded"
)

// clientOf finds the address of the client of a request.
func (c *gatewayManagerConfig) clientOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := plain(peer.Addr())
	if !holds(c.TrustedProxies, client) {
		return client
	}
	return c.behind(client, r.Header.Values(c.ForwardedHeader))
}

// behind follows what trusted proxies report, from the last one back to the first
// address that is not a trusted proxy's. Each proxy appends to the header, so what
// is left of that address is the client's own writing and says nothing. An entry
// that cannot be read is not gone past either.
func (c *gatewayManagerConfig) behind(proxy netip.Addr, values []string) netip.Addr {
	for i := len(values) - 1; i >= 0; i-- {
		rest := values[i]
		for more := true; more; {
			var hop string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, hop = rest[:comma], rest[comma+1:]
			} else {
				hop, more = rest, false
			}
			if c.ForwardedHeader == forwarded {
				hop = forParameter(hop)
			}
			a, ok := parseHop(hop)
			if !ok {
				return proxy
			}
			if proxy = a; !holds(c.TrustedProxies, a) {
				return a
			}
		}
	}
	return proxy
}

// forParameter returns the parameter "for" of an element of Forwarded (RFC 7239),
// or "" if there is not exactly one.
func forParameter(element string) string {
	found := ""
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if !strings.EqualFold(name, "for") {
			continue
		}
		if found != "" {
			return ""
		}
		found = value
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			found = value[1 : len(value)-1]
		}
	}
	return found
}

// parseHop reads an address with or without a port; one of IPv6 may be in
// brackets.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(text); err == nil {
		return plain(a), true
	}
	if inside, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inside, "]") {
		a, err := netip.ParseAddr(strings.TrimSuffix(inside, "]"))
		return plain(a), err == nil && a.Is6()
	}
	a, err := netip.ParseAddrPort(text)
	return plain(a.Addr()), err == nil
}

// plain gives every address one form.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// addressKey is what limits count by. A home or a host has at least a /64 of IPv6
// addresses, so they count as one.
func addressKey(a netip.Addr) [16]byte {
	key := a.As16()
	if a.Is6() {
		clear(key[8:])
	}
	return key
}
