package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

type groupID = pragma.ID[groupKind]

type groupKind struct{}

// group is a player group, kind "player-group", by its id. Who is in it says the
// state of each account; both change in the same commit, so Players is right.
type group struct {
	ID          groupID `json:"id"`
	Name        string  `json:"name"`
	Description string  `json:"description"`
	Players     int64   `json:"players"`
	entity.Unknown
}

// groupName points from the name of a group to it: kind "player-group-name", by
// the name in lower case.
type groupName struct {
	Group groupID `json:"group"`
	entity.Unknown
}

type groups struct {
	all   *entity.Kind[group]
	names *entity.Kind[groupName]
}

func newGroups(m *pragma.Mount) *groups {
	return &groups{
		all:   entity.Of(m, "player-group", entity.Options[group]{}),
		names: entity.Of(m, "player-group-name", entity.Options[groupName]{}),
	}
}

// mark says that an account is in a group or has a tag: kind "account-mark", by
// "<group or tag>/<account>". It is how they are found without looking at all
// accounts. It always changes together with the account, whose revision tells an
// update that it is not the mark it knew.
type mark struct{ entity.Unknown }

func markKey(what fmt.Stringer, id pragma.SocialID) string {
	return what.String() + "/" + id.String()
}

// Limits of player groups.
const (
	maxGroups           = 500 // noticed late by two that are made at once
	maxGroupDescription = 500 // bytes
	maxGroupsOfAccount  = 50
	maxGroupAccounts    = 2000 // in one call, and so in one commit
	maxLabel            = 64   // letters of the name of a group, or of a tag
)

// label returns the text of a name that people give, without spaces around it,
// and the key that makes it unique: names that differ only in case are the same.
func label(text string) (name, key string, ok bool) {
	name = strings.TrimSpace(text)
	key = strings.ToLower(name)
	ok = name != "" && utf8.RuneCountInString(name) <= maxLabel && len(key) <= store.MaxIDBytes &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	return name, key, ok
}

// handleGroups registers the calls about player groups (wire §7.9, §16.7).
func (s *Service) handleGroups(m *pragma.Mount) {
	onOperator(s, m, "CreatePlayerGroup", act("create player group", s.createGroup))
	onBoth(s, m, "ViewPlayerGroups", look(s.viewGroups))
	onBoth(s, m, "AddAccountToPlayerGroup", act("add account to player group", s.member(s.enterGroup)))
	onBoth(s, m, "AddAccountsToPlayerGroup", act("add accounts to player group", s.members(s.enterGroup)))
	onBoth(s, m, "RemoveAccountFromPlayerGroup", act("remove account from player group", s.member(s.leaveGroup)))
	onBoth(s, m, "RemoveAccountsFromPlayerGroup", act("remove accounts from player group", s.members(s.leaveGroup)))
}

