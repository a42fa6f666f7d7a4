package authcode

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// ProfilePlugin decides what a partner learns about a player (escs E2, slot
// AuthCodeService.profilePlugin). Embed [Defaults] to implement it.
type ProfilePlugin interface {
	// BuildPlayerProfile returns what the partner is told. It is called once for
	// each code that is redeemed, after the code was deleted; calls overlap. An
	// error, a panic or one that takes too long (pluginTimeoutMillis) reaches the
	// partner, and the player needs a new code. The same goes for a profile that
	// is nil or has no PlayerID.
	BuildPlayerProfile(ctx context.Context, r *BuildPlayerProfileRequest) (*PlayerProfile, error)

	mustEmbedDefaults()
}

// BuildPlayerProfileRequest says whose code was redeemed, and by whom.
type BuildPlayerProfileRequest struct {
	// Account is the player's account. It belongs to the plugin.
	Account *account.Profile
	// Partner is who redeems. Do not change it.
	Partner *pragma.PartnerSession
}

// PlayerProfile is what a partner learns about a player (escs E2). What is empty,
// other than PlayerID and Username, is left out of the answer.
type PlayerProfile struct {
	// PlayerID is how the partner will know the player. It must be there, and must
	// never be that of another player.
	PlayerID  string
	Username  string
	Email     string
	FirstName string
	LastName  string
	Avatar    string // address of a picture
}

// Defaults are the documented defaults of [ProfilePlugin]. Every implementation
// embeds it.
type Defaults struct{}

var _ ProfilePlugin = Defaults{}

func (Defaults) mustEmbedDefaults() {}

// BuildPlayerProfile returns the social id and the display name without its
// digits, and nothing else: the e-mail address is nobody's business by default.
func (Defaults) BuildPlayerProfile(_ context.Context, r *BuildPlayerProfileRequest) (*PlayerProfile, error) {
	return &PlayerProfile{
		PlayerID: r.Account.SocialID.String(),
		Username: r.Account.DisplayName.DisplayName,
	}, nil
}
