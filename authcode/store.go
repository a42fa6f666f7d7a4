package authcode

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/keylock"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

const (
	// MaxCodes is how many codes of one player are alive at most (escs E1).
	MaxCodes = 5
	// MaxRequests is how many codes a player gets within a minute (escs E1).
	MaxRequests = 10

	perTime = time.Minute // of MaxRequests

	// maxTries is how often a change is begun again that met another one. Those of
	// one player meet, and he may not do much.
	maxTries = 8
	// maxWaiting is how many requests of one player wait for their turn.
	maxWaiting = 32
)

// The kinds of records. A code is never changed, only made and deleted, and has
// Due when it expires. What a player has stays when it is empty: a record that is
// deleted and made anew has its old revisions again, which another node would
// take for the ones it knows.
const (
	codeKind   = "auth-code"        // by the hash of the code
	playerKind = "auth-code-player" // by social id
)

// codeID is a code in the clear, which is kept nowhere.
type codeID = pragma.ID[codeOf]

type codeOf struct{}

// record is a code.
type record struct {
	SocialID pragma.SocialID `json:"socialId"`
	Created  time.Time       `json:"created"`
	Expires  time.Time       `json:"expires"`
}

// holder is what a player has: his codes, the oldest first, some of which may
// have expired, and when he asked for the last ones.
type holder struct {
	Codes []held      `json:"codes"`
	Asked []time.Time `json:"asked"`
	entity.Unknown

	rev int64 // of its record
}

type held struct {
	Hash    string    `json:"hash"`
	Expires time.Time `json:"expires"`
	entity.Unknown
}

// codes makes and redeems codes. What it decides, it decides by the commit.
type codes struct {
	m     *pragma.Mount
	cfg   *pragma.Live[Config]
	cache *cache
	// turns lets one request of a player run at a time in this process, so that
	// they do not run into each other. Correct without it.
	turns keylock.Map[pragma.SocialID]
}

func newCodes(m *pragma.Mount, cfg *pragma.Live[Config]) *codes {
	c := &codes{m: m, cfg: cfg, cache: newCache(cfg.Load().MaxCacheSize)}
	cfg.OnChange(func(_, now Config) { c.cache.resize(now.MaxCacheSize) })
	return c
}

// hash is what is kept of a code. Its text is hashed, lower case with hyphens. A
// code has 122 random bits, so there is nothing to guess and no salt is needed.
func hash(code codeID) string {
	sum := sha256.Sum256([]byte(code.String()))
	return hex.EncodeToString(sum[:])
}

func codeKey(hash string) store.Key { return store.Key{Kind: codeKind, ID: hash} }
func playerKey(player pragma.SocialID) store.Key {
	return store.Key{Kind: playerKind, ID: player.String()}
}

// issue makes a code for a player.
func (c *codes) issue(ctx context.Context, player pragma.SocialID) (codeID, error) {
	if err := c.turns.Lock(ctx, player, maxWaiting); err != nil {
		return codeID{}, pragma.ErrUnavailable.Wrap(fmt.Errorf("wait for %s: %w", player, err))
	}
	defer c.turns.Unlock(player)
	code := pragma.NewID[codeID]()
	var dropped []string
	err := again(func() (err error) {
		dropped, err = c.tryIssue(ctx, player, hash(code))
		return err
	})
	if err != nil {
		return codeID{}, fmt.Errorf("make auth code of %s: %w", player, err)
	}
	for _, hash := range dropped {
		c.cache.drop(hash)
	}
	c.cache.add(hash(code), player)
	return code, nil
}

// tryIssue commits a new code, and returns those that had to go for it.
func (c *codes) tryIssue(ctx context.Context, player pragma.SocialID, hash string) ([]string, error) {
	now, err := c.m.Store().Now(ctx)
	if err != nil {
		return nil, err
	}
	var has holder
	if err := c.holder(ctx, player, &has); err != nil {
		return nil, err
	}
	has.Asked = slices.DeleteFunc(has.Asked, func(t time.Time) bool { return now.Sub(t) >= perTime })
	if len(has.Asked) >= MaxRequests {
		return nil, pragma.ErrRateLimited.With("at most %d codes a minute", MaxRequests)
	}
	has.Asked = append(has.Asked, now)
	// The cleaner finds those that have expired by itself.
	has.Codes = slices.DeleteFunc(has.Codes, func(h held) bool { return !now.Before(h.Expires) })
	batch := new(store.Batch)
	dropped, err := c.makeRoom(ctx, &has, batch)
	if err != nil {
		return nil, err
	}
	cfg := c.cfg.Load()
	expires := store.TruncateDue(now.Add(cfg.ttl()))
	has.Codes = append(has.Codes, held{Hash: hash, Expires: expires})
	body, err := json.Marshal(&record{SocialID: player, Created: now, Expires: expires})
	if err != nil {
		return nil, err
	}
	batch.Puts = append(batch.Puts, store.Put{Key: codeKey(hash), Due: expires, Body: body})
	return dropped, c.commit(ctx, batch, player, &has)
}

