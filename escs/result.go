package escs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// deliveryState is where a result is on its way (escs §9).
type deliveryState string

const (
	deliveryPending deliveryState = "PENDING"
	deliverySent    deliveryState = "SENT"
	deliveryDead    deliveryState = "DEAD"
)

// Why a result is DEAD. A set of which it is the result is RESULTS_FAILED for the
// same reason.
const (
	reasonExpired     = "EXPIRED"      // its time is over (escs F21, F28)
	reasonRefused     = "REFUSED"      // the platform does not want it (escs F24)
	reasonMaxAttempts = "MAX_ATTEMPTS" // resultMaxAttempts
	reasonTooLarge    = "TOO_LARGE"    // more than fits into a record; of sets only
)

// result is the outbox row of a set's results. What is sent is written once, in the
// commit that ends the set, without credentials.
//
// It is a record of its own and no call of an [entity.Lane], since a lane forgets
// what it has delivered, and gives every call the same deadline. Here a result
// stays known after it was sent, so that it is never sent again; its deadline is
// that of its set, and the back-off may change live; and one refusal of the
// credentials makes all of them wait for a reload. The claim is that of a lane: an
// attempt begins with a commit that moves Next behind its own end, so that no other
// node sends meanwhile.
type result struct {
	Delivery Delivery      `json:"delivery"`
	Hash     string        `json:"hash"` // of what the game said
	State    deliveryState `json:"state"`
	// End is the end of the set, or when somebody asked to send the result again if
	// that was later. The deadline follows it.
	End time.Time `json:"end"`
	// Late says that the game ended after the set: there is one attempt (escs F28).
	Late bool `json:"late,omitzero"`

	// Attempts counts all that began, and tells them apart. Failures counts those
	// that failed since somebody asked last.
	Attempts int `json:"attempts"`
	Failures int `json:"failures,omitzero"`
	// Owed says that there is to be an attempt although it may be too late.
	Owed bool `json:"owed,omitzero"`
	// Paused says that the credentials were refused: the result waits for others.
	Paused bool `json:"paused,omitzero"`
	// Next is the time of the next attempt. While one runs, it is when the process
	// that makes it is believed to be dead. Zero: never.
	Next    time.Time `json:"next,omitzero"`
	Claimed string    `json:"claimed,omitempty"` // by which process
	Parts   []string  `json:"parts,omitzero"`    // submissions that were taken
	// Orphan says that the set was forgotten (retainAfterEnd) while the result was on
	// its way; it goes when it arrives, or is given up.
	Orphan bool `json:"orphan,omitzero"`

	Reason    string    `json:"reason,omitempty"` // of DEAD
	LastError string    `json:"lastError,omitempty"`
	Answer    string    `json:"answer,omitempty"` // the body that made it DEAD
	CreatedAt time.Time `json:"createdAt"`
	SettledAt time.Time `json:"settledAt,omitzero"` // when it became SENT or DEAD
}

// copy returns a copy that outlives the transaction.
func (row *result) copy() *result {
	own := *row
	return &own
}

func (row *result) due() time.Time {
	if row.State != deliveryPending {
		return time.Time{}
	}
	return row.Next
}

// over returns why there is no further attempt, empty if there is one.
func (row *result) over(cfg *Config, now time.Time) string {
	switch {
	case row.Owed:
		return ""
	case now.After(row.End.Add(cfg.ResultGraceAfterEnd)), row.Late && row.Failures > 0:
		return reasonExpired
	case cfg.ResultMaxAttempts > 0 && row.Failures >= cfg.ResultMaxAttempts:
		return reasonMaxAttempts
	}
	return ""
}

// key is the idempotency key, which the platform knows the result by.
func (d *Delivery) key() string { return d.SetID + ":" + d.RoundID }

const rowKind = "escs-result"

