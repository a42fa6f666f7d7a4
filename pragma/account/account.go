package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// state is an account, kind "account", by social id.
type state struct {
	SocialID      pragma.SocialID                        `json:"socialId"`
	DisplayName   pragma.DisplayName                     `json:"displayName"`
	Created       time.Time                              `json:"created"`
	LastLogin     time.Time                              `json:"lastLogin"`
	LastSession   pragma.SessionID                       `json:"lastSession,omitzero"` // the next log-in has a greater one, whatever the clocks say
	Players       map[pragma.GameShardID]pragma.PlayerID `json:"players"`
	Providers     []linked                               `json:"providers"`
	EmailAddress  string                                 `json:"emailAddress,omitzero"`
	EmailVerified bool                                   `json:"emailVerified,omitzero"`
	Bans          []ban                                  `json:"bans,omitzero"`
	Groups        []groupID                              `json:"groups,omitzero"`
	Tags          []tagID                                `json:"tags,omitzero"`
	entity.Unknown
}

// linked is an account at a provider that belongs to an account.
type linked struct {
	Provider    string `json:"provider"`
	AccountID   string `json:"accountId"`
	DisplayName string `json:"displayName"`
}

// owner points from something unique to the account that has it: kind
// "account-provider" by "<provider>:<account id>", kind "account-player" by
// player id, kind "account-name" by "<name in lower case>#<digits>". It is
// created in the same commit as what it points to, so the primary key of the
// store keeps it unique.
type owner struct {
	SocialID pragma.SocialID `json:"socialId"`
	entity.Unknown
}

// accounts are the entities of this package.
type accounts struct {
	all       *entity.Kind[state]
	providers *entity.Kind[owner]
	players   *entity.Kind[owner]
	names     *entity.Kind[owner]
	bans      *entity.Kind[owner] // "account-ban" by ban id
	groups    *groups
	tags      *tags
	marks     *entity.Kind[mark]
	shards    *entity.Kind[access]
}

func newAccounts(m *pragma.Mount) *accounts {
	return &accounts{
		all:       entity.Of(m, "account", entity.Options[state]{}),
		providers: entity.Of(m, "account-provider", entity.Options[owner]{}),
		players:   entity.Of(m, "account-player", entity.Options[owner]{}),
		names:     entity.Of(m, "account-name", entity.Options[owner]{}),
		bans:      entity.Of(m, "account-ban", entity.Options[owner]{}),
		groups:    newGroups(m),
		tags:      newTags(m),
		marks:     entity.Of(m, "account-mark", entity.Options[mark]{}),
		shards:    entity.Of(m, "game-shard", entity.Options[access]{}),
	}
}

func providerKey(provider, accountID string) string { return provider + ":" + accountID }

// logIn finds the account of a provider account, or creates it, and gives it a
// player id on the shard unless that is zero.
func (a *accounts) logIn(ctx context.Context, provider string, who *ProviderAccount, shard pragma.GameShardID) (*state, error) {
	if err := checkProviderAccount(who); err != nil {
		return nil, err
	}
	for range 4 { // somebody else may create the account between the look and the attempt
		found, err := a.providers.Read(ctx, providerKey(provider, who.AccountID))
		if err == nil {
			return a.welcome(ctx, found.SocialID, shard)
		}
		if !errors.Is(err, entity.ErrNotFound) {
			return nil, fmt.Errorf("find provider account: %w", err)
		}
		created, err := a.create(ctx, provider, who, shard)
		if !errors.Is(err, entity.ErrExists) {
			return created, err
		}
	}
	return nil, ErrDatabase.With("too many log-ins of this account at once")
}

// welcome notes a log-in of an account that exists.
func (a *accounts) welcome(ctx context.Context, id pragma.SocialID, shard pragma.GameShardID) (*state, error) {
	var after state
	err := a.all.Update(ctx, id.String(), func(tx *entity.Tx, s *state) error {
		if err := s.refuseBanned(tx.Now()); err != nil {
			return err
		}
		s.LastLogin = tx.Now()
		s.LastSession = pragma.NewOrderedIDAfter(s.LastSession)
		if err := a.enterShard(tx, s, shard); err != nil {
			return err
		}
		after = *s
		return nil
	})
	return &after, err
}

