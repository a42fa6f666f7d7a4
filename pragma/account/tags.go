package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

type tagID = pragma.ID[tagKind]

type tagKind struct{}

// tag is the text of a tag, kind "account-tag", by its id. It is made when it is
// first put on an account and stays for ever.
type tag struct {
	Text string `json:"text"`
	entity.Unknown
}

// tagName points from the text of a tag to its id: kind "account-tag-name", by
// the text in lower case.
type tagName struct {
	Tag tagID `json:"tag"`
	entity.Unknown
}

type tags struct {
	all   *entity.Kind[tag]
	names *entity.Kind[tagName]
}

func newTags(m *pragma.Mount) *tags {
	return &tags{
		all:   entity.Of(m, "account-tag", entity.Options[tag]{}),
		names: entity.Of(m, "account-tag-name", entity.Options[tagName]{}),
	}
}

// Limits of account tags. One call is one commit, and so must not touch more
// records than that may.
const (
	maxTags          = 1000 // noticed late by calls that make some at once
	maxTagsOfAccount = 50
	maxTagsOfCall    = 50
	maxTagAccounts   = 500
	maxTagPairs      = 2000 // accounts times tags of one call
)

// handleTags registers the calls about account tags (wire §7.9).
func (s *Service) handleTags(m *pragma.Mount) {
	onBoth(s, m, "AddAccountTags", act("add account tags", s.addTags))
	onBoth(s, m, "RemoveAccountTags", act("remove account tags", s.removeTags))
	onBoth(s, m, "GetAccountTags", look(s.getTags))
	onBoth(s, m, "ViewTags", look(s.viewTags))
}

func (s *Service) addTags(ctx context.Context, audit auditor, r *wire.AccountAddAccountTagsV1Request) (*wire.AccountGetAccountTagsV1Response, error) {
	ids, err := accountsOf(r.Request.PragmaSocialIDs, maxTagAccounts)
	if err != nil {
		return nil, err
	}
	texts := r.Request.AccountTags
	if err := checkTags(len(ids), len(texts)); err != nil {
		return nil, err
	}
	for _, text := range texts {
		if _, _, ok := label(text); !ok {
			return nil, ErrTagInvalid.With("a tag must have 1 to %d printable letters", maxLabel)
		}
	}
	if err := audit(ctx, slog.Any("tags", texts), slog.Int("accounts", len(ids)), slog.String("first", ids[0].String())); err != nil {
		return nil, err
	}
	if err := s.roomForTags(ctx, texts); err != nil {
		return nil, err
	}
	return s.changeTags(ctx, ids, func(tx *entity.Tx) ([]tagID, error) { return s.tagsNamed(tx, texts) }, s.putTag)
}

func (s *Service) removeTags(ctx context.Context, audit auditor, r *wire.AccountRemoveAccountTagsV1Request) (*wire.AccountGetAccountTagsV1Response, error) {
	ids, err := accountsOf(r.Request.PragmaSocialIDs, maxTagAccounts)
	if err != nil {
		return nil, err
	}
	tags := idsOf[tagID](r.Request.AccountTagIDs)
	if err := checkTags(len(ids), len(tags)); err != nil {
		return nil, err
	}
	if err := audit(ctx, slog.Any("tags", tags), slog.Int("accounts", len(ids)), slog.String("first", ids[0].String())); err != nil {
		return nil, err
	}
	known := func(tx *entity.Tx) ([]tagID, error) {
		for _, id := range tags {
			if _, err := s.accounts.tags.all.In(tx, id.String()); errors.Is(err, entity.ErrNotFound) {
				return nil, ErrTagInvalid.With("no tag has the id %s", id)
			} else if err != nil {
				return nil, err
			}
		}
		return tags, nil
	}
	return s.changeTags(ctx, ids, known, s.takeTag)
}

func checkTags(accounts, tags int) error {
	switch {
	case tags == 0 || tags > maxTagsOfCall:
		return ErrTagInvalid.With("one call takes 1 to %d tags", maxTagsOfCall)
	case accounts*tags > maxTagPairs:
		return ErrBadRequest.With("%d tags on %d accounts are too many for one call: at most %d in all", tags, accounts, maxTagPairs)
	}
	return nil
}

// roomForTags returns an error if new tags would be made and there are too many.
func (s *Service) roomForTags(ctx context.Context, texts []string) error {
	for _, text := range texts {
		_, key, _ := label(text)
		_, err := s.accounts.tags.names.Read(ctx, key)
		if errors.Is(err, entity.ErrNotFound) {
			return room(ctx, s.accounts.tags.names, maxTags, ErrTagInvalid)
		}
		if err != nil {
			return fmt.Errorf("find tag: %w", err)
		}
	}
	return nil
}

