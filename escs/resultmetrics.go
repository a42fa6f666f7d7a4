package escs

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// resultMetrics count what happens to results.
type resultMetrics struct {
	attempts *prometheus.CounterVec // by outcome
	dead     *prometheus.CounterVec // by reason
	left     *prometheus.CounterVec // players and scores that were left out, by what
}

// newResultMetrics always returns usable metrics; an error says which are not
// exposed. refused tells whether the platform does not want our credentials.
func newResultMetrics(r prometheus.Registerer, refused func() bool) (*resultMetrics, error) {
	m := &resultMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gamebackend_escs_result_attempts_total", Help: "Requests that send results to the tournament platform, by what became of them.",
		}, []string{"outcome"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gamebackend_escs_dead_results_total", Help: "Results that were given up, by reason.",
		}, []string{"reason"}),
		left: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gamebackend_escs_results_left_out_total", Help: "What was left out of results because it cannot be sent.",
		}, []string{"what"}),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gamebackend_escs_credentials_refused", Help: "1 while results wait for other credentials of the tournament platform.",
	}, func() float64 {
		if refused() {
			return 1
		}
		return 0
	})
	return m, errors.Join(r.Register(m.attempts), r.Register(m.dead), r.Register(m.left), r.Register(waiting))
}
