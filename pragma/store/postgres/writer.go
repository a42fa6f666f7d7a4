package postgres

import (
	"context"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// groupLimits bound one transaction. A single batch may have more bytes.
var groupLimits = sqlstore.Limits{Jobs: 64, Steps: store.MaxBatchKeys, Bytes: 16 << 20}

// writer is one goroutine that writes.
type writer struct {
	connector *connector
	conn      *conn // nil until it is needed, and after a failure
}

// group leaves one result for each job.
func (w *writer) group(group []*sqlstore.Job, results []error) {
	sqlstore.Group(group, results, w.attempt, func(o sqlstore.Outcome, err error) error { return portError("commit", o, err) })
}

// attempt applies the group once.
func (w *writer) attempt(group []*sqlstore.Job, results []error) (sqlstore.Outcome, error) {
	clear(results)
	if err := w.connect(); err != nil {
		return sqlstore.Renewed, err
	}
	var p phase
	var err error
	if len(group) == 1 && len(group[0].Steps) == 1 {
		p, err = w.single(group[0], results)
	} else {
		var right bool
		if right, p, err = w.guess(group, results); !right {
			p, err = w.transaction(group, results)
		}
	}
	if err == nil {
		return sqlstore.Final, nil
	}
	o := judge(p, err)
	if o == sqlstore.Unknown || broken(err) {
		w.disconnect()
	}
	return o, err
}

// connect opens the connection if there is none that works.
func (w *writer) connect() error {
	if w.conn != nil && !w.conn.Alive() {
		w.disconnect()
	}
	if w.conn != nil {
		return nil
	}
	c, err := w.connector.open(context.Background())
	if err != nil {
		return err
	}
	w.conn = c
	return nil
}

// disconnect closes the connection; the server rolls back what is open.
func (w *writer) disconnect() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// run and pipeline ignore the caller's context: once begun, a commit goes on.
// The connection has a time limit for every answer.
func (w *writer) run(query string, each func([][]byte) error, args ...[]byte) (int64, error) {
	return w.conn.run(context.Background(), query, each, args...)
}

func (w *writer) pipeline(all []statement) error { return w.conn.pipeline(context.Background(), all) }
