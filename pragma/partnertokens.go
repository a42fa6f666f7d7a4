package pragma

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/store"
)

// This file is what services do with partner tokens: make, list and revoke them.
// How gateways learn of it stands in revocation.go.

// PartnerTokens is what is known of a pair of partner tokens that was made with
// [Mount.CreatePartnerTokens]. The tokens themselves are not kept.
type PartnerTokens struct {
	PartnerID    PartnerID
	Name         string
	GameShardID  GameShardID
	AllowedTypes []string // nil: all
	CreatedBy    SocialID
	Created      time.Time
	Expires      time.Time
	// LastUsed is when a call or an open socket was last seen; it may be a minute
	// behind, and is zero for tokens that nobody has used.
	LastUsed time.Time
	Revoked  bool
}

// The records of partner tokens. A pair that an operator makes has one of kind
// "partner-token" by partner id. What must not be believed any more has one of
// kind "partner-revoked", by partner id or by allocation id, which is all that a
// gateway looks for: so a token without a record of its own can be revoked too.
const (
	partnerTokenKind   = "partner-token"
	partnerRevokedKind = "partner-revoked"
)

// keepExpired is how long a pair stays in the list after it has expired.
const keepExpired = 30 * 24 * time.Hour

// partnerTokenRecord is the body of a "partner-token" record. Its due is when it
// is deleted.
type partnerTokenRecord struct {
	PartnerID    PartnerID      `json:"partnerId"`
	Name         string         `json:"name"`
	GameShardID  GameShardID    `json:"gameShardId"`
	AllowedTypes []string       `json:"allowedTypes,omitzero"`
	CreatedBy    SocialID       `json:"createdBy,omitzero"`
	Created      time.Time      `json:"created"`
	Expires      time.Time      `json:"expires"`
	LastUsed     time.Time      `json:"lastUsed,omitzero"`
	Unknown      jsontext.Value `json:",embed"`
}

// partnerRevokedRecord is the body of a "partner-revoked" record. Its due is when
// the last token it can be about is over.
type partnerRevokedRecord struct {
	Revoked time.Time `json:"revoked"`
}

func partnerTokenKey(id PartnerID) store.Key {
	return store.Key{Kind: partnerTokenKind, ID: id.String()}
}

func partnerRevokedKey(id [16]byte) store.Key {
	return store.Key{Kind: partnerRevokedKind, ID: ID[struct{}](id).String()}
}

// CreatePartnerTokens makes a pair of partner tokens as [Mount.SignPartnerToken]
// does, and a record of it, so that the pair can be listed. The partner id of s
// must be a new one; createdBy is the operator, who has been asked for his role
// before. When it returns, the record is durable.
func (m *Mount) CreatePartnerTokens(ctx context.Context, s *PartnerSession, createdBy SocialID, life time.Duration) (game, social string, err error) {
	life = m.side.core.partnerLife(life)
	if game, err = m.SignPartnerToken(Game, s, life); err != nil {
		return "", "", err
	}
	if social, err = m.SignPartnerToken(Social, s, life); err != nil {
		return "", "", err
	}
	now, err := m.side.store.Now(ctx)
	if err != nil {
		return "", "", err
	}
	body, err := json.Marshal(&partnerTokenRecord{
		PartnerID: s.PartnerID, Name: s.Name, GameShardID: s.GameShardID, AllowedTypes: s.AllowedTypes,
		CreatedBy: createdBy, Created: now, Expires: now.Add(life),
	})
	if err != nil {
		return "", "", fmt.Errorf("encode partner tokens %s: %w", s.PartnerID, err)
	}
	put := store.Put{Key: partnerTokenKey(s.PartnerID), Due: now.Add(life + keepExpired), Body: body}
	if err := store.Commit(ctx, m.side.store, &store.Batch{Puts: []store.Put{put}}); err != nil {
		return "", "", fmt.Errorf("store partner tokens %s: %w", s.PartnerID, err)
	}
	return game, social, nil
}

// PartnerTokens returns the pair with a partner id, or nil if there is no record
// of it: it was not made with [Mount.CreatePartnerTokens], or it expired more than
// a month ago.
func (m *Mount) PartnerTokens(ctx context.Context, id PartnerID) (*PartnerTokens, error) {
	recs, err := m.side.store.Get(ctx, partnerTokenKey(id), partnerRevokedKey(id))
	if err != nil {
		return nil, fmt.Errorf("load partner tokens %s: %w", id, err)
	}
	if !recs[0].Exists() {
		return nil, nil
	}
	return decodePartnerTokens(recs[0], recs[1].Exists())
}

