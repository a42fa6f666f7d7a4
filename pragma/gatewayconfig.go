package pragma

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/openpragma/engine/internal/conf"
)

// gatewayManagerConfig switches gateways on and off and says where they listen
// and whom they let in (engine §1.1). Lists of networks and origins change live,
// for new connections; everything else needs a restart.
type gatewayManagerConfig struct {
	Social backendGatewaysConfig `yaml:"social"`
	Game   backendGatewaysConfig `yaml:"game"`

	// TrustedProxies are the networks of the load balancers in front of the
	// gateways, such as [10.0.0.0/8]. Only from there is ForwardedHeader believed.
	// None by default: the address of the connection is that of the client.
	TrustedProxies []network `yaml:"trustedProxies"`
	// ForwardedHeader is where the proxies put the address they were called from:
	// X-Forwarded-For, the default, or Forwarded (RFC 7239). The other one is never
	// read, since a proxy lets it pass as the client wrote it.
	ForwardedHeader string `yaml:"forwardedHeader"`
	// UnlimitedNetworks are addresses to which the limits per address do not apply:
	// load tests, a hall full of players.
	UnlimitedNetworks []network `yaml:"unlimitedNetworks"`
	// HTTP are the limits of every gateway's HTTP server.
	HTTP httpConfig `yaml:"http"`
}

// Validate implements [conf.Validator].
func (c *gatewayManagerConfig) Validate() error {
	if c.ForwardedHeader != xForwardedFor && c.ForwardedHeader != forwarded {
		return conf.Fieldf("forwardedHeader", "want %s or %s", xForwardedFor, forwarded)
	}
	return nil
}

// fixed returns what cannot change while the server runs.
func (c gatewayManagerConfig) fixed() gatewayManagerConfig {
	c.TrustedProxies, c.ForwardedHeader, c.UnlimitedNetworks = nil, "", nil
	for _, g := range Gateways() {
		door := c.gateway(g)
		door.AllowedNetworks, door.AllowedOrigins, door.EnforceOrigin = nil, nil, false
		*c.at(g) = door
	}
	return c
}

// gateway returns the configuration of one gateway.
func (c gatewayManagerConfig) gateway(g Gateway) gatewayConfig { return *c.at(g) }

func (c *gatewayManagerConfig) at(g Gateway) *gatewayConfig {
	side := &c.Game
	if g.Backend == Social {
		side = &c.Social
	}
	switch g.Type {
	case Player:
		return &side.Player
	case Partner:
		return &side.Partner
	}
	return &side.Operator
}

type backendGatewaysConfig struct {
	Player   gatewayConfig `yaml:"player"`
	Partner  gatewayConfig `yaml:"partner"`
	Operator gatewayConfig `yaml:"operator"`
}

// Validate implements [conf.Validator].
func (c *backendGatewaysConfig) Validate() error {
	if slices.Contains(c.Operator.AllowedOrigins, anyOrigin) {
		return conf.Fieldf("operator.allowedOrigins", "want the origins of the portal, not every page of the web")
	}
	return nil
}

// gatewayConfig is one gateway.
type gatewayConfig struct {
	Enabled bool   `yaml:"enabled"`
	Address string `yaml:"address"` // host:port to listen on; port 0 takes a free one
	// PublicURL is what /v1/info tells clients, such as https://game.example.com;
	// empty: what the gateway listens on.
	PublicURL string `yaml:"publicURL"`
	// AllowedNetworks are the client addresses that are let in, such as
	// [10.8.0.0/16, 192.0.2.7]; others get 403. Empty: all.
	AllowedNetworks []network `yaml:"allowedNetworks"`
	// AllowedOrigins are the web pages whose scripts may call the gateway, such as
	// [https://play.example.com], or ["*"] for all, which operator gateways do not
	// take. Empty: none, so that browsers refuse to.
	AllowedOrigins []string `yaml:"allowedOrigins"`
	// EnforceOrigin refuses requests with an Origin that is neither allowed nor the
	// gateway's own host with 403. Only browsers send a true one, and game clients
	// any (wire §3): it is on for operator gateways alone.
	EnforceOrigin bool `yaml:"enforceOrigin"`
	// TLS makes the gateway speak https and wss, and HTTP/2. Empty: plain.
	TLS tlsConfig `yaml:"tls"`
}

