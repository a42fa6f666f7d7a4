package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/store"
)

// MaxFindings is the number of findings that a Report describes; it counts the
// others.
const MaxFindings = 100

// Report is what [Check] has found in a store.
type Report struct {
	Summary
	// Details are of Summary.Kinds, in the same order.
	Details []Detail
	// Findings says what is wrong, one sentence each, without what players wrote.
	Findings []string
	// Unmentioned is the number of further findings.
	Unmentioned int64
}

// Detail is what a Report says about one kind beside its counts.
type Detail struct {
	Largest int   // bytes of the largest body
	Timers  int64 // records with a due
	Other   int64 // bodies that do not look like JSON
}

// Check reads every record of db as of one moment and reports what no healthy
// store has: keys that the port does not allow or in the wrong order, revisions
// below 1, bodies beyond the limit, bodies that begin like JSON and are not,
// timers that the store does not find, an unfinished import. Servers may use the
// store meanwhile. An error means that it could not be read to the end.
func Check(ctx context.Context, db store.Driver, progress Progress) (*Report, error) {
	snap, err := snapshot(ctx, db)
	if err != nil {
		return nil, err
	}
	c := &checking{}
	for r, listErr := range all(ctx, snap) {
		if err = listErr; err != nil {
			break
		}
		c.record(&r)
		progress.count("check", c.tally.sum.Records, 0)
	}
	if err := errors.Join(err, snap.Close()); err != nil {
		return nil, err
	}
	c.report.Summary = c.tally.summary()
	return &c.report, c.timers(ctx, db)
}

// checking is one check.
type checking struct {
	report Report
	tally  tally
	last   store.Key
}

func (c *checking) find(format string, args ...any) {
	if len(c.report.Findings) == MaxFindings {
		c.report.Unmentioned++
		return
	}
	c.report.Findings = append(c.report.Findings, fmt.Sprintf(format, args...))
}

func (c *checking) record(r *store.Record) {
	name := fmt.Sprintf("%.200q", r.Key.String())
	if r.Key == store.ImportMark() {
		c.find("an import is not finished: repeat it, or begin again with an empty store")
	}
	if err := r.Key.Validate(); err != nil {
		c.find("%v", err)
	}
	if r.Key.Compare(c.last) <= 0 {
		c.find("%s comes after %.200q", name, c.last.String())
	}
	c.last = r.Key
	if r.Rev < 1 {
		c.find("%s has revision %d", name, r.Rev)
	}
	if len(r.Body) > store.MaxBodyBytes {
		c.find("%s has a body of %d bytes, the limit is %d", name, len(r.Body), store.MaxBodyBytes)
	}
	c.tally.add(r)
	if len(c.report.Details) < len(c.tally.sum.Kinds) {
		c.report.Details = append(c.report.Details, Detail{})
	}
	d := &c.report.Details[len(c.report.Details)-1]
	d.Largest = max(d.Largest, len(r.Body))
	if !r.Due.IsZero() {
		d.Timers++
	}
	switch body := bytes.TrimSpace(r.Body); {
	case len(body) == 0 || body[0] != '{' && body[0] != '[':
		d.Other++
	case !jsontext.Value(body).IsValid():
		c.find("%s has a body of %d bytes that is not valid JSON", name, len(r.Body))
	}
}

// timers looks whether the store finds the first timers of each kind, for which it
// has an order of its own.
func (c *checking) timers(ctx context.Context, db store.Driver) error {
	now, err := db.Now(ctx)
	if err != nil {
		return err
	}
	for _, kind := range c.report.Kinds {
		recs, err := db.Due(ctx, kind.Name, now, store.DefaultDueLimit)
		if err != nil {
			return fmt.Errorf("timers of %q: %w", kind.Name, err)
		}
		for i := range recs {
			if recs[i].Due.IsZero() || recs[i].Due.After(now) {
				c.find("%.200q is found as due at %v and is not", recs[i].Key.String(), now)
			}
		}
	}
	return nil
}