func (s *Service) createGroup(ctx context.Context, audit auditor, req *wire.AccountCreatePlayerGroupOperatorV1Request) (*wire.AccountCreatePlayerGroupOperatorV1Response, error) {
	name, key, ok := label(req.Name)
	if !ok || len(req.Description) > maxGroupDescription {
		return nil, ErrGroupInvalid.With("the name must have 1 to %d printable letters, the description at most %d bytes", maxLabel, maxGroupDescription)
	}
	if err := audit(ctx, slog.String("name", name)); err != nil {
		return nil, err
	}
	if err := room(ctx, s.accounts.groups.names, maxGroups, ErrGroupInvalid); err != nil {
		return nil, err
	}
	g := group{ID: pragma.NewID[groupID](), Name: name, Description: req.Description}
	err := s.accounts.groups.all.Create(ctx, g.ID.String(), func(tx *entity.Tx, made *group) error {
		*made = g
		n, err := s.accounts.groups.names.New(tx, key)
		if errors.Is(err, entity.ErrExists) {
			return ErrGroupNameTaken
		}
		n.Group = g.ID
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create player group: %w", err)
	}
	return &wire.AccountCreatePlayerGroupOperatorV1Response{PlayerGroup: wireGroup(&g)}, nil
}

// room returns full if there are already as many entities of a kind as may be.
func room[T any](ctx context.Context, k *entity.Kind[T], most int, full *pragma.Error) error {
	n := 0
	for item, err := range k.List(ctx, "", "") {
		if err != nil && item.ID == "" {
			return err
		}
		if n++; n >= most {
			return full.With("there are %d already", n)
		}
	}
	return nil
}

// viewGroups lists all groups by name.
func (s *Service) viewGroups(ctx context.Context, _ *wire.Empty) (*wire.AccountViewPlayerGroupsV1Response, error) {
	resp := &wire.AccountViewPlayerGroupsV1Response{}
	for item, err := range s.accounts.groups.all.List(ctx, "", "") {
		if err != nil {
			return nil, fmt.Errorf("list player groups: %w", err)
		}
		resp.PlayerGroups = append(resp.PlayerGroups, wireGroup(item.State))
	}
	slices.SortFunc(resp.PlayerGroups, func(a, b wire.PlayerGroup) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return resp, nil
}

func wireGroup(g *group) wire.PlayerGroup {
	return wire.PlayerGroup{
		PlayerGroupID: wire.UUID(g.ID), Name: g.Name, Description: g.Description, PlayerCount: wire.Int64(g.Players),
	}
}

// A groupMove puts one account into a group, or takes it out. Many of them are
// made in one commit.
type groupMove func(tx *entity.Tx, g *group, acc *state) error

// enterGroup is harmless for an account that is in the group.
func (s *Service) enterGroup(tx *entity.Tx, g *group, acc *state) error {
	if slices.Contains(acc.Groups, g.ID) {
		return nil
	}
	if len(acc.Groups) >= maxGroupsOfAccount {
		return ErrGroupInvalid.With("account %s is in %d player groups already", acc.SocialID, len(acc.Groups))
	}
	acc.Groups = append(acc.Groups, g.ID)
	g.Players++
	_, err := s.accounts.marks.New(tx, markKey(g.ID, acc.SocialID))
	return err
}

func (s *Service) leaveGroup(tx *entity.Tx, g *group, acc *state) error {
	i := slices.Index(acc.Groups, g.ID)
	if i < 0 {
		return ErrNotInGroup.With("account %s is not in the player group", acc.SocialID)
	}
	acc.Groups = slices.Delete(acc.Groups, i, i+1)
	g.Players--
	return s.accounts.marks.Delete(tx, markKey(g.ID, acc.SocialID))
}

// member is the call that moves one account.
func (s *Service) member(move groupMove) bothCall[wire.AccountPlayerGroupMemberV1Request, wire.AccountPlayerGroupMemberV1Response] {
	return func(ctx context.Context, audit auditor, req *wire.AccountPlayerGroupMemberV1Request) (*wire.AccountPlayerGroupMemberV1Response, error) {
		after, err := s.moveAccounts(ctx, audit, req.PlayerGroupID, []wire.UUID{req.PragmaSocialID}, move)
		return &wire.AccountPlayerGroupMemberV1Response{PlayerGroupIDs: wireIDs(after)}, err
	}
}

// members is the call that moves many: all of them or none.
func (s *Service) members(move groupMove) bothCall[wire.AccountPlayerGroupMembersV1Request, wire.Empty] {
	return func(ctx context.Context, audit auditor, req *wire.AccountPlayerGroupMembersV1Request) (*wire.Empty, error) {
		_, err := s.moveAccounts(ctx, audit, req.PlayerGroupID, req.PragmaSocialIDs, move)
		return nil, err
	}
}

// moveAccounts returns the groups that the last account is in then.
func (s *Service) moveAccounts(ctx context.Context, audit auditor, id wire.UUID, accounts []wire.UUID, move groupMove) (after []groupID, err error) {
	ids, err := accountsOf(accounts, maxGroupAccounts)
	if err != nil {
		return nil, err
	}
	if err := audit(ctx, slog.String("playerGroup", id.String()), slog.Int("accounts", len(ids)), slog.String("first", ids[0].String())); err != nil {
		return nil, err
	}
	unknown := ErrNotFound.With("no such player group")
	err = s.accounts.groups.all.Update(ctx, id.String(), func(tx *entity.Tx, g *group) error {
		unknown = ErrNotFound.With("no such account")
		for _, account := range ids {
			acc, err := s.accounts.all.In(tx, account.String())
			if err != nil {
				return err
			}
			if err := move(tx, g, acc); err != nil {
				return err
			}
			after = acc.Groups
		}
		return nil
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil, unknown
	}
	if err != nil {
		return nil, fmt.Errorf("change player group: %w", err)
	}
	return after, nil
}

// unmark removes what other entities know of an account that is about to be
// deleted in the same commit: its bans, groups and tags.
func (a *accounts) unmark(tx *entity.Tx, acc *state) error {
	for _, b := range acc.Bans {
		if err := a.bans.Delete(tx, b.ID.String()); err != nil {
			return err
		}
	}
	for _, id := range acc.Groups {
		g, err := a.groups.all.In(tx, id.String())
		if err != nil {
			return err
		}
		g.Players--
		if err := a.marks.Delete(tx, markKey(id, acc.SocialID)); err != nil {
			return err
		}
	}
	for _, id := range acc.Tags {
		if err := a.marks.Delete(tx, markKey(id, acc.SocialID)); err != nil {
			return err
		}
	}
	return nil
}
