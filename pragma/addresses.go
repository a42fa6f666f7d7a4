package pragma

import (
	"net"
	"strconv"
	"strings"

	"github.com/openpragma/engine/internal/conf"
)

// checkAddresses reports addresses that cannot be listened on and those that are
// given twice. Whether they are free is found out by opening them.
func (c *core) checkAddresses() error {
	config := c.config.Load()
	taken := make(map[string]string)
	var problems []error
	check := func(path, owner, address string) {
		host, name, err := net.SplitHostPort(address)
		port := 0
		if err == nil {
			port, err = net.LookupPort("tcp", name)
		}
		if err != nil {
			problems = append(problems, c.conf.Finding(path, err.Error()))
			return
		}
		key := net.JoinHostPort(host, strconv.Itoa(port))
		if other := taken[key]; other != "" && port != 0 {
			problems = append(problems, c.conf.Finding(path, key+" is the address of "+other+" too"))
			return
		}
		taken[key] = owner
	}
	for _, side := range c.sides {
		for _, g := range Gateways() {
			gateway := config.GatewayManager.gateway(g)
			if g.Backend == side.backend && gateway.Enabled && len(side.calls) > 0 {
				check(gatewayPath(g)+".address", g.String(), gateway.Address)
			}
		}
	}
	if config.MetricsAddress != "" {
		check("core.metricsAddress", "the metrics", config.MetricsAddress)
	}
	return conf.Join(problems...)
}

// gatewayPath is where a gateway is configured.
func gatewayPath(g Gateway) string {
	return "core.gatewayManager." + strings.ToLower(string(g.Backend)+"."+string(g.Type))
}
