package entity

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of one backend.
type metrics struct {
	commits, conflicts, refusals *prometheus.CounterVec // by kind
	timers, outbox               *prometheus.CounterVec // by kind and result
}

// kindCounters are the counters of one kind.
type kindCounters struct {
	commits, conflicts, refusals prometheus.Counter
	timersFired, timersFailed    prometheus.Counter
}

// laneCounters are the counters of one lane.
type laneCounters struct {
	delivered, failed, dead prometheus.Counter
}

// newMetrics always returns usable counters; an error says which are not exposed.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	var errs []error
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		if r != nil {
			errs = append(errs, r.Register(c))
		}
		return c
	}
	m := &metrics{
		commits:   counter("gamebackend_entity_commits_total", "Committed updates, by kind of the updated entity.", "kind"),
		conflicts: counter("gamebackend_entity_conflicts_total", "Tries of updates that met a conflict.", "kind"),
		refusals:  counter("gamebackend_entity_refusals_total", "Updates refused because too many waited.", "kind"),
		timers:    counter("gamebackend_entity_timers_total", "Calls of OnDue.", "kind", "result"),
		outbox:    counter("gamebackend_outbox_attempts_total", "Attempts of outbox calls.", "lane", "result"),
	}
	return m, errors.Join(errs...)
}

func (m *metrics) kind(name string) kindCounters {
	return kindCounters{
		commits:      m.commits.WithLabelValues(name),
		conflicts:    m.conflicts.WithLabelValues(name),
		refusals:     m.refusals.WithLabelValues(name),
		timersFired:  m.timers.WithLabelValues(name, "fired"),
		timersFailed: m.timers.WithLabelValues(name, "failed"),
	}
}

func (m *metrics) lane(name string) laneCounters {
	return laneCounters{
		delivered: m.outbox.WithLabelValues(name, "delivered"),
		failed:    m.outbox.WithLabelValues(name, "failed"),
		dead:      m.outbox.WithLabelValues(name, "dead"),
	}
}
