package client

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
)

// DefaultPartnerAddress is where a game server finds the backend when it is not
// told (engine §6.4).
const DefaultPartnerAddress = "127.0.0.1:10100"

// GameServerFromEnv reads what the starter of a game server process handed over
// (engine §6.2, §6.4). args are the command line without the program's name.
//
// Options such as -PragmaPartnerBackendAddress=host:port come first; one or two
// hyphens are fine, and options of others are passed over. What they leave open
// is taken from the environment:
//
//	option                             environment
//	-PragmaPartnerBackendAddress       PRAGMA_PARTNER_BACKEND_ADDRESS
//	-PragmaPartnerSessionGameAuthToken PRAGMA_PARTNER_GAME_TOKEN
//	-PragmaPartnerSessionSocialAuthToken PRAGMA_PARTNER_SOCIAL_TOKEN
//	-PragmaGameInstanceId              PRAGMA_GAME_INSTANCE_ID
//	-PragmaServerId                    PRAGMA_SERVER_ID
//	-PragmaServerPoolId                PRAGMA_SERVER_POOL_ID
//
// A missing address means [DefaultPartnerAddress]; the token for the game backend
// has to be there.
func GameServerFromEnv(args []string) (GameServerOptions, error) {
	given := optionsOf(args)
	var out GameServerOptions
	out.Game = cmp.Or(given["PragmaPartnerBackendAddress"], os.Getenv("PRAGMA_PARTNER_BACKEND_ADDRESS"), DefaultPartnerAddress)
	out.Tokens.Game = cmp.Or(given["PragmaPartnerSessionGameAuthToken"], os.Getenv("PRAGMA_PARTNER_GAME_TOKEN"))
	out.Tokens.Social = cmp.Or(given["PragmaPartnerSessionSocialAuthToken"], os.Getenv("PRAGMA_PARTNER_SOCIAL_TOKEN"))
	out.ServerID = cmp.Or(given["PragmaServerId"], os.Getenv("PRAGMA_SERVER_ID"))
	out.ServerPoolID = cmp.Or(given["PragmaServerPoolId"], os.Getenv("PRAGMA_SERVER_POOL_ID"))
	game := cmp.Or(given["PragmaGameInstanceId"], os.Getenv("PRAGMA_GAME_INSTANCE_ID"))

	var errs []error
	if out.Tokens.Game == "" {
		errs = append(errs, errors.New("no partner token: give -PragmaPartnerSessionGameAuthToken or PRAGMA_PARTNER_GAME_TOKEN"))
	}
	if err := out.GameInstanceID.UnmarshalText([]byte(game)); err != nil {
		errs = append(errs, fmt.Errorf("game instance id: %w", err))
	}
	return out, errors.Join(errs...)
}

// optionsOf collects arguments of the form -name=value.
func optionsOf(args []string) map[string]string {
	out := make(map[string]string)
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if ok && strings.HasPrefix(name, "-") {
			out[strings.TrimLeft(name, "-")] = value
		}
	}
	return out
}