// makeRoom lets the oldest codes go until there is room for one more.
func (c *codes) makeRoom(ctx context.Context, has *holder, batch *store.Batch) (dropped []string, err error) {
	var keys []store.Key
	for len(has.Codes) >= MaxCodes {
		keys = append(keys, codeKey(has.Codes[0].Hash))
		dropped = append(dropped, has.Codes[0].Hash)
		has.Codes = has.Codes[1:]
	}
	if keys == nil {
		return nil, nil
	}
	recs, err := c.m.Store().Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for _, r := range recs {
		if r.Exists() {
			batch.Deletes = append(batch.Deletes, store.Check{Key: r.Key, Expect: r.Rev})
		}
	}
	return dropped, nil
}

// redeem deletes a code and returns whose it was, or [ErrCodeNotFound] or
// [ErrCodeExpired].
func (c *codes) redeem(ctx context.Context, code codeID) (owner pragma.SocialID, err error) {
	hash := hash(code)
	err = again(func() error {
		owner, err = c.tryRedeem(ctx, hash)
		return err
	})
	if err == nil || errors.Is(err, ErrCodeNotFound) {
		c.cache.drop(hash)
	}
	if err != nil {
		return owner, fmt.Errorf("redeem auth code: %w", err)
	}
	return owner, nil
}

func (c *codes) tryRedeem(ctx context.Context, hash string) (owner pragma.SocialID, err error) {
	code, err := c.find(ctx, hash)
	if err != nil {
		return owner, err
	}
	now, err := c.m.Store().Now(ctx)
	if err != nil {
		return owner, err
	}
	if !now.Before(code.Expires) {
		return owner, ErrCodeExpired
	}
	code.holder.Codes = slices.DeleteFunc(code.holder.Codes, func(h held) bool { return h.Hash == hash })
	// The holder is written even if nothing changes in it: it carries the token by
	// which a commit whose outcome got lost is found again.
	batch := &store.Batch{Deletes: []store.Check{{Key: codeKey(hash), Expect: code.rev}}}
	return code.SocialID, c.commit(ctx, batch, code.SocialID, &code.holder)
}

// found is a code with what its owner has.
type found struct {
	record
	rev    int64
	holder holder
}

// find reads a code and what its owner has, or returns [ErrCodeNotFound]. A code
// that is in the cache says whose it is, so that one read is enough; that it
// exists, only the store says.
func (c *codes) find(ctx context.Context, hash string) (*found, error) {
	keys := []store.Key{codeKey(hash)}
	owner, cached := c.cache.get(hash)
	if cached {
		keys = append(keys, playerKey(owner))
	}
	recs, err := c.m.Store().Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	if !recs[0].Exists() {
		return nil, ErrCodeNotFound
	}
	f := &found{rev: recs[0].Rev}
	if err := json.Unmarshal(recs[0].Body, &f.record); err != nil {
		return nil, fmt.Errorf("decode %s: %w", codeKind, err)
	}
	if !cached || owner != f.SocialID {
		err = c.holder(ctx, f.SocialID, &f.holder)
	} else {
		err = f.holder.decode(recs[1])
	}
	return f, err
}

// holder reads what a player has, which may be nothing.
func (c *codes) holder(ctx context.Context, player pragma.SocialID, has *holder) error {
	recs, err := c.m.Store().Get(ctx, playerKey(player))
	if err != nil {
		return err
	}
	return has.decode(recs[0])
}

func (h *holder) decode(r store.Record) error {
	h.rev = r.Rev
	if !r.Exists() {
		return nil
	}
	if err := json.Unmarshal(r.Body, h); err != nil {
		return fmt.Errorf("decode %s: %w", r.Key, err)
	}
	return nil
}

// commit commits a batch together with what the player then has.
func (c *codes) commit(ctx context.Context, batch *store.Batch, player pragma.SocialID, has *holder) error {
	body, err := json.Marshal(has)
	if err != nil {
		return err
	}
	batch.Puts = append(batch.Puts, store.Put{Key: playerKey(player), Expect: has.rev, Body: body})
	return store.Commit(ctx, c.m.Store(), batch)
}

// again runs try until it does not meet somebody else's commit, at most maxTries
// times.
func again(try func() error) (err error) {
	for range maxTries {
		if err = try(); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return err
}
