// Package steam is the identity provider STEAM: session tickets, and OpenID for browsers.
//
//	&account.Service{Providers: []account.IdentityProvider{&steam.Provider{}}}
//
//	social:
//	  pluginConfigs:
//	    AccountService.identityProviderPlugins:
//	      plugins:
//	        STEAM:
//	          config:
//	            appId: 480
//	            steamWebAPIKey: ${STEAM_WEB_API_KEY}
//	            identity: pragma
//	            restrictByAppOwnership: true
//	            restrictByAccountBan: true
//
// # Tickets
//
// A game sends the ticket of GetAuthTicketForWebApi in hex (wire §2.2). What is
// not hex is refused before Steam is asked; everything else Steam decides, by
// ISteamUserAuth/AuthenticateUserTicket. The account's id is the Steam id in
// digits. Its name is asked for, and a log-in does not fail for want of it.
//
// With restrictByAccountBan, who is banned by VAC or by the publisher stays out,
// and so does who borrows the game from one whom VAC has banned. With
// restrictByAppOwnership, Steam is asked whether the owner that the ticket names
// owns the game. allowFamilySharing: false keeps borrowers out.
//
// # OpenID
//
// A site that sends people to Steam's log-in page gets an assertion back, and
// may send it as JSON (wire §2.2) when openId.enabled is set:
//
//	openId: {enabled: true, returnTo: [https://studio.example/steam]}
//
// The assertion must name the configured endpoint, be meant for one of the
// returnTo addresses, be at most maxAgeSeconds old, and have all of that signed.
// Then the configured endpoint, never one the assertion names, is asked whether
// it made it; it says yes once. Bans are those of VAC: Steam tells the
// publisher's only with a ticket.
//
// # When Steam fails
//
// Steam being away or slow, or answering strangely, is [account.ErrProviderResponse]:
// the client may try again. The log has the cause. The web API takes its key in
// the address, so addresses appear in no error and no log line.
package steam