// rowID is the id of the record of a result: the key if that can be nobody else's.
func rowID(setID, roundID string) string {
	id := setID + ":" + roundID
	if strings.Count(id, ":") == 1 && (store.Key{Kind: rowKind, ID: id}).Validate() == nil {
		return id
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s:%s", len(setID), setID, roundID))
	return "sha256:" + hex.EncodeToString(sum[:]) + ":"
}

// hash tells whether two deliveries say the same. Ids of deliveries do not matter.
func (d Delivery) hash() (string, int, error) {
	d.ID = ""
	text, err := json.Marshal(&d, json.Deterministic(true))
	if err != nil {
		return "", 0, fmt.Errorf("encode results of set %s: %w", d.SetID, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), len(text), nil
}

// results delivers what games end with.
type results struct {
	s       *Service
	m       *pragma.Mount
	rows    *entity.Kind[result]
	client  *http.Client
	encoder ResultEncoder
	metrics *resultMetrics
	process string // this one, unlike the one before it on the same node

	wake chan struct{} // the configuration has changed

	mu sync.Mutex
	// refused are the credentials that the platform does not want; nil: none.
	refused *access
	// unnoted are successes that the store could not be told yet, by row id.
	unnoted map[string]verdict
}

// access is what decides whether the platform lets us in.
type access struct {
	url, gameID string
	secret      pragma.Secret
}

func (c *Config) access() access { return access{c.URL, c.GameID, c.Secret} }

// maxUnnoted bounds what is remembered for a store that is away. Beyond it a
// result may be sent again, with the same key.
const maxUnnoted = 10_000

// mountResults registers the delivery of results. The sets and the configuration
// are mounted.
func (s *Service) mountResults(m *pragma.Mount) error {
	if s.Transformer == nil {
		return errors.New("escs.Service.Transformer is nil: results need an EscsResultsTransformer")
	}
	if err := s.mountJob(m); err != nil {
		return err
	}
	base := s.Transport
	if base == nil {
		base = newTransport()
	}
	r := &results{
		s: s, m: m, client: newClient(base), encoder: s.Encoder,
		process: m.Node() + "/" + rand.Text(), wake: make(chan struct{}, 1), unnoted: make(map[string]verdict),
	}
	var err error
	r.metrics, err = newResultMetrics(m.Metrics(), func() bool { return r.isRefused(s.cfg.Load().access()) })
	if r.encoder == nil {
		r.encoder = DefaultEncoder{}
	}
	r.rows = entity.Of(m, rowKind, entity.Options[result]{Due: (*result).due, Work: r.deliver})
	s.results = r
	s.resultInfo, s.dropResult = r.info, r.drop
	s.cfg.onChange(r.reloaded)
	m.Go("results", r.run)
	pragma.HandleOperator(m, "ResendResultsOperatorV1", s.resendResultsOperatorV1)
	return err
}

// run looks after results that wait, at the start and after each change of the
// configuration.
func (r *results) run(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	for {
		wait := time.Duration(0)
		for ctx.Err() == nil && r.resume(ctx) != nil {
			wait = min(max(2*wait, time.Second), time.Minute)
			sleep(ctx, wait)
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
	}
}

// sleep waits for d, or less if ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// reloaded lets everything that waits for other credentials try again.
func (r *results) reloaded() {
	r.accept()
	r.nudge()
}

// lookAgain is called after the commit of a result that waits for other
// credentials: they may have come after it was decided that it has to wait, and
// before it was there to be found.
func (r *results) lookAgain() {
	if !r.isRefused(r.s.cfg.Load().access()) {
		r.nudge()
	}
}

func (r *results) nudge() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// resume makes the results due that wait for other credentials, and those that an
// earlier process of this node was sending when it died.
func (r *results) resume(ctx context.Context) error {
	var failed error
	node := r.m.Node() + "/"
	for item, err := range r.rows.List(ctx, "", "") {
		if err != nil && item.ID != "" {
			r.m.Log().ErrorContext(ctx, "cannot read results", "id", item.ID, "err", err)
			continue
		}
		if err == nil && (item.State.Paused || r.abandoned(item.State, node)) {
			err = r.rows.Update(ctx, item.ID, func(tx *entity.Tx, row *result) error {
				switch {
				case row.State != deliveryPending:
				case row.Paused:
					row.Paused, row.Owed, row.Next = false, true, tx.Now()
				case r.abandoned(row, node):
					row.Claimed, row.Next = "", tx.Now()
				}
				return nil
			})
		}
		if err != nil && !errors.Is(err, entity.ErrNotFound) {
			failed = err
		}
	}
	if failed != nil && ctx.Err() == nil {
		r.m.Log().WarnContext(ctx, "cannot look after results that wait", "err", failed)
	}
	return failed
}

// abandoned reports whether a process of this node that is no more was sending.
func (r *results) abandoned(row *result, node string) bool {
	return row.State == deliveryPending && row.Claimed != r.process && strings.HasPrefix(row.Claimed, node)
}

// refuse notes that the platform does not want these credentials, and reports
// whether that is news.
func (r *results) refuse(a access) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused != nil && *r.refused == a {
		return false
	}
	r.refused = &a
	return true
}

// accept forgets it.
func (r *results) accept() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused = nil
}

func (r *results) isRefused(a access) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused != nil && *r.refused == a
}

// info describes the result of a set, nil if there is none.
func (r *results) info(ctx context.Context, setID, roundID string) (*resultInfo, error) {
	row, err := read[result](ctx, r.s, rowKind, rowID(setID, roundID))
	if errors.Is(err, entity.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &resultInfo{State: string(row.State), Attempts: row.Attempts, NextAttempt: row.due(), LastError: row.LastError}, nil
}

// drop removes the result of a set that is forgotten. One that is still on its
// way, as when the platform has refused our credentials for a day, is not lost: it
// goes when it has arrived.
func (r *results) drop(tx *entity.Tx, setID, roundID string) error {
	id := rowID(setID, roundID)
	row, err := r.rows.In(tx, id)
	switch {
	case errors.Is(err, entity.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read the results of set %s: %w", setID, err)
	case row.State == deliveryPending:
		row.Orphan = true
		return nil
	}
	return r.rows.Delete(tx, id)
}

// forgetOrphan removes a result that has come to its end after its set was
// forgotten.
func (r *results) forgetOrphan(tx *entity.Tx, id string, row *result) error {
	if !row.Orphan || row.State == deliveryPending {
		return nil
	}
	return r.rows.Delete(tx, id)
}
