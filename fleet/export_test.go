package fleet

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// Report makes a report of the newer call, without a gateway.
func (s *Service) Report(ctx context.Context, who *pragma.PartnerSession, server, pool string, total, used int) ([]pragma.GameInstanceID, time.Duration, error) {
	resp, err := s.report(ctx, who, &report{serverID: server, pool: pool, total: total, used: used})
	if err != nil {
		return nil, 0, err
	}
	var ids []pragma.GameInstanceID
	for _, id := range resp.GameInstanceIDs {
		ids = append(ids, pragma.GameInstanceID(id))
	}
	return ids, millis(int(resp.NextHeartbeatPeriodMillis)), nil
}

// Count returns how many records of a kind there are, and how often they were
// written in all.
func (s *Service) Count(ctx context.Context, kind string) (records, writes int) {
	for rec, err := range s.m.Store().List(ctx, store.Query{Kind: kind}) {
		if err != nil {
			return -1, -1
		}
		records++
		writes += int(rec.Rev)
	}
	return records, writes
}

// Requests returns the allocation ids of all requests that are remembered.
func (s *Service) Requests(ctx context.Context) (ids []pragma.AllocationID) {
	for item := range s.requests.List(ctx, "", "") {
		id, _ := pragma.ParseID[pragma.AllocationID](item.ID)
		ids = append(ids, id)
	}
	return ids
}

// TokenFor makes a game token for an allocation.
func (s *Service) TokenFor(id pragma.AllocationID) (string, error) {
	tokens, err := s.clientTokens(id)
	return tokens.GameToken, err
}

// Waiting returns how many games this node believes to wait.
func (s *Service) Waiting() int {
	n := 0
	for _, games := range s.line.byPool() {
		n += games
	}
	return n
}

// Wake has the node compare waiting games with servers now.
func (s *Service) Wake() { s.wake() }

// Measured returns the figures, one to a line as they are served.
func (s *Service) Measured(t testing.TB) string {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(s.figures)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			fmt.Fprintf(&b, "%s{%s} %v\n", f.GetName(), strings.Join(labels, ","), m.Gauge.GetValue())
		}
	}
	return b.String()
}
