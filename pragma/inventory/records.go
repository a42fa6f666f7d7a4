package inventory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// records is the provider of the service's own: inventories in the store.
type records struct {
	store store.Driver
	heads *entity.Kind[head]
	pages *entity.Kind[page]
	keys  *entity.Kind[usedKey]
	rules func() *rules
}

// The kinds of records.
const (
	headKind = "inventory"      // by player id
	pageKind = "inventory-page" // by player id and number
	keyKind  = "inventory-key"  // by player id and hash
)

func pageID(id pragma.PlayerID, n int) string { return fmt.Sprintf("%s/%03d", id, n) }

var _ Provider = (*records)(nil)

// usedKey is the record of an idempotency key. It goes when its time is over.
type usedKey struct {
	Used  time.Time `json:"used"`
	Until time.Time `json:"until"`
}

func newRecords(m *pragma.Mount, rules func() *rules) *records {
	r := &records{store: m.Store(), rules: rules}
	r.heads = entity.Of(m, headKind, entity.Options[head]{})
	r.pages = entity.Of(m, pageKind, entity.Options[page]{})
	r.keys = entity.Of(m, keyKind, entity.Options[usedKey]{
		Due:   func(k *usedKey) time.Time { return k.Until },
		OnDue: func(tx *entity.Tx, id string, _ *usedKey) error { return r.keys.Delete(tx, id) },
	})
	return r
}

// Read implements [Provider]. It reads the store at one moment and waits for
// nobody, so it may be called from anywhere, transactions included.
func (r *records) Read(ctx context.Context, req *ReadRequest) (*Contents, error) {
	for depth := 0; ; {
		s, err := r.snapshot(ctx, req.PlayerID, depth)
		if err != nil {
			return nil, err
		}
		if s.head.Depth == depth {
			return s.contents(r.rules().cat)
		}
		depth = s.head.Depth // it only grows
	}
}

// snapshot reads an inventory that is believed to have 1<<depth pages.
func (r *records) snapshot(ctx context.Context, id pragma.PlayerID, depth int) (*shelf, error) {
	keys := []store.Key{{Kind: headKind, ID: id.String()}}
	for n := range 1 << depth {
		keys = append(keys, store.Key{Kind: pageKind, ID: pageID(id, n)})
	}
	recs, err := r.store.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	s := &shelf{head: new(head)}
	if err := decode(recs[0], s.head); err != nil {
		return nil, err
	}
	s.page = func(n int) (*page, error) {
		p := new(page)
		return p, decode(recs[1+n], p)
	}
	return s, nil
}

func decode(rec store.Record, into any) error {
	if rec.Rev == 0 {
		return nil
	}
	if err := json.Unmarshal(rec.Body, into); err != nil {
		return fmt.Errorf("decode %s: %w", rec.Key, err)
	}
	return nil
}

// Apply implements [Provider].
func (r *records) Apply(ctx context.Context, req *ApplyRequest) (*Updates, error) {
	var out *Updates
	err := r.update(ctx, req.PlayerID, func(tx *entity.Tx, s *shelf) (err error) {
		out, err = r.apply(tx, s, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Delete implements [Provider].
func (r *records) Delete(ctx context.Context, req *DeleteRequest) error {
	return r.update(ctx, req.PlayerID, func(_ *entity.Tx, s *shelf) error {
		c, err := s.contents(r.rules().cat)
		if err != nil {
			return err
		}
		if len(c.Player.Stackables)+len(c.Player.Instanced) > 0 {
			s.head.Version++
		}
		if len(c.Hidden.Stackables)+len(c.Hidden.Instanced) > 0 {
			s.head.HiddenVersion++
		}
		return s.clear()
	})
}

// update works on an inventory under its lock; one that stays as it is, is not
// written.
func (r *records) update(ctx context.Context, id pragma.PlayerID, fn func(tx *entity.Tx, s *shelf) error) error {
	return r.heads.Upsert(ctx, id.String(), func(tx *entity.Tx, h *head) error {
		return fn(tx, r.shelf(tx, id, h))
	})
}

// applyIn is Apply within somebody else's transaction.
func (r *records) applyIn(tx *entity.Tx, req *ApplyRequest) (*Updates, error) {
	h, err := r.heads.InOrNew(tx, req.PlayerID.String())
	if err != nil {
		return nil, err
	}
	return r.apply(tx, r.shelf(tx, req.PlayerID, h), req)
}

func (r *records) shelf(tx *entity.Tx, id pragma.PlayerID, h *head) *shelf {
	return &shelf{head: h, page: func(n int) (*page, error) {
		return r.pages.InOrNew(tx, pageID(id, n))
	}}
}

func (r *records) apply(tx *entity.Tx, s *shelf, req *ApplyRequest) (*Updates, error) {
	rules := r.rules()
	repeated, err := r.useKey(tx, rules, req)
	if err != nil {
		return nil, err
	}
	if repeated {
		return &Updates{Repeated: true}, nil
	}
	out, err := newChange(tx.Context(), rules, req.PlayerID, s).apply(req.Operations)
	if err != nil {
		return nil, err
	}
	if req.Committed != nil {
		tx.After(func(ctx context.Context) { req.Committed(ctx, out) })
	}
	return out, nil
}

const maxKeyBytes = 256

// useKey reports whether the request has been done before, and otherwise
// remembers that it is done now.
func (r *records) useKey(tx *entity.Tx, rules *rules, req *ApplyRequest) (repeated bool, err error) {
	key := req.Operations.IdempotencyKey
	switch {
	case key == "":
		return false, nil
	case len(key) > maxKeyBytes:
		return false, pragma.ErrTooLarge.With("an idempotency key has at most %d bytes", maxKeyBytes)
	}
	sum := sha256.Sum256([]byte(key)) // a key is any text, an id of a record is not
	used, err := r.keys.InOrNew(tx, req.PlayerID.String()+"/"+hex.EncodeToString(sum[:]))
	if err != nil {
		return false, err
	}
	if !used.Used.IsZero() {
		return true, nil
	}
	used.Used = tx.Now()
	used.Until = used.Used.Add(rules.cfg.keyLife())
	return false, nil
}
