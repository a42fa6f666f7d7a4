package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// AccessMode says who may enter a game shard (engine §2.7).
type AccessMode string

// The access modes. On the wire, and in the configuration, they have these names.
const (
	// AccessOpen lets everybody in.
	AccessOpen AccessMode = "OPEN"
	// AccessLimited lets in who is in a player group of a running limited access
	// event. All others get no game token when they log in, and none from a
	// refresh. Who plays already may go on until his token expires.
	AccessLimited AccessMode = "LIMITED"
)

// UnmarshalText accepts the names of the modes.
func (m *AccessMode) UnmarshalText(text []byte) error {
	switch mode := AccessMode(text); mode {
	case AccessOpen, AccessLimited:
		*m = mode
		return nil
	}
	return fmt.Errorf("want %s or %s", AccessOpen, AccessLimited)
}

// GameManagementConfig is the section GameManagementServiceConfig of
// social.serviceConfigs. A reload takes effect.
type GameManagementConfig struct {
	// AccessMode holds until an operator has set another one, which is kept in the
	// store and holds from then on. The default is AccessOpen.
	AccessMode AccessMode `yaml:"accessMode"`
}

// DefaultGameManagementConfig returns the defaults.
func DefaultGameManagementConfig() GameManagementConfig {
	return GameManagementConfig{AccessMode: AccessOpen}
}

// access is who may enter a game shard, kind "game-shard", by shard id. A shard
// about which nothing was decided yet has none.
type access struct {
	Mode   AccessMode    `json:"mode,omitzero"` // empty: as configured
	Events []accessEvent `json:"events"`        // in the order they were made
	entity.Unknown
}

type eventID = pragma.ID[eventKind]

type eventKind struct{}

// accessEvent is a limited access event.
type accessEvent struct {
	ID          eventID   `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Groups      []groupID `json:"groups"`
	StartMillis int64     `json:"startMillis"` // since 1970
	EndMillis   int64     `json:"endMillis"`
	TimeZone    string    `json:"timeZone"`
	entity.Unknown
}

// admits reports whether a member of the groups may enter.
func (a *access) admits(now time.Time, configured AccessMode, member []groupID) bool {
	mode := a.Mode
	if mode == "" {
		mode = configured
	}
	if mode != AccessLimited {
		return true
	}
	at := now.UnixMilli()
	return slices.ContainsFunc(a.Events, func(e accessEvent) bool {
		return e.StartMillis <= at && at < e.EndMillis &&
			slices.ContainsFunc(e.Groups, func(g groupID) bool { return slices.Contains(member, g) })
	})
}

// admit judges a player who is about to get tokens, by bans and limited access
// (engine §2.7). Who is banned from all shards gets an error; who may not enter
// the game only loses the shard of his session, and so gets no game token. The
// session gets the present display name. All of it is decided on the newest state
// in the store: a ban or a mode that was answered before holds.
func (s *Service) admit(ctx context.Context, session *pragma.PlayerSession) error {
	var enter bool
	var name pragma.DisplayName
	err := s.accounts.all.Update(ctx, session.SocialID.String(), func(tx *entity.Tx, acc *state) error {
		now := tx.Now()
		name = acc.DisplayName
		if err := acc.refuseBanned(now); err != nil {
			return err
		}
		if enter = !session.GameShardID.IsZero() && !acc.bannedFrom(session.GameShardID, now); !enter {
			return nil
		}
		shard, err := s.accounts.shards.In(tx, session.GameShardID.String())
		if errors.Is(err, entity.ErrNotFound) {
			shard, err = &access{}, nil
		}
		if err == nil {
			enter = shard.admits(now, s.management.Load().AccessMode, acc.Groups)
		}
		return err
	})
	switch {
	case errors.Is(err, entity.ErrNotFound):
		return ErrUnauthorized.With("the account does not exist any more")
	case err != nil:
		return fmt.Errorf("judge bans and access: %w", err)
	case !enter:
		session.GameShardID = pragma.GameShardID{}
	}
	session.DisplayName = name
	return nil
}
