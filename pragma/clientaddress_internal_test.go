package pragma

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func networks(t testing.TB, texts ...string) (all []network) {
	t.Helper()
	for _, text := range texts {
		var n network
		if err := n.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

func TestClientAddressIsTheFirstBehindTrustedProxies(t *testing.T) {
	const proxy = "10.0.0.1:5000"
	for _, tt := range []struct {
		name, peer string
		header     string // that is configured; "" is X-Forwarded-For
		forwarded  []string
		other      string // value of the header that is not configured
		want       string
	}{
		{name: "nothing said", peer: "192.0.2.1:99", want: "192.0.2.1"},
		{name: "a client who says he is another", peer: "192.0.2.1:99", forwarded: []string{"198.51.100.7"}, want: "192.0.2.1"},
		{name: "one proxy", peer: proxy, forwarded: []string{"198.51.100.7"}, want: "198.51.100.7"},
		{name: "a proxy that says nothing", peer: proxy, want: "10.0.0.1"},
		{name: "empty header", peer: proxy, forwarded: []string{""}, want: "10.0.0.1"},
		{name: "a spoofed entry before the true one", peer: proxy, forwarded: []string{"203.0.113.9, 198.51.100.7"}, want: "198.51.100.7"},
		{name: "a spoofed trusted entry", peer: proxy, forwarded: []string{"10.0.0.9,198.51.100.7"}, want: "198.51.100.7"},
		{name: "two proxies", peer: proxy, forwarded: []string{"1.2.3.4, 198.51.100.7, 10.0.0.2"}, want: "198.51.100.7"},
		{name: "header lines in order", peer: proxy, forwarded: []string{"1.2.3.4", "198.51.100.7", "10.0.0.2"}, want: "198.51.100.7"},
		{name: "proxies alone", peer: proxy, forwarded: []string{"10.0.0.3, 10.0.0.2"}, want: "10.0.0.3"},
		{name: "garbage behind a proxy", peer: proxy, forwarded: []string{"198.51.100.7, unknown, 10.0.0.2"}, want: "10.0.0.2"},
		{name: "trailing comma", peer: proxy, forwarded: []string{"198.51.100.7,"}, want: "10.0.0.1"},
		{name: "with a port", peer: proxy, forwarded: []string{"198.51.100.7:4711"}, want: "198.51.100.7"},
		{name: "IPv6", peer: "[fd00::1]:443", forwarded: []string{"2001:db8::7"}, want: "2001:db8::7"},
		{name: "IPv6 in brackets", peer: proxy, forwarded: []string{"[2001:db8::7]"}, want: "2001:db8::7"},
		{name: "IPv6 with a port", peer: proxy, forwarded: []string{"[2001:db8::7]:4711"}, want: "2001:db8::7"},
		{name: "IPv4 in IPv6", peer: "[::ffff:10.0.0.1]:5000", forwarded: []string{"::ffff:198.51.100.7"}, want: "198.51.100.7"},
		{name: "IPv4 in brackets", peer: proxy, forwarded: []string{"[198.51.100.7]"}, want: "10.0.0.1"},
		{name: "a zone", peer: proxy, forwarded: []string{"fe80::1%eth0"}, want: "fe80::1"},
		{name: "the header that is not configured", peer: proxy, other: "for=203.0.113.9", want: "10.0.0.1"},
		{name: "no address", peer: "pipe", forwarded: []string{"198.51.100.7"}, want: "invalid IP"},

		{name: "Forwarded", peer: proxy, header: forwarded, forwarded: []string{"for=198.51.100.7;proto=https"}, want: "198.51.100.7"},
		{name: "Forwarded with a port", peer: proxy, header: forwarded, forwarded: []string{`by=10.0.0.1; For="[2001:db8::7]:4711"`}, want: "2001:db8::7"},
		{name: "Forwarded, spoofed", peer: proxy, header: forwarded, forwarded: []string{"for=203.0.113.9, for=198.51.100.7, for=10.0.0.2"}, want: "198.51.100.7"},
		{name: "Forwarded, a quote left open", peer: proxy, header: forwarded, forwarded: []string{`for="203.0.113.9, for=198.51.100.7`}, want: "198.51.100.7"},
		{name: "Forwarded, for twice", peer: proxy, header: forwarded, forwarded: []string{"for=203.0.113.9;for=198.51.100.7"}, want: "10.0.0.1"},
		{name: "Forwarded, hidden", peer: proxy, header: forwarded, forwarded: []string{"for=198.51.100.7, for=_secret"}, want: "10.0.0.1"},
		{name: "Forwarded, not X-Forwarded-For", peer: proxy, header: forwarded, other: "203.0.113.9", want: "10.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &gatewayManagerConfig{TrustedProxies: networks(t, "10.0.0.0/8", "fd00::/8"), ForwardedHeader: xForwardedFor}
			other := forwarded
			if tt.header != "" {
				c.ForwardedHeader, other = tt.header, xForwardedFor
			}
			r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{c.ForwardedHeader: tt.forwarded}}
			if tt.other != "" {
				r.Header.Set(other, tt.other)
			}
			if got := c.clientOf(r).String(); got != tt.want {
				t.Errorf("clientOf = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNetworksAreReadFromText(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"range", "10.0.0.0/8", "10.0.0.0/8"},
		{"range with a host part", "10.1.2.3/8", "10.0.0.0/8"},
		{"address", "192.0.2.7", "192.0.2.7/32"},
		{"IPv6 range", "2001:db8::/32", "2001:db8::/32"},
		{"IPv6 address", "::1", "::1/128"},
		{"everything", "0.0.0.0/0", "0.0.0.0/0"},
		{"name", "localhost", ""},
		{"empty", "", ""},
		{"too many bits", "10.0.0.0/33", ""},
		{"IPv4 in IPv6", "::ffff:10.0.0.1", ""},
		{"a zone", "fe80::1%eth0", ""},
	} {
		var n network
		err := n.UnmarshalText([]byte(tt.text))
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: %q was read as %v", tt.name, tt.text, n.prefix)
			}
			continue
		}
		if err != nil || n.prefix.String() != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.name, n.prefix, err, tt.want)
		}
	}
}

