package pragma

import (
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the server's own measurements. Labels come from closed sets only:
// request types that are registered, hook names, documented reasons.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	hooks    *prometheus.HistogramVec
	sockets  *prometheus.GaugeVec
	cuts     *prometheus.CounterVec
	refusals *prometheus.CounterVec

	queueWait   prometheus.Histogram
	queueLapsed prometheus.Counter
	queuePasses *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gamebackend_rpc_duration_seconds", Help: "Time from reading a call to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"backend", "type"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gamebackend_rpc_errors_total", Help: "Calls answered with an error.",
		}, []string{"backend", "type", "error"}),
		hooks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gamebackend_plugin_duration_seconds", Help: "Time a plugin hook took.",
			Buckets: prometheus.ExponentialBuckets(0.00001, 10, 7),
		}, []string{"hook", "ok"}),
		sockets: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "gamebackend_session_connected", Help: "Open sockets.",
		}, []string{"backend", "session"}),
		cuts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gamebackend_session_cut_total", Help: "Sockets the server closed or cut, by cause.",
		}, []string{"cause"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gamebackend_gateway_refused_total", Help: "Clients that a gateway did not let in, by cause.",
		}, []string{"gateway", "cause"}),
	}
	m.loginQueue()
	m.registry.MustRegister(m.calls, m.refused, m.hooks, m.sockets, m.cuts, m.refusals, m.queueWait, m.queueLapsed, m.queuePasses,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observeCall counts one call. c is nil if the type is not registered.
func (m *metrics) observeCall(b Backend, c *call, err error, took time.Duration) {
	typ := "unknown"
	if c != nil {
		typ = c.request
	}
	m.calls.WithLabelValues(string(b), typ).Observe(took.Seconds())
	if err == nil {
		return
	}
	reason := asError(err).Reason
	var e *Error
	if errors.As(err, &e) && e.Title {
		reason = "title" // a studio's reasons are not a closed set
	}
	m.refused.WithLabelValues(string(b), typ, reason).Inc()
}

func (m *metrics) observeHook(hook string, err error, took time.Duration) {
	ok := "true"
	if err != nil {
		ok = "false"
	}
	m.hooks.WithLabelValues(hook, ok).Observe(took.Seconds())
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