// tagsNamed returns the ids of tags and makes those that there are not yet.
func (s *Service) tagsNamed(tx *entity.Tx, texts []string) ([]tagID, error) {
	var ids []tagID
	for _, text := range texts {
		text, key, _ := label(text)
		name, err := s.accounts.tags.names.InOrNew(tx, key)
		if err != nil {
			return nil, err
		}
		if name.Tag.IsZero() {
			name.Tag = pragma.NewID[tagID]()
			made, err := s.accounts.tags.all.New(tx, name.Tag.String())
			if err != nil {
				return nil, err
			}
			made.Text = text
		}
		ids = append(ids, name.Tag)
	}
	return ids, nil
}

// A tagChange changes one account by one tag.
type tagChange func(tx *entity.Tx, acc *state, id tagID) error

func (s *Service) putTag(tx *entity.Tx, acc *state, id tagID) error {
	if slices.Contains(acc.Tags, id) {
		return nil
	}
	if len(acc.Tags) >= maxTagsOfAccount {
		return ErrTagInvalid.With("account %s has %d tags already", acc.SocialID, len(acc.Tags))
	}
	acc.Tags = append(acc.Tags, id)
	_, err := s.accounts.marks.New(tx, markKey(id, acc.SocialID))
	return err
}

// takeTag is harmless for an account without the tag.
func (s *Service) takeTag(tx *entity.Tx, acc *state, id tagID) error {
	i := slices.Index(acc.Tags, id)
	if i < 0 {
		return nil
	}
	acc.Tags = slices.Delete(acc.Tags, i, i+1)
	return s.accounts.marks.Delete(tx, markKey(id, acc.SocialID))
}

// changeTags changes accounts by tags, all of them or none, and returns the tags
// they have then.
func (s *Service) changeTags(ctx context.Context, ids []pragma.SocialID, which func(*entity.Tx) ([]tagID, error), change tagChange) (*wire.AccountGetAccountTagsV1Response, error) {
	var resp *wire.AccountGetAccountTagsV1Response
	err := s.accounts.all.Update(ctx, ids[0].String(), func(tx *entity.Tx, _ *state) error {
		resp = &wire.AccountGetAccountTagsV1Response{}
		tags, err := which(tx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			acc, err := s.accounts.all.In(tx, id.String())
			if err != nil {
				return err
			}
			for _, tag := range tags {
				if err := change(tx, acc, tag); err != nil {
					return err
				}
			}
			wired, err := wireTags(acc, func(id string) (*tag, error) { return s.accounts.tags.all.In(tx, id) })
			if err != nil {
				return err
			}
			resp.AccountTagsBySocialID = append(resp.AccountTagsBySocialID, wired)
		}
		return nil
	})
	if err != nil {
		return nil, accountError("change account tags", err)
	}
	return resp, nil
}

// wireTags lists the tags of an account in the order they were put on it.
func wireTags(acc *state, tagOf func(id string) (*tag, error)) (wire.AccountTagsBySocialID, error) {
	wired := wire.AccountTagsBySocialID{PragmaSocialID: wire.UUID(acc.SocialID)}
	for _, id := range acc.Tags {
		t, err := tagOf(id.String())
		if err != nil {
			return wired, fmt.Errorf("read tag %s: %w", id, err)
		}
		wired.AccountTags = append(wired.AccountTags, wire.AccountTag{TagID: wire.UUID(id), Tag: t.Text})
	}
	return wired, nil
}

// getTags leaves out accounts that do not exist.
func (s *Service) getTags(ctx context.Context, req *wire.AccountGetAccountTagsV1Request) (*wire.AccountGetAccountTagsV1Response, error) {
	ids, err := accountsOf(req.PragmaSocialIDs, maxTagAccounts)
	if err != nil {
		return nil, err
	}
	resp := &wire.AccountGetAccountTagsV1Response{}
	for _, id := range ids {
		acc, err := s.accounts.all.Read(ctx, id.String())
		if errors.Is(err, entity.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read account: %w", err)
		}
		wired, err := wireTags(acc, func(id string) (*tag, error) { return s.accounts.tags.all.Read(ctx, id) })
		if err != nil {
			return nil, err
		}
		resp.AccountTagsBySocialID = append(resp.AccountTagsBySocialID, wired)
	}
	return resp, nil
}

// viewTags lists all tags by their text.
func (s *Service) viewTags(ctx context.Context, _ *wire.Empty) (*wire.AccountViewTagsV1Response, error) {
	resp := &wire.AccountViewTagsV1Response{}
	for item, err := range s.accounts.tags.all.List(ctx, "", "") {
		if err != nil {
			return nil, fmt.Errorf("list account tags: %w", err)
		}
		id, err := pragma.ParseID[tagID](item.ID)
		if err != nil {
			return nil, fmt.Errorf("list account tags: %s: %w", item.ID, err)
		}
		resp.AccountTags = append(resp.AccountTags, wire.AccountTag{TagID: wire.UUID(id), Tag: item.State.Text})
	}
	slices.SortFunc(resp.AccountTags, func(a, b wire.AccountTag) int {
		return cmp.Compare(strings.ToLower(a.Tag), strings.ToLower(b.Tag))
	})
	return resp, nil
}