// ListPartnerTokens returns every pair that there is a record of, the latest
// first. It reads all of them: it is for operators.
func (m *Mount) ListPartnerTokens(ctx context.Context) ([]*PartnerTokens, error) {
	revoked := make(map[string]bool)
	for rec, err := range m.side.store.List(ctx, store.Query{Kind: partnerRevokedKind}) {
		if err != nil {
			return nil, fmt.Errorf("list revoked partner tokens: %w", err)
		}
		revoked[rec.ID] = true
	}
	var all []*PartnerTokens
	for rec, err := range m.side.store.List(ctx, store.Query{Kind: partnerTokenKind}) {
		if err != nil {
			return nil, fmt.Errorf("list partner tokens: %w", err)
		}
		pair, err := decodePartnerTokens(rec, revoked[rec.ID])
		if err != nil {
			return nil, err
		}
		all = append(all, pair)
	}
	slices.SortStableFunc(all, func(a, b *PartnerTokens) int {
		return cmp.Or(b.Created.Compare(a.Created), a.PartnerID.Compare(b.PartnerID))
	})
	return all, nil
}

func decodePartnerTokens(rec store.Record, revoked bool) (*PartnerTokens, error) {
	var r partnerTokenRecord
	if err := json.Unmarshal(rec.Body, &r); err != nil {
		return nil, fmt.Errorf("decode partner tokens %s: %w", rec.ID, err)
	}
	return &PartnerTokens{
		PartnerID: r.PartnerID, Name: r.Name, GameShardID: r.GameShardID, AllowedTypes: r.AllowedTypes,
		CreatedBy: r.CreatedBy, Created: r.Created, Expires: r.Expires, LastUsed: r.LastUsed, Revoked: revoked,
	}, nil
}

// RevokePartner makes every token of a partner id worthless, whether there is a
// record of it or not, for ever: HTTP calls and new sockets are refused with
// [ErrSessionReplaced], and open sockets are told KICKED and closed. That is so on
// this node when it returns nil, and on every node of both backends within a
// minute. Calls that run are not stopped. Revoking again does nothing.
func (m *Mount) RevokePartner(ctx context.Context, id PartnerID) error {
	return m.side.core.partners.revoke(ctx, id)
}

// AllocationTokens says where the allocations are for which this service signs
// tokens: a token with an allocation id is good as long as there is a record of this
// kind whose id is the allocation's, or one of another service that says so (ADR 14).
// Without one, or where no service says so, it is refused as if it were revoked. The
// record must be durable before the tokens are handed out, and must never come back.
// It is looked up as revoked tokens are, so that its end is noticed within a minute;
// see [Mount.EndAllocationTokens].
//
// It may only be called during Mount.
func (m *Mount) AllocationTokens(kind string) {
	c := m.side.core
	if !slices.Contains(c.allocationKinds, kind) {
		c.allocationKinds = append(c.allocationKinds, kind)
	}
}

// EndAllocationTokens does at once what the end of an allocation's record has within
// a minute: like [Mount.RevokePartner], for all tokens that were made for the
// allocation, however many (engine §6.5). It is called when the commit is done that
// deleted the record, and writes nothing itself.
func (m *Mount) EndAllocationTokens(ctx context.Context, id AllocationID) {
	m.side.core.partners.announce(ctx, id)
}

// KnowsCall reports whether a service of either backend of this server has
// registered a call with this full request type, such as
// "GameInstanceRpc.LinkV1Request". It is for use after mounting.
func (m *Mount) KnowsCall(request string) bool { return m.side.core.knows(request) }

// revoke writes down that tokens are not to be believed, applies it here, and
// tells the other nodes. Those that miss it find out from the store.
func (t *partnerTokens) revoke(ctx context.Context, id [16]byte) error {
	if id == ([16]byte{}) {
		return errors.New("revoke partner tokens: the id is zero")
	}
	now, err := t.db.Now(ctx)
	if err != nil {
		return fmt.Errorf("revoke partner tokens: %w", err)
	}
	body, err := json.Marshal(&partnerRevokedRecord{Revoked: now})
	if err != nil {
		return fmt.Errorf("revoke partner tokens: %w", err)
	}
	put := store.Put{Key: partnerRevokedKey(id), Due: now.Add(t.core.partnerLife(0)), Body: body}
	err = store.Commit(ctx, t.db, &store.Batch{Puts: []store.Put{put}})
	if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: it was revoked before
		return fmt.Errorf("revoke partner tokens %s: %w", ID[struct{}](id), err)
	}
	t.announce(ctx, id)
	return nil
}

// announce applies that tokens are not to be believed, here and on the nodes that
// hear it.
func (t *partnerTokens) announce(ctx context.Context, id [16]byte) {
	t.apply(id)
	ctx = context.WithoutCancel(ctx) // it has happened, so it is told
	if err := t.core.bus.Publish(ctx, revokedSubject, id[:]); err != nil {
		t.core.log.WarnContext(ctx, "cannot tell other nodes of a revoked partner token; they look by themselves", "err", err)
	}
}

// partnerLife is how long a partner token lives that is to live for want.
func (c *core) partnerLife(want time.Duration) time.Duration {
	longest := time.Duration(c.tokens.config().PartnerExpirationHours) * time.Hour
	if want <= 0 || want > longest {
		return longest
	}
	return want
}
