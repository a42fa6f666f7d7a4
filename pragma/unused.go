package pragma

import "github.com/openpragma/engine/internal/conf"

// unusedConfig are documented keys of the node (engine §1.7) that are accepted
// with whatever they hold, so that existing files need no change, and have no
// effect. Ktor and Netty are libraries of another platform; a node runs all its
// services, so there are none to distribute. The studio's Logger has a level of
// its own: a library that changed it would be in the way.
type unusedConfig struct {
	OpenTelemetryServiceName                 conf.Section `yaml:"openTelemetryServiceName"`
	Logging                                  conf.Section `yaml:"logging"`
	PortalURL                                conf.Section `yaml:"portalUrl"`
	EnableHistogramMetrics                   conf.Section `yaml:"enableHistogramMetrics"` // there are always histograms
	EnableKtorMetrics                        conf.Section `yaml:"enableKtorMetrics"`
	MetricsDistributionExpiryDurationSeconds conf.Section `yaml:"metricsDistributionExpiryDurationSeconds"`
	NettyPendingTasksCheckPeriodMillis       conf.Section `yaml:"nettyPendingTasksCheckPeriodMillis"`
	DistributedServices                      conf.Section `yaml:"distributedServices"`
	RemoteNodeConfigs                        conf.Section `yaml:"remoteNodeConfigs"`
	AllowWorkInProgressAccess                conf.Section `yaml:"allowWorkInProgressAccess"`
	EnableVersionWithBuildSlug               conf.Section `yaml:"enableVersionWithBuildSlug"`
}

// given returns the paths of those that a file sets.
func (c *unusedConfig) given() (paths []string) {
	for _, s := range []conf.Section{
		c.OpenTelemetryServiceName, c.Logging, c.PortalURL, c.EnableHistogramMetrics, c.EnableKtorMetrics,
		c.MetricsDistributionExpiryDurationSeconds, c.NettyPendingTasksCheckPeriodMillis, c.DistributedServices,
		c.RemoteNodeConfigs, c.AllowWorkInProgressAccess, c.EnableVersionWithBuildSlug,
	} {
		if s.Exists() {
			paths = append(paths, s.Path())
		}
	}
	return paths
}
