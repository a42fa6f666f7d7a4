package account

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// Bounds of a search for accounts.
const (
	maxSearchTime = 3 * time.Second // less than a call may take
	maxSearches   = 2               // at a time on one node; others wait
	maxFilterIDs  = 100             // of one list in a filter
)

// handleSearch registers the search for accounts (wire §7.9, §13).
func (s *Service) handleSearch(m *pragma.Mount) {
	s.searches = make(chan struct{}, maxSearches)
	pragma.HandlePartner(m, "GetPragmaAccountOverviewsPartnerV1", func(ctx context.Context, _ *pragma.PartnerSession, req *wire.AccountGetPragmaAccountOverviewsV1Request) (*wire.AccountGetPragmaAccountOverviewsV1Response, error) {
		if !narrows(&req.Filter) {
			return nil, ErrMissingFilter
		}
		return s.overviews(ctx, req)
	})
	onOperator(s, m, "GetPragmaAccountOverviews", look(s.overviews))
}

// narrows reports whether a filter says anything.
func narrows(f *wire.PlayerSearchFilter) bool {
	return len(f.AccountTagIDs)+len(f.ExcludedAccountTagIDs)+len(f.PlayerGroupIDs)+len(f.ExcludedPlayerGroupIDs)+len(f.IDProviders) > 0 ||
		f.SearchEmailVerified != wire.SearchEmailVerifiedDisabled ||
		f.IDProviderAccountID != "" || !f.PragmaSocialID.IsZero() || f.EmailAddress != "" ||
		f.IDProviderDisplayNameSearch != wire.IDProviderDisplayNameSearch{} ||
		f.PragmaFullDisplayName != "" || !f.GameShardID.IsZero()
}

// overviews returns a page of the accounts that a filter describes, in the order
// of their social ids, and counts them all. A search that takes too long answers
// with a full page and what it has counted so far, or not at all.
func (s *Service) overviews(ctx context.Context, req *wire.AccountGetPragmaAccountOverviewsV1Request) (*wire.AccountGetPragmaAccountOverviewsV1Response, error) {
	start, end, err := req.Of(math.MaxInt)
	if err != nil {
		return nil, ErrBadRequest.With("%v", err)
	}
	f := &req.Filter
	if err := s.checkFilter(f); err != nil {
		return nil, err
	}
	for i := range f.IDProviders {
		f.IDProviders[i] = s.providerName(f.IDProviders[i])
	}
	f.IDProviderDisplayNameSearch.IDProvider = s.providerName(f.IDProviderDisplayNameSearch.IDProvider)
	limited, cancel := context.WithTimeout(ctx, maxSearchTime)
	defer cancel()
	select {
	case s.searches <- struct{}{}:
		defer func() { <-s.searches }()
	case <-limited.Done():
		return nil, pragma.ErrUnavailable.With("too many searches for accounts at once")
	}
	resp, n := &wire.AccountGetPragmaAccountOverviewsV1Response{}, 0
	for acc, err := range s.candidates(limited, f) {
		if err == nil {
			err = limited.Err()
		}
		switch {
		case err != nil && ctx.Err() == nil && limited.Err() != nil && n >= end:
			resp.Count = wire.Int64(n)
			return resp, nil
		case err != nil && limited.Err() != nil:
			return nil, pragma.ErrUnavailable.With("the search for accounts takes too long; narrow the filter").Wrap(err)
		case err != nil:
			return nil, fmt.Errorf("search for accounts: %w", err)
		case !matches(acc, f):
			continue
		case n >= start && n < end:
			resp.Accounts = append(resp.Accounts, wire.PragmaAccountOverview{
				PragmaSocialID: wire.UUID(acc.SocialID), DisplayName: wire.DisplayName(acc.DisplayName),
			})
		}
		n++
	}
	resp.Count = wire.Int64(n)
	return resp, nil
}

func (s *Service) checkFilter(f *wire.PlayerSearchFilter) error {
	for _, n := range []int{len(f.AccountTagIDs), len(f.ExcludedAccountTagIDs), len(f.PlayerGroupIDs), len(f.ExcludedPlayerGroupIDs), len(f.IDProviders)} {
		if n > maxFilterIDs {
			return ErrBadRequest.With("a list of the filter may have %d entries", maxFilterIDs)
		}
	}
	if shard := pragma.GameShardID(f.GameShardID); !shard.IsZero() && shard != s.m.ShardID() {
		return ErrNotFound.With("no such game shard")
	}
	if name := f.IDProviderDisplayNameSearch; (name.IDProvider == "") != (name.FullDisplayName == "") {
		return ErrMissingFilter.With("idProviderDisplayNameSearch needs both idProvider and fullDisplayName")
	}
	return nil
}

// matches reports whether an account is all that a filter says. Of each list one
// entry has to fit, of the excluded ones none may.
func matches(acc *state, f *wire.PlayerSearchFilter) bool {
	verified := f.SearchEmailVerified == wire.SearchEmailVerifiedVerified
	switch name := f.IDProviderDisplayNameSearch; {
	case !f.PragmaSocialID.IsZero() && acc.SocialID != pragma.SocialID(f.PragmaSocialID),
		f.PragmaFullDisplayName != "" && !hasName(acc, f.PragmaFullDisplayName),
		len(f.AccountTagIDs) > 0 && !anyOf(acc.Tags, f.AccountTagIDs),
		len(f.PlayerGroupIDs) > 0 && !anyOf(acc.Groups, f.PlayerGroupIDs),
		anyOf(acc.Tags, f.ExcludedAccountTagIDs),
		anyOf(acc.Groups, f.ExcludedPlayerGroupIDs),
		f.SearchEmailVerified != wire.SearchEmailVerifiedDisabled && acc.EmailVerified != verified,
		f.EmailAddress != "" && !strings.EqualFold(acc.EmailAddress, f.EmailAddress),
		!f.GameShardID.IsZero() && acc.Players[pragma.GameShardID(f.GameShardID)].IsZero(),
		name.FullDisplayName != "" && !slices.ContainsFunc(acc.Providers, func(l linked) bool {
			return l.Provider == string(name.IDProvider) && strings.EqualFold(l.DisplayName, name.FullDisplayName)
		}):
		return false
	}
	if len(f.IDProviders) == 0 && f.IDProviderAccountID == "" {
		return true
	}
	return slices.ContainsFunc(acc.Providers, func(l linked) bool {
		return (len(f.IDProviders) == 0 || slices.Contains(f.IDProviders, wire.IDProvider(l.Provider))) &&
			(f.IDProviderAccountID == "" || l.AccountID == f.IDProviderAccountID)
	})
}

