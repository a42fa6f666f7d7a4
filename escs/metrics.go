package escs

import "github.com/prometheus/client_golang/prometheus"

// metrics are what operators count.
type metrics struct {
	starts *prometheus.CounterVec // by what became of them
}

// newMetrics always returns usable metrics; an error says that they are not exposed.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{starts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gamebackend_escs_set_starts_total", Help: "Set starts that came, by what became of them.",
	}, []string{"result"})}
	return m, r.Register(m.starts)
}
