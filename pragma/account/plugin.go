package account

import (
	"context"
	"errors"
	"time"

	"github.com/openpragma/engine/pragma"
)

// Plugin decides what happens with accounts (engine §2.3, slot
// AccountService.accountPlugin). Embed [Defaults] to implement it.
//
// A hook that takes a Request may refuse: nothing is changed, and its error
// reaches the client as it is if it is a [*pragma.Error], otherwise as an
// internal error. A hook has pluginTimeoutMillis; one that overruns or panics
// refuses too. What a hook is given belongs to it.
//
// OnAccountUpdate, OnAccountDelete and OnAccountLink are asked inside the change
// that they are about. For one account they do not overlap. They may be asked
// again for the same change and may look things up with their context, but not
// change entities. The other hooks may do what they like.
type Plugin interface {
	// OnAccountCreate is called before an account is made, at the first log-in of a
	// provider account or by [Service.CreateAccount], and says what is to be in it.
	// An error, or no account, refuses: nothing is made. First log-ins of the same
	// provider account at the same time ask for each of them, and make one account.
	OnAccountCreate(ctx context.Context, r *CreateRequest) (*NewAccount, error)
	// OnAccountCreated is told of a new account. An error is logged. A server that
	// dies right after the creation does not tell.
	OnAccountCreated(ctx context.Context, e *CreatedEvent) error
	// OnAccountLogin is called for every log-in that has been proved, of players
	// and of operators, after the account was found or made and before there are
	// tokens. An error refuses the log-in; a new account stays.
	OnAccountLogin(ctx context.Context, r *LoginRequest) error
	// OnAccountUpdate is called before account data is changed on somebody's
	// request.
	OnAccountUpdate(ctx context.Context, r *UpdateRequest) error
	// OnAccountDelete is called before an account is deleted.
	OnAccountDelete(ctx context.Context, r *DeleteRequest) error
	// OnAccountDeleted is told of an account that is gone: after the answer, and
	// after a crash again, so it must do nothing the second time. An error is
	// logged.
	OnAccountDeleted(ctx context.Context, e *DeletedEvent) error
	// OnAccountLink is called before a provider account is linked to an account
	// that exists, after all other restrictions were checked.
	OnAccountLink(ctx context.Context, r *LinkRequest) error

	mustEmbedDefaults()
}

// Defaults are the documented defaults of a [Plugin]: accounts are made as the
// provider says, players may not change their display names, everything else is
// allowed.
type Defaults struct{}

var _ Plugin = Defaults{}

func (Defaults) mustEmbedDefaults() {}

// OnAccountCreate takes the display name of the provider account.
func (Defaults) OnAccountCreate(_ context.Context, r *CreateRequest) (*NewAccount, error) {
	return &NewAccount{DisplayName: r.ProviderAccount.DisplayName}, nil
}

// OnAccountCreated does nothing.
func (Defaults) OnAccountCreated(context.Context, *CreatedEvent) error { return nil }

// OnAccountLogin lets everybody in.
func (Defaults) OnAccountLogin(context.Context, *LoginRequest) error { return nil }

// OnAccountUpdate refuses a change of the display name by the player himself
// with [ErrDisplayNameUpdate].
func (Defaults) OnAccountUpdate(_ context.Context, r *UpdateRequest) error {
	if r.RequestedBy == pragma.Player && r.Change.DisplayName != "" {
		return ErrDisplayNameUpdate
	}
	return nil
}

// OnAccountDelete allows it.
func (Defaults) OnAccountDelete(context.Context, *DeleteRequest) error { return nil }

// OnAccountDeleted does nothing.
func (Defaults) OnAccountDeleted(context.Context, *DeletedEvent) error { return nil }

// OnAccountLink allows it.
func (Defaults) OnAccountLink(context.Context, *LinkRequest) error { return nil }

// Account is an account as a plugin sees it.
type Account struct {
	SocialID           pragma.SocialID                        `json:"socialId"`
	PersonalID         PersonalID                             `json:"personalId,omitzero"` // zero for an old account that was not used since there are such ids
	Players            map[pragma.GameShardID]pragma.PlayerID `json:"players,omitzero"`
	DisplayName        pragma.DisplayName                     `json:"displayName"`
	DisplayNameUpdated time.Time                              `json:"displayNameUpdated,omitzero"` // zero: never
	EmailAddress       string                                 `json:"emailAddress,omitzero"`
	EmailVerified      bool                                   `json:"emailVerified,omitzero"`
	Created            time.Time                              `json:"created"`
	LastLogin          time.Time                              `json:"lastLogin,omitzero"` // zero: never
	Providers          []ProviderLink                         `json:"providers,omitzero"`
}

// NewAccount is what [Plugin.OnAccountCreate] wants to be in an account.
type NewAccount struct {
	// DisplayName is made usable: what cannot be printed and the separator # are
	// left out, it is cut to 32 letters, and empty means "player". Digits are added
	// that nobody has with it.
	DisplayName string
	// EmailAddress may be empty. It is taken as it is.
	EmailAddress  string
	EmailVerified bool
}

// CreateRequest is for [Plugin.OnAccountCreate].
type CreateRequest struct {
	Provider        string // such as STEAM
	ProviderAccount ProviderAccount
}

// CreatedEvent is for [Plugin.OnAccountCreated].
type CreatedEvent struct {
	Account         Account
	Provider        string
	ProviderAccount ProviderAccount
}

// LoginRequest is for [Plugin.OnAccountLogin].
type LoginRequest struct {
	Account  Account
	Provider string // by which the caller proved who he is
	// Type is who logs in: a player or an operator.
	Type pragma.SessionType
	// GameShardID is the shard the player wants to play on; zero if none.
	GameShardID pragma.GameShardID
	// Options are what the client says of its machine, unchecked.
	Options LoginOptions
}

// UpdateRequest is for [Plugin.OnAccountUpdate].
type UpdateRequest struct {
	Account Account // as it is
	Change  Change
	// RequestedBy is who asks: a player for himself, a partner, an operator. It is
	// empty for the studio's own code.
	RequestedBy pragma.SessionType
}

// Change is what is to become of an account. What is empty stays.
type Change struct {
	DisplayName  string // without digits
	EmailAddress string
}

// DeleteRequest is for [Plugin.OnAccountDelete].
type DeleteRequest struct{ Account Account }

// DeletedEvent is for [Plugin.OnAccountDeleted].
type DeletedEvent struct{ Account Account }

// LinkRequest is for [Plugin.OnAccountLink].
type LinkRequest struct {
	Account         Account // without the link
	Provider        string
	ProviderAccount ProviderAccount
}

// hook runs a hook of the plugin. An error without a reason is a failure of the
// hook, not of the store.
func (s *Service) hook(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	err := pragma.RunHook(ctx, s.m, "AccountPlugin."+name, fn)
	if _, ok := errors.AsType[*pragma.Error](err); ok || err == nil || ctx.Err() != nil {
		return err
	}
	return pragma.ErrInternal.Wrap(err)
}
