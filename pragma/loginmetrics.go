package pragma

import "github.com/prometheus/client_golang/prometheus"

// loginQueue makes the measurements of the log-in queue.
func (m *metrics) loginQueue() {
	m.queueWait = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "gamebackend_loginqueue_wait_seconds", Help: "Time from entering the log-in queue to being let in.",
		Buckets: []float64{0.001, 1, 5, 15, 60, 300, 900, 3600, 14400},
	})
	m.queueLapsed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "gamebackend_loginqueue_lapsed_total", Help: "Places in the log-in queue whose holder stopped asking.",
	})
	m.queuePasses = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gamebackend_loginqueue_passes_total", Help: "Log-ins by what became of their pass token.",
	}, []string{"result"})
}

// watchLoginQueue registers what is read off the line of this node.
func (m *metrics) watchLoginQueue(q *loginQueue) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gamebackend_loginqueue_waiting", Help: "Places in the log-in queue of this node.",
		}, func() float64 { return float64(q.line.Waiting()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gamebackend_loginqueue_sessions", Help: "Live player sessions that count against targetCcuLimit.",
		}, func() float64 { return float64(q.players()) }),
	)
}