// create makes an account with all that points to it, in one commit.
func (a *accounts) create(ctx context.Context, provider string, who *ProviderAccount, shard pragma.GameShardID) (*state, error) {
	id := pragma.NewID[pragma.SocialID]()
	var after state
	err := a.all.Create(ctx, id.String(), func(tx *entity.Tx, s *state) error {
		*s = state{
			SocialID:  id,
			Created:   tx.Now(),
			LastLogin: tx.Now(),
			Players:   make(map[pragma.GameShardID]pragma.PlayerID),
			Providers: []linked{{provider, who.AccountID, who.DisplayName}},
		}
		s.LastSession = pragma.NewOrderedID[pragma.SessionID]()
		if err := own(tx, a.providers, providerKey(provider, who.AccountID), id); err != nil {
			return err
		}
		name, err := a.freeName(tx, cleanName(who.DisplayName), id)
		if err != nil {
			return err
		}
		s.DisplayName = name
		if err := a.enterShard(tx, s, shard); err != nil {
			return err
		}
		after = *s
		return nil
	})
	return &after, err
}

func own(tx *entity.Tx, k *entity.Kind[owner], key string, id pragma.SocialID) error {
	o, err := k.New(tx, key)
	if err != nil {
		return err
	}
	o.SocialID = id
	return nil
}

// enterShard gives the account a player id on the shard if it has none.
func (a *accounts) enterShard(tx *entity.Tx, s *state, shard pragma.GameShardID) error {
	if _, ok := s.Players[shard]; ok || shard.IsZero() {
		return nil
	}
	player := pragma.NewID[pragma.PlayerID]()
	s.Players[shard] = player
	return own(tx, a.players, player.String(), s.SocialID)
}

// nameTries is how many discriminators are tried at random before all that are
// taken are looked at.
const nameTries = 8

// discriminators is how many accounts may have the same display name.
const discriminators = 10000

// freeName takes a display name with a discriminator nobody has, by chance among
// those that are free.
func (a *accounts) freeName(tx *entity.Tx, name string, id pragma.SocialID) (pragma.DisplayName, error) {
	for range nameTries {
		full := discriminated(name, rand.IntN(discriminators))
		switch _, err := a.names.In(tx, nameKey(full)); {
		case errors.Is(err, entity.ErrNotFound):
			return full, own(tx, a.names, nameKey(full), id)
		case err != nil:
			return full, err
		}
	}
	free, err := a.freeNames(tx.Context(), name)
	if err != nil {
		return pragma.DisplayName{}, err
	}
	if len(free) == 0 {
		return pragma.DisplayName{}, ErrNoDiscriminators
	}
	full := free[rand.IntN(len(free))]
	return full, own(tx, a.names, nameKey(full), id) // a race for it runs again
}

// freeNames returns every free form of a display name.
func (a *accounts) freeNames(ctx context.Context, name string) ([]pragma.DisplayName, error) {
	taken := make(map[string]bool)
	for item, err := range a.names.List(ctx, strings.ToLower(name)+"#", "") {
		if err != nil && item.ID == "" {
			return nil, fmt.Errorf("list display names: %w", err)
		}
		taken[item.ID] = true
	}
	var free []pragma.DisplayName
	for n := range discriminators {
		if full := discriminated(name, n); !taken[nameKey(full)] {
			free = append(free, full)
		}
	}
	return free, nil
}

func discriminated(name string, n int) pragma.DisplayName {
	return pragma.DisplayName{DisplayName: name, Discriminator: fmt.Sprintf("%04d", n)}
}

// nameKey is what makes display names that differ only in case the same.
func nameKey(n pragma.DisplayName) string { return strings.ToLower(n.String()) }

// The longest display name: in letters, and in bytes of its key.
const (
	maxName    = 32
	maxNameKey = store.MaxIDBytes - len("#0000")
)

// cleanName makes a display name of what a provider calls an account: printable,
// without the separator, not empty, not too long.
func cleanName(name string) string {
	var b strings.Builder
	letters, key := 0, 0
	for _, r := range strings.TrimSpace(name) {
		if !unicode.IsPrint(r) || r == '#' {
			continue
		}
		letters++
		key += len(strings.ToLower(string(r)))
		if letters > maxName || key > maxNameKey {
			break
		}
		b.WriteRune(r)
	}
	return cmp.Or(strings.TrimSpace(b.String()), "player")
}

func checkProviderAccount(who *ProviderAccount) error {
	switch {
	case who == nil || who.AccountID == "":
		return ErrUnauthorized.With("the identity provider named no account")
	case len(who.AccountID) > 100 || !utf8.ValidString(who.AccountID) || strings.ContainsFunc(who.AccountID, unicode.IsControl):
		return ErrUnauthorized.With("the account id of the identity provider cannot be used")
	}
	return nil
}
