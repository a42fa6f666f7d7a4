package agones

import (
	"fmt"
	"maps"
	"strings"

	"github.com/openpragma/engine/gameinstance"
)

// Allocation is what the allocator will be asked for, for [Plugin.Adjust].
type Allocation struct {
	// Request is what the game instance needs. Do not change it.
	Request *gameinstance.StartAllocationForGameInstanceRequest
	// Selectors, Labels and Annotations are those of the configuration with the
	// placeholders filled in. They may be changed.
	Selectors           []Selector
	Labels, Annotations map[string]string
}

// allocationRequest is the body of a request to the allocator.
type allocationRequest struct {
	Namespace    string          `json:"namespace"`
	MultiCluster *clusterSetting `json:"multiClusterSetting,omitempty"`
	Scheduling   Scheduling      `json:"scheduling"`
	Metadata     metadata        `json:"metadata"`
	Selectors    []stateSelector `json:"gameServerSelectors"`
	Priorities   []Priority      `json:"priorities,omitempty"`
}

type clusterSetting struct {
	Enabled        bool      `json:"enabled"`
	PolicySelector *Selector `json:"policySelector,omitempty"`
}

type metadata struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

type stateSelector struct {
	Selector
	State string `json:"gameServerState"`
}

// build fills the placeholders in. What comes out may still be unfit for
// Kubernetes, see check.
func build(c *Config, r *gameinstance.StartAllocationForGameInstanceRequest) *Allocation {
	a := &Allocation{Request: r, Labels: fill(c.Labels, r), Annotations: fill(c.Annotations, r)}
	for _, s := range c.Selectors {
		s.MatchLabels, s.Counters, s.Lists = fill(s.MatchLabels, r), maps.Clone(s.Counters), maps.Clone(s.Lists)
		if s.Players != nil {
			players := *s.Players
			s.Players = &players
		}
		a.Selectors = append(a.Selectors, s)
	}
	return a
}

// fill replaces placeholders. What names a version or zone that may be any is
// left out.
func fill(values map[string]string, r *gameinstance.StartAllocationForGameInstanceRequest) map[string]string {
	replace := strings.NewReplacer(
		"{version}", r.GameServerVersion, "{zone}", r.GameServerZone,
		"{gameInstanceId}", r.GameInstanceID.String(), "{allocationId}", r.AllocationID.String())
	filled := make(map[string]string, len(values))
	for key, value := range values {
		if r.GameServerVersion == "" && strings.Contains(value, "{version}") ||
			r.GameServerZone == "" && strings.Contains(value, "{zone}") {
			continue
		}
		filled[key] = replace.Replace(value)
	}
	return filled
}

// check says why Kubernetes would not take the labels of a, such as for a version
// with a plus sign.
func (a *Allocation) check(c *Config) error {
	all := []map[string]string{a.Labels}
	for _, s := range a.Selectors {
		all = append(all, s.MatchLabels)
	}
	for _, labels := range all {
		for key, value := range labels {
			if !validKey(key) || !validValue(value) || key == c.AllocationLabel {
				return fmt.Errorf("agones: %q: %q cannot be a label of a game server", key, value)
			}
		}
	}
	if len(a.Selectors) == 0 {
		return fmt.Errorf("agones: no selectors are left")
	}
	return nil
}

// encode makes the request for the allocator. tokens are those for the server.
func (a *Allocation) encode(c *Config, tokens gameinstance.PartnerClientTokens) *allocationRequest {
	id := a.Request.AllocationID.String()
	selectors := []stateSelector{c.own(id)}
	for _, s := range a.Selectors {
		selectors = append(selectors, stateSelector{s, "READY"})
	}
	return c.request(selectors, metadata{
		Labels:      with(a.Labels, map[string]string{c.AllocationLabel: id}),
		Annotations: with(a.Annotations, c.tell(a.Request, tokens)),
	})
}

// request puts into a request what all of them have.
func (c *Config) request(selectors []stateSelector, m metadata) *allocationRequest {
	q := &allocationRequest{
		Namespace: c.Namespace, Scheduling: c.Scheduling, Priorities: c.Priorities, Metadata: m, Selectors: selectors,
	}
	if c.MultiCluster.Enabled {
		q.MultiCluster = &clusterSetting{Enabled: true}
		if labels := c.MultiCluster.PolicyLabels; len(labels) > 0 {
			q.MultiCluster.PolicySelector = &Selector{MatchLabels: labels}
		}
	}
	return q
}

// again returns the request that only finds the server again.
func (q *allocationRequest) again() *allocationRequest {
	only := *q
	only.Selectors = q.Selectors[:1]
	return &only
}

// own selects the server that this allocation has got already.
func (c *Config) own(allocation string) stateSelector {
	return stateSelector{Selector{MatchLabels: map[string]string{c.AllocationLabel: allocation}}, "ALLOCATED"}
}

// tell says to the server what it has to do.
func (c *Config) tell(r *gameinstance.StartAllocationForGameInstanceRequest, tokens gameinstance.PartnerClientTokens) map[string]string {
	return map[string]string{
		c.Tell.GameInstanceID: r.GameInstanceID.String(),
		c.Tell.AllocationID:   r.AllocationID.String(),
		c.Tell.BackendAddress: r.BackendAddress,
		c.Tell.GameToken:      tokens.GameToken,
		c.Tell.SocialToken:    tokens.SocialToken,
	}
}

func with(some, more map[string]string) map[string]string {
	all := make(map[string]string, len(some)+len(more))
	maps.Copy(all, some)
	maps.Copy(all, more)
	return all
}
