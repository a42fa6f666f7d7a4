package matchmaking

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are counted by queue, under the name the plugin gives it.
type metrics struct {
	passes *prometheus.HistogramVec
	games  *prometheus.CounterVec // by queue and result
	failed *prometheus.CounterVec
	// quality is what pool plugins say of the matches that were taken.
	quality *prometheus.HistogramVec
}

// Results of a match.
const (
	resultStarted   = "started"
	resultJoined    = "joined"    // a running one
	resultRefused   = "refused"   // not a possible game
	resultContested = "contested" // somebody left, or was faster
	resultFailed    = "failed"
)

// newMetrics always returns usable metrics; an error says which are not exposed.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		passes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gamebackend_matchmaking_pass_seconds", Help: "Time of one pass over a queue.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"queue"}),
		games: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gamebackend_matchmaking_games_total", Help: "Games that the plugin wanted to start, or to add players to.",
		}, []string{"queue", "result"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gamebackend_matchmaking_failed_parties_total", Help: "Parties that lost their place because a hook failed.",
		}, []string{"queue"}),
		quality: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gamebackend_matchmaking_quality", Help: "Quality of matches, as the pool plugin sees it; best is 1.",
			Buckets: prometheus.LinearBuckets(0.1, 0.1, 10),
		}, []string{"queue"}),
	}
	return m, errors.Join(r.Register(m.quality), r.Register(m.passes), r.Register(m.games), r.Register(m.failed))
}
