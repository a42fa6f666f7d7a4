package pragma

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// recountInterval is how late this node notices sessions that began or ended on
// another one.
const recountInterval = time.Minute

// count follows a change of a session by this node.
func (s *sessions) count(was, is bool) {
	switch {
	case is && !was:
		s.alive.Add(1)
	case was && !is:
		s.alive.Add(-1)
	}
}

// recount counts the live sessions of all nodes in the store. What this node
// changes meanwhile is counted in any case, perhaps twice until the next time.
func (s *sessions) recount(ctx context.Context) error {
	before := s.alive.Load()
	now, err := s.side.store.Now(ctx)
	if err != nil {
		return err
	}
	recs, err := s.side.store.Due(ctx, s.kind(), now.Add(2*liveDue), 1<<30)
	if err != nil {
		return fmt.Errorf("list live sessions: %w", err)
	}
	n := int64(0)
	for _, rec := range recs {
		var r struct {
			State sessionState `json:"state"`
		}
		if json.Unmarshal(rec.Body, &r) == nil && (r.State == sessionConnected || r.State == sessionDetached) {
			n++
		}
	}
	s.alive.Add(n - before)
	return nil
}
