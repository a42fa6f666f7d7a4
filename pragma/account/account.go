package account

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// PersonalID names the personal data of an account (engine §2.2). Unlike the
// social id it is shown to partners and operators alone.
type PersonalID = pragma.ID[personalKind]

type personalKind struct{}

// state is an account, kind "account", by social id.
type state struct {
	SocialID           pragma.SocialID                        `json:"socialId"`
	PersonalID         PersonalID                             `json:"personalId,omitzero"` // zero: not made yet, see withPersonal
	DisplayName        pragma.DisplayName                     `json:"displayName"`
	DisplayNameUpdated time.Time                              `json:"displayNameUpdated,omitzero"`
	EmailAddress       string                                 `json:"emailAddress,omitzero"`
	EmailVerified      bool                                   `json:"emailVerified,omitzero"`
	EmailCheck         emailCheck                             `json:"emailCheck,omitzero"`
	Created            time.Time                              `json:"created"`
	LastLogin          time.Time                              `json:"lastLogin"`
	LastSession        pragma.SessionID                       `json:"lastSession,omitzero"` // the next log-in has a greater one, whatever the clocks say
	Players            map[pragma.GameShardID]pragma.PlayerID `json:"players"`
	Providers          []linked                               `json:"providers"`
	// Unlinked says when an account of a provider was last unlinked.
	Unlinked map[string]time.Time `json:"unlinked,omitzero"`
	Bans     []ban                `json:"bans,omitzero"`
	Groups   []groupID            `json:"groups,omitzero"`
	Tags     []tagID              `json:"tags,omitzero"`
	entity.Unknown
}

// linked is an account at a provider that belongs to an account. Of each
// provider there is at most one.
type linked struct {
	Provider      string `json:"provider"`
	AccountID     string `json:"accountId"`
	DisplayName   string `json:"displayName"`
	Discriminator string `json:"discriminator,omitzero"`
	entity.Unknown
}

// owner points from something unique to the account that has it: kind
// "account-provider" by "<provider>:<account id>", kind "account-player" by
// player id, kind "account-name" by "<name in lower case>#<digits>". It is
// changed in the same commit as what it points to, so the primary key of the
// store keeps it unique.
//
// What nobody has any more keeps its record, with a zero SocialID: an id that is
// deleted and made anew would have its old revision again, and a node that
// remembers the old record would not notice.
type owner struct {
	SocialID pragma.SocialID `json:"socialId"`
	// Last is whose the provider account was before it was unlinked.
	Last pragma.SocialID `json:"last,omitzero"`
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

// kinds are all kinds of records of this package. Some are in one commit with
// "account", and so all are in the database that AccountDaoConfig names.
func kinds() []string {
	return []string{
		"account", "account-provider", "account-player", "account-name", "account-ban", "account-mark", "game-shard",
		"player-group", "player-group-name", "account-tag", "account-tag-name", "outbox/account-email", "outbox/account-deleted",
	}
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

// take makes something the account's, and reports whether it could: nobody else
// has it.
func take(tx *entity.Tx, k *entity.Kind[owner], key string, id pragma.SocialID) (bool, error) {
	o, err := k.InOrNew(tx, key)
	if err != nil {
		return false, err
	}
	if !o.SocialID.IsZero() {
		return o.SocialID == id, nil
	}
	o.SocialID = id
	return true, nil
}

// release gives back something that the account has; last is kept.
func release(tx *entity.Tx, k *entity.Kind[owner], key string, id, last pragma.SocialID) error {
	o, err := k.In(tx, key)
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err == nil && o.SocialID == id {
		o.SocialID, o.Last = pragma.SocialID{}, last
	}
	return err
}

// own makes a new thing the account's, one with a random id.
func own(tx *entity.Tx, k *entity.Kind[owner], id string, account pragma.SocialID) error {
	o, err := k.New(tx, id)
	if err != nil {
		return err
	}
	o.SocialID = account
	return nil
}

// enterShard gives the account a player id on the shard if it has none.
func (a *accounts) enterShard(tx *entity.Tx, s *state, shard pragma.GameShardID) error {
	if _, ok := s.Players[shard]; ok || shard.IsZero() {
		return nil
	}
	player := pragma.NewID[pragma.PlayerID]()
	if s.Players == nil {
		s.Players = make(map[pragma.GameShardID]pragma.PlayerID)
	}
	s.Players[shard] = player
	return own(tx, a.players, player.String(), s.SocialID)
}

// logIn begins a session of the account.
func (s *state) logIn(now time.Time) {
	s.LastLogin, s.LastSession = now, pragma.NewOrderedIDAfter(s.LastSession)
}

// at returns the account's account at a provider, nil if it has none.
func (s *state) at(provider string) *linked {
	for i := range s.Providers {
		if s.Providers[i].Provider == provider {
			return &s.Providers[i]
		}
	}
	return nil
}

// has reports whether a provider account belongs to the account.
func (s *state) has(provider, accountID string) bool {
	l := s.at(provider)
	return l != nil && l.AccountID == accountID
}

// account returns what plugins see of an account.
func (s *state) account() *Account {
	return &Account{
		SocialID:           s.SocialID,
		PersonalID:         s.PersonalID,
		Players:            maps.Clone(s.Players),
		DisplayName:        s.DisplayName,
		DisplayNameUpdated: s.DisplayNameUpdated,
		EmailAddress:       s.EmailAddress,
		EmailVerified:      s.EmailVerified,
		Created:            s.Created,
		LastLogin:          s.LastLogin,
		Providers:          s.links(),
	}
}

func (s *state) links() []ProviderLink {
	var links []ProviderLink
	for _, l := range s.Providers {
		links = append(links, ProviderLink{l.Provider, l.AccountID, l.DisplayName, l.Discriminator})
	}
	return links
}

// accountError wraps what went wrong with an entity of this package; one that
// does not exist is an account that does not exist. Refusals stay as they are.
func accountError(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, entity.ErrNotFound) {
		return ErrNotFound.With("no such account")
	}
	if _, ok := errors.AsType[*pragma.Error](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// maxAccountID is how long a provider's id of an account may be, in bytes.
const maxAccountID = 100

func checkProviderAccount(who *ProviderAccount) error {
	switch {
	case who == nil || who.AccountID == "":
		return ErrUnauthorized.With("the identity provider named no account")
	case !usableAccountID(who.AccountID):
		return ErrUnauthorized.With("the account id of the identity provider cannot be used")
	}
	return nil
}

func usableAccountID(id string) bool {
	return id != "" && len(id) <= maxAccountID && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

// linkOf is a provider account as it is stored. Names are only shown, so what
// cannot be shown is cut.
func linkOf(provider string, who *ProviderAccount) linked {
	return linked{Provider: provider, AccountID: who.AccountID, DisplayName: shown(who.DisplayName), Discriminator: shown(who.Discriminator)}
}

// shown cuts a text of a provider to what may be kept and sent.
func shown(text string) string {
	const most = 128
	text = strings.ToValidUTF8(text, "")
	for len(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
