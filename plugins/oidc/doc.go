// Package oidc is an identity provider for everything that speaks OpenID Connect.
//
// One value is one provider. What it is to a player, the type says; what it is
// to the server, the configuration:
//
//	&account.Service{Providers: []account.IdentityProvider{
//		&oidc.Provider{Type: "GOOGLE"},
//		&oidc.Provider{Type: "TWITCH"},
//	}}
//
//	social:
//	  pluginConfigs:
//	    AccountService.identityProviderPlugins:
//	      plugins:
//	        GOOGLE:
//	          config:
//	            issuer: https://accounts.google.com
//	            clientIds: ["1234.apps.googleusercontent.com"]
//	        TWITCH:
//	          config:
//	            issuer: https://id.twitch.tv/oauth2
//	            clientIds: ["abcd"]
//
// # What a client sends
//
// providerToken is an ID token that the client got from the provider, as it is
// or as JSON:
//
//	{"idToken": "eyJ…", "nonce": "…"}
//
// With clientSecret and redirectUris configured it may also be an authorization
// code, which the server exchanges. That keeps the tokens off the client, and is
// the better choice for a provider that lets no program without secret in:
//
//	{"code": "…", "redirectUri": "…", "codeVerifier": "…", "nonce": "…"}
//
// # What is checked
//
// The signature, by a key the issuer publishes now and an algorithm of
// signingAlgorithms; iss; aud and azp against clientIds and authorizedParties;
// exp, nbf and iat with clockSkewSeconds; the nonce; requiredClaims. Access
// tokens and log-out tokens, which issuers sign with the same keys, are refused.
//
// Whoever has an ID token can log in with it until it ends. Three keys narrow
// that: maxTokenAgeSeconds; singleUse, which accepts a token once per process;
// and nonce: REQUIRED_SHA256, with which a token is worthless without a value
// that never left the client. See [NonceRule].
//
// # The issuer
//
// Discovery and keys are fetched when the server starts and again every hour. A
// new key is noticed when the first token signed with it arrives; a withdrawn one
// within keyCacheSeconds. An issuer that is away stops nothing at first: its keys
// stay good for keyStaleSeconds. Without them a log-in is refused with
// [account.ErrProviderResponse], which says that it may be tried again. Issuers
// that sign without key ids can be used, but their new keys are noticed after
// keyCacheSeconds only.
//
// # Operators
//
// With operatorLoginEnabled, the accounts in operatorAccounts and the verified
// addresses in operatorEmails may log in as operators, in the role given there
// (ADMIN or VIEWER), and nobody else. Accounts are the safer choice where users
// may change their address.
//
// # Known providers
//
// Issuers, to be copied to the letter; the rest is up to the studio:
//
//	GOOGLE           https://accounts.google.com
//	GOOGLEWORKSPACE  https://accounts.google.com with requiredClaims: {hd: example.com}
//	TWITCH           https://id.twitch.tv/oauth2
//	OKTA             https://<domain>.okta.com/oauth2/default (or another authorization server)
//	AUTH0            https://<tenant>.auth0.com/ with the slash at the end
//	EPIC             https://api.epicgames.dev/epic/oauth/v1
//
// A token that Google gives an Android program has the id of the server's client
// as aud and that of the program as azp: list the latter in authorizedParties.
// Where in doubt, the iss of a token is the issuer, and discovery must say the
// same.
package oidc