// hasName compares the name of an account with one that is given with or without
// the discriminator.
func hasName(acc *state, full string) bool {
	if !strings.Contains(full, "#") {
		return strings.EqualFold(acc.DisplayName.DisplayName, full)
	}
	return nameKey(acc.DisplayName) == strings.ToLower(full)
}

func anyOf[I ~[16]byte](have []I, list []wire.UUID) bool {
	return slices.ContainsFunc(list, func(id wire.UUID) bool { return slices.Contains(have, I(id)) })
}

// candidates yields accounts in the order of their social ids, among them all
// that match the filter. It looks at as few as the filter allows.
func (s *Service) candidates(ctx context.Context, f *wire.PlayerSearchFilter) iter.Seq2[*state, error] {
	return func(yield func(*state, error) bool) {
		ids, few, err := s.narrowed(ctx, f)
		switch {
		case err != nil:
			yield(nil, err)
		case few:
			s.readAll(ctx, ids, yield)
		default:
			s.scan(ctx, yield)
		}
	}
}

// readAll yields the accounts with these ids.
func (s *Service) readAll(ctx context.Context, ids []pragma.SocialID, yield func(*state, error) bool) {
	slices.SortFunc(ids, pragma.SocialID.Compare)
	for _, id := range slices.Compact(ids) {
		acc, err := s.accounts.all.Read(ctx, id.String())
		if errors.Is(err, entity.ErrNotFound) { // deleted, or nobody's id
			continue
		}
		if !yield(acc, err) || err != nil {
			return
		}
	}
}

// scan yields all accounts.
func (s *Service) scan(ctx context.Context, yield func(*state, error) bool) {
	for item, err := range s.accounts.all.List(ctx, "", "") {
		if err != nil && item.ID != "" {
			s.m.Log().ErrorContext(ctx, "an account cannot be read", "account", item.ID, "err", err)
			continue
		}
		if !yield(item.State, err) {
			return
		}
	}
}

// narrowed returns the ids of the only accounts that can match the filter, if a
// key says which they are.
func (s *Service) narrowed(ctx context.Context, f *wire.PlayerSearchFilter) (ids []pragma.SocialID, few bool, err error) {
	switch {
	case !f.PragmaSocialID.IsZero():
		return []pragma.SocialID{pragma.SocialID(f.PragmaSocialID)}, true, nil
	case f.IDProviderAccountID != "":
		ids, err = s.ownersAt(ctx, f)
	case f.PragmaFullDisplayName != "":
		ids, err = s.ownersOfName(ctx, f.PragmaFullDisplayName)
	case len(f.PlayerGroupIDs) > 0:
		ids, err = s.marked(ctx, f.PlayerGroupIDs)
	case len(f.AccountTagIDs) > 0:
		ids, err = s.marked(ctx, f.AccountTagIDs)
	default:
		return nil, false, nil
	}
	return ids, true, err
}

// ownersAt returns who has the filter's account at one of the filter's identity
// providers, or at any that this server knows.
func (s *Service) ownersAt(ctx context.Context, f *wire.PlayerSearchFilter) (ids []pragma.SocialID, err error) {
	at := f.IDProviders
	if len(at) == 0 {
		for name := range s.providers {
			at = append(at, wire.IDProvider(name))
		}
	}
	for _, provider := range at {
		key := providerKey(string(provider), f.IDProviderAccountID)
		if !isKey(key) {
			continue
		}
		o, err := s.accounts.providers.Read(ctx, key)
		if errors.Is(err, entity.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, o.SocialID)
	}
	return ids, nil
}

// ownersOfName returns who has a display name: one account if the discriminator
// is given, otherwise all who have the name.
func (s *Service) ownersOfName(ctx context.Context, full string) (ids []pragma.SocialID, err error) {
	prefix := strings.ToLower(full)
	if !strings.Contains(full, "#") {
		prefix += "#"
	}
	if !isKey(prefix) {
		return nil, nil
	}
	for item, err := range s.accounts.names.List(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		ids = append(ids, item.State.SocialID)
	}
	return ids, nil
}

// isKey reports whether a text can be the key of a record.
func isKey(text string) bool {
	return len(text) <= store.MaxIDBytes && !strings.ContainsRune(text, 0)
}

// marked returns who is in one of the groups, or has one of the tags.
func (s *Service) marked(ctx context.Context, by []wire.UUID) (ids []pragma.SocialID, err error) {
	for _, what := range by {
		prefix := what.String() + "/"
		for item, err := range s.accounts.marks.List(ctx, prefix, "") {
			if err != nil {
				return nil, err
			}
			id, err := pragma.ParseID[pragma.SocialID](strings.TrimPrefix(item.ID, prefix))
			if err != nil {
				return nil, fmt.Errorf("read mark %s: %w", item.ID, err)
			}
			ids = append(ids, id)
		}
	}
	return ids, nil
}
