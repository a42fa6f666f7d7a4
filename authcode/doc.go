// Package authcode proves to a third party who a player is, with one-time codes.
//
// A tournament platform or a shop that wants to know which player sits in front
// of its page gets no password and no token. The player's client asks for a code
// and hands it over; the other side redeems it from its own server and learns the
// player's profile. A code works once, and only for a short time.
//
//	player   AuthCodeV1  ------------------>  a code, kept as a hash
//	player   -- the code, by whatever way -->  partner
//	partner  GetPlayerWithAuthCodeV1  ------>  the code is gone, here is the player
//
// The service belongs on the Social backend. It asks the account service who
// somebody is, and refuses to start without application id and secret, which a
// partner must know besides its token:
//
//	accounts := &account.Service{}
//	social := []pragma.Service{accounts, &authcode.Service{Accounts: accounts}}
//
//	social:
//	  serviceConfigs:
//	    AuthCodeServiceConfig:
//	      authCodeApplicationId: "…"
//	      authCodeApplicationSecret: "file:/run/secrets/app"
//
// Give the partner a token whose allowedTypes holds only
// AuthCodeRpc.GetPlayerWithAuthCodeV1Request (escs §12, wire §16.9). What it
// learns about a player, a [ProfilePlugin] decides.
//
// # The life of a code
//
//	made --- redeemed --------------------------> gone
//	 | \---- five newer ones of the player -----> gone
//	 \------ authCodeTTL over ---> expired --- cleaner ---> gone
//
// A code is a random UUID of version 4. It is answered once and never kept or
// logged: the store has its SHA-256, whose it is, and when it expires. A new code
// leaves the others alive; beyond [MaxCodes] the oldest goes. A player may ask
// [MaxRequests] times a minute, on all nodes together.
//
// Whoever redeems is judged in this order: partner token; application id and
// secret, compared in constant time; the code is known, or [ErrCodeNotFound]; it
// is alive, or [ErrCodeExpired]; it is deleted; the profile is made. So a wrong
// secret leaves the code as it is, and an error after the delete, of the plugin or
// of the account service, costs the player a new code. A code that has been used
// is unknown, and so is one whose account does not exist any more.
//
// # Guarantees
//
// The delete in the store decides: of any number of redemptions at the same time,
// on any number of nodes, exactly one gets the player. Codes outlive a restart.
// Times are those of the store, so clocks of nodes do not matter. The cache
// (maxCacheSize) only saves a read; what it knows is checked with the store.
package authcode