// Validate implements [conf.Validator].
func (c *gatewayConfig) Validate() error {
	var errs []error
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, conf.Fieldf("publicURL", "want a URL such as https://game.example.com"))
		}
	}
	for _, origin := range c.AllowedOrigins {
		if origin != anyOrigin && !isOrigin(origin) {
			errs = append(errs, conf.Fieldf("allowedOrigins", "want origins such as https://play.example.com, without a path"))
			break
		}
	}
	return errors.Join(errs...)
}

// isOrigin reports whether the text is an origin as browsers send it.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != "" && text == u.Scheme+"://"+u.Host
}

// tlsConfig names the files with the certificate, its chain included, and its key
// in PEM, relative to the working directory of the server. They are looked at
// every five seconds: new ones are used for new connections, and if something is
// wrong with them, that is logged and the last good ones stay.
type tlsConfig struct {
	CertFile string `yaml:"certFile"`
	KeyFile  string `yaml:"keyFile"`
}

// Validate implements [conf.Validator].
func (c *tlsConfig) Validate() error {
	switch {
	case c.CertFile != "" && c.KeyFile == "":
		return conf.Fieldf("keyFile", "want the key of certFile")
	case c.CertFile == "" && c.KeyFile != "":
		return conf.Fieldf("certFile", "want the certificate of keyFile")
	}
	return nil
}

// httpConfig are the limits of HTTP requests, upgrades included. Sockets have
// those of core.session. Needs a restart.
type httpConfig struct {
	MaxHeaderBytes int `yaml:"maxHeaderBytes"` // beyond it: 431
	// ReadTimeoutSeconds and WriteTimeoutSeconds are for one request and its answer.
	ReadTimeoutSeconds  int `yaml:"readTimeoutSeconds"`
	WriteTimeoutSeconds int `yaml:"writeTimeoutSeconds"`
	// IdleTimeoutSeconds is how long a connection stays open between requests.
	IdleTimeoutSeconds int `yaml:"idleTimeoutSeconds"`
}

// Validate implements [conf.Validator].
func (c *httpConfig) Validate() error {
	err := inRange([]setting{
		{"readTimeoutSeconds", c.ReadTimeoutSeconds},
		{"writeTimeoutSeconds", c.WriteTimeoutSeconds},
		{"idleTimeoutSeconds", c.IdleTimeoutSeconds},
	})
	if c.MaxHeaderBytes < minHeaderBytes || c.MaxHeaderBytes > maxNumber {
		err = errors.Join(err, conf.Fieldf("maxHeaderBytes", "want %d to %d: a token has to fit in", minHeaderBytes, maxNumber))
	}
	return err
}

const minHeaderBytes = 4096

// network is a range of addresses in the configuration, such as 10.0.0.0/8, or
// one address.
type network struct{ prefix netip.Prefix }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *network) UnmarshalText(text []byte) error {
	s := string(text)
	prefix, err := netip.ParsePrefix(s)
	if !strings.Contains(s, "/") {
		var a netip.Addr
		a, err = netip.ParseAddr(s)
		prefix = netip.PrefixFrom(a, a.BitLen())
	}
	if err != nil || prefix.Addr().Is4In6() || strings.Contains(s, "%") {
		return errors.New("want a network such as 10.0.0.0/8 or 2001:db8::/32, or an address")
	}
	n.prefix = prefix.Masked()
	return nil
}

// holds reports whether an address is in one of the networks. The unknown
// address is in none.
func holds(networks []network, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n network) bool { return n.prefix.Contains(a) })
}

func defaultGatewayManager() gatewayManagerConfig {
	gate := func(port string) gatewayConfig { return gatewayConfig{Enabled: true, Address: "127.0.0.1:" + port} }
	operator := func(port string) gatewayConfig {
		c := gate(port)
		c.EnforceOrigin = true
		return c
	}
	return gatewayManagerConfig{
		Social:          backendGatewaysConfig{Player: gate("11000"), Partner: gate("11100"), Operator: operator("11200")},
		Game:            backendGatewaysConfig{Player: gate("10000"), Partner: gate("10100"), Operator: operator("10200")},
		ForwardedHeader: xForwardedFor,
		HTTP:            httpConfig{MaxHeaderBytes: 16 << 10, ReadTimeoutSeconds: 30, WriteTimeoutSeconds: 60, IdleTimeoutSeconds: 120},
	}
}
