package account

import (
	"context"
	"errors"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// Look-ups of many ids at once: each is answered once, in the order they were
// asked for, however often one was named.

func checkBatch(ids int) error {
	if ids > MaxLookup {
		return ErrBadRequest.With("one call may ask for %d ids, not for %d", MaxLookup, ids)
	}
	return nil
}

// unique returns the ids of a request, each once.
func unique[K comparable](ids []K) []K {
	seen := make(map[K]bool, len(ids))
	var list []K
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			list = append(list, id)
		}
	}
	return list
}

// batch looks ids up. One that is not found is a failure of its own; any other
// error fails the whole call.
func batch(ids []wire.UUID, find func(id wire.UUID) error) ([]wire.BatchRequestFailure, error) {
	if err := checkBatch(len(ids)); err != nil {
		return nil, err
	}
	var failures []wire.BatchRequestFailure
	for _, id := range unique(ids) {
		switch err := find(id); {
		case errors.Is(err, ErrNotFound):
			failures = append(failures, wire.BatchRequestFailure{PragmaID: id, Error: ErrNotFound.Reason})
		case err != nil:
			return nil, err
		}
	}
	return failures, nil
}

func (s *Service) playerIdentities(ctx context.Context, v view, req *wire.AccountGetPlayerIdentitiesV1Request) (*wire.AccountGetPlayerIdentitiesV1Response, error) {
	shard, err := s.shardOf(req.GameShardID)
	if err != nil {
		return nil, err
	}
	resp := &wire.AccountGetPlayerIdentitiesV1Response{}
	resp.Failures, err = batch(req.PlayerIDs, func(id wire.UUID) error {
		acc, err := s.ofPlayer(ctx, pragma.PlayerID(id))
		if err == nil && acc.Players[shard] != pragma.PlayerID(id) {
			err = ErrNotFound
		}
		if err == nil {
			resp.PlayerIdentities = append(resp.PlayerIdentities, v.playerIdentity(acc, shard))
		}
		return err
	})
	return resp, err
}

func (s *Service) socialIdentities(ctx context.Context, v view, req *wire.AccountGetSocialIdentitiesV1Request) (*wire.AccountGetSocialIdentitiesV1Response, error) {
	resp := &wire.AccountGetSocialIdentitiesV1Response{}
	var err error
	resp.Failures, err = batch(req.SocialIDs, func(id wire.UUID) error {
		acc, err := s.account(ctx, pragma.SocialID(id))
		if err == nil {
			resp.SocialIdentities = append(resp.SocialIdentities, v.socialIdentity(acc))
		}
		return err
	})
	return resp, err
}

func (s *Service) playersByProvider(ctx context.Context, p *pragma.PlayerSession, req *wire.AccountPlayerIdentitiesByProviderV1Request) (*wire.AccountPlayerIdentitiesByProviderV1Response, error) {
	shard, err := s.shardOf(req.GameShardID)
	if err != nil {
		return nil, err
	}
	found, err := s.byProvider(ctx, req.ProviderAccountIDs)
	if err != nil {
		return nil, err
	}
	v := s.viewOf(p)
	resp := &wire.AccountPlayerIdentitiesByProviderV1Response{}
	for _, f := range found {
		if !f.acc.Players[shard].IsZero() {
			resp.PlayerIdentities = append(resp.PlayerIdentities, v.playerIdentity(f.acc, shard, f.asked...))
		}
	}
	return resp, nil
}

func (s *Service) accountsByProvider(ctx context.Context, p *pragma.PlayerSession, req *wire.AccountGetSocialIdentitiesByProviderAccountIDsV1Request) (*wire.AccountGetSocialIdentitiesByProviderAccountIDsV1Response, error) {
	found, err := s.byProvider(ctx, req.ProviderAccountIDs)
	if err != nil {
		return nil, err
	}
	v := s.viewOf(p)
	resp := &wire.AccountGetSocialIdentitiesByProviderAccountIDsV1Response{}
	for _, f := range found {
		resp.SocialIdentities = append(resp.SocialIdentities, v.socialIdentity(f.acc, f.asked...))
	}
	return resp, nil
}

// match is an account that was found, and the providers by whose accounts.
type match struct {
	acc   *state
	asked []string
}

// byProvider finds the accounts of provider accounts. Those that have none are
// left out.
func (s *Service) byProvider(ctx context.Context, ids []wire.ProviderAccountID) ([]*match, error) {
	if err := checkBatch(len(ids)); err != nil {
		return nil, err
	}
	var found []*match
	at := make(map[pragma.SocialID]*match)
	for _, id := range unique(ids) {
		p := s.providers[string(id.IDProviderType)]
		if p == nil || !usableAccountID(id.ProviderAccountID) {
			continue
		}
		acc, err := s.byProviderAccount(ctx, p.GetType(), id.ProviderAccountID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if at[acc.SocialID] == nil {
			at[acc.SocialID] = &match{acc: acc}
			found = append(found, at[acc.SocialID])
		}
		at[acc.SocialID].asked = append(at[acc.SocialID].asked, p.GetType())
	}
	return found, nil
}

// byProviderAccount returns the account of a provider account, or ErrNotFound.
func (s *Service) byProviderAccount(ctx context.Context, provider, accountID string) (*state, error) {
	id, err := s.ownerOf(ctx, provider, accountID)
	if err != nil {
		return nil, err
	}
	acc, err := s.account(ctx, id)
	if err == nil && !acc.has(provider, accountID) { // unlinked in between
		err = ErrNotFound
	}
	return acc, err
}