func TestAddressesOfOneHomeCountAsOne(t *testing.T) {
	key := func(text string) [16]byte { return addressKey(netip.MustParseAddr(text)) }
	if key("2001:db8::1") != key("2001:db8::ffff:1") {
		t.Error("two addresses of one /64 differ")
	}
	if key("2001:db8::1") == key("2001:db8:0:1::1") {
		t.Error("two /64 are one")
	}
	if key("192.0.2.1") == key("192.0.2.2") {
		t.Error("two addresses of IPv4 are one")
	}
}

func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{
		"198.51.100.7", "1.2.3.4, 198.51.100.7, 10.0.0.2", `for="[2001:db8::7]:4711";by=10.0.0.1`, `for="1.1.1.1, for=2.2.2.2`,
		"[::1", ",,,", "10.0.0.1,10.0.0.2", "::ffff:10.0.0.1", "for=", ";=;", "unknown",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	trusted := networks(f, "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, value string, rfc bool) {
		c := &gatewayManagerConfig{TrustedProxies: trusted, ForwardedHeader: xForwardedFor}
		hop := "198.51.100.7"
		if rfc {
			c.ForwardedHeader, hop = forwarded, "for=198.51.100.7"
		}
		proxy := netip.MustParseAddr("10.0.0.1")
		got := c.behind(proxy, []string{value})
		if !got.IsValid() || got.Is4In6() || got.Zone() != "" {
			t.Errorf("%q: got %v", value, got)
		}
		if !holds(trusted, got) && !strings.Contains(value, ".") && !strings.Contains(value, ":") {
			t.Errorf("%q: got %v from nowhere", value, got)
		}
		// Whatever a client writes, the entry that the proxy appends decides.
		for _, values := range [][]string{{value + ", " + hop}, {value, hop}} {
			if got := c.behind(proxy, values); got.String() != "198.51.100.7" {
				t.Errorf("%q: got %v, want what the proxy says", values, got)
			}
		}
	})
}
