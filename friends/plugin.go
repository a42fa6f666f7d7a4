package friends

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// PresencePlugin decides what friends see of a player besides online and away
// (engine §13, slot PresenceService.presencePlugin). Embed [Defaults] to
// implement it.
type PresencePlugin interface {
	// HandleRichPresenceRequest returns the new rich presence of an account. It
	// is called when a request has an ext that is not empty. An error, a panic or
	// one that takes too long (pluginTimeoutMillis) changes nothing and reaches
	// the caller. Calls for one account never overlap. It may run again for the
	// same request, so it must have no other effect.
	HandleRichPresenceRequest(ctx context.Context, r *RichPresenceRequest) (ext.Value, error)

	mustEmbedDefaults()
}

// Defaults are the documented defaults of [PresencePlugin]. Every implementation
// embeds it.
type Defaults struct{}

var _ PresencePlugin = Defaults{}

func (Defaults) mustEmbedDefaults() {}

// HandleRichPresenceRequest returns the current rich presence.
func (Defaults) HandleRichPresenceRequest(_ context.Context, r *RichPresenceRequest) (ext.Value, error) {
	return r.Current, nil
}

// RichPresenceRequest asks for a rich presence.
type RichPresenceRequest struct {
	SocialID pragma.SocialID
	PlayerID pragma.PlayerID // on the shard of the presence
	// Origin says who asks, and with that which type RequestExt has.
	Origin Origin
	// RequestExt is what he asks for: ExtRichPresencePlayerRequest,
	// ExtRichPresencePartnerRequest or ExtRichPresenceServiceRequest.
	RequestExt ext.Value
	// Current is the rich presence so far; empty for one who comes online.
	Current ext.Value
}

// Origin says who asks for a presence.
type Origin string

// The origins of a request (engine §13).
const (
	FromPlayer  Origin = "PLAYER"  // the player himself
	FromPartner Origin = "PARTNER" // a trusted server
	FromService Origin = "SERVICE" // the studio's own code, by [Service.UpdatePresence]
)
