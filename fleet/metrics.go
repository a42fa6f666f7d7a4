package fleet

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// countInterval is how often servers are counted.
	countInterval = 15 * time.Second
	// maxLabels is how many pools have figures of their own: servers may report
	// any number of them. The others are called otherPools together.
	maxLabels  = 64
	otherPools = "(others)"
)

// States in which servers are counted.
const (
	serversStarting  = "starting"
	serversReporting = "reporting"
	serversGone      = "gone"
)

// figures are what is measured of waiting games and servers, by pool. Games are
// those that this node knows to wait, servers those of the store: every node says
// the same of them.
type figures struct {
	line           *line
	games, servers *prometheus.Desc

	mu     sync.Mutex
	labels map[string]bool
	counts map[serverGroup]int
}

type serverGroup struct{ pool, state string }

var _ prometheus.Collector = (*figures)(nil)

func newFigures(l *line) *figures {
	return &figures{
		line:    l,
		labels:  make(map[string]bool),
		games:   prometheus.NewDesc("gamebackend_fleet_waiting_games", "Games that wait for a server to ask for them.", []string{"pool"}, nil),
		servers: prometheus.NewDesc("gamebackend_fleet_servers", "Game servers that ask for games, that shall, and that did.", []string{"pool", "state"}, nil),
	}
}

// Describe implements [prometheus.Collector].
func (f *figures) Describe(c chan<- *prometheus.Desc) {
	c <- f.games
	c <- f.servers
}

// Collect implements [prometheus.Collector].
func (f *figures) Collect(c chan<- prometheus.Metric) {
	waiting := f.line.byPool()
	f.mu.Lock()
	defer f.mu.Unlock()
	games := make(map[string]int)
	for pool, n := range waiting {
		games[f.label(pool)] += n
	}
	for pool := range f.labels {
		games[pool] = max(games[pool], 0) // a pool for which nothing waits says so
	}
	send := func(desc *prometheus.Desc, n int, labels ...string) {
		if m, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, float64(n), labels...); err == nil {
			c <- m
		}
	}
	for pool, n := range games {
		send(f.games, n, pool)
	}
	for group, n := range f.counts {
		send(f.servers, n, group.pool, group.state)
	}
}

// label returns the name of a pool in figures. f.mu is held.
func (f *figures) label(pool string) string {
	pool = strings.ToValidUTF8(pool, "?")
	if !f.labels[pool] {
		if len(f.labels) >= maxLabels {
			return otherPools
		}
		f.labels[pool] = true
	}
	return pool
}

// count counts the servers.
func (s *Service) count(ctx context.Context) error {
	counts := make(map[serverGroup]int)
	for item, err := range s.servers.List(ctx, "", "") {
		if err != nil {
			return err
		}
		state := serversReporting
		switch sv := item.State; {
		case sv.Gone:
			state = serversGone
		case !sv.Seen:
			state = serversStarting
		}
		counts[serverGroup{item.State.Pool, state}]++
	}
	f := s.figures
	f.mu.Lock()
	defer f.mu.Unlock()
	groups := make(map[serverGroup]int)
	for g := range f.counts {
		groups[g] = 0
	}
	for g, n := range counts {
		groups[serverGroup{f.label(g.pool), g.state}] += n
	}
	f.counts = groups
	return nil
}
