// Package webhook asks a studio's own fleet for game servers, by a signed request.
//
// It is a gameinstance.ProviderPlugin. The fleet is any program that takes the
// requests described here; one in Go can use [Handler].
//
//	games := &gameinstance.Service{Provider: &webhook.Plugin{}}
//
//	game:
//	  pluginConfigs:
//	    GameInstanceService.gameServerProviderPlugin:
//	      config:
//	        url: https://fleet.example.com/allocations
//	        keys:
//	          - {keyId: k1, secret: "${FLEET_SECRET}"}
//
// All keys are in [Config]. A change takes effect with the next request; one that
// is not valid is reported, and the former configuration stays.
//
// # The request
//
// POST to the URL with a JSON object, [Call]. Members that a fleet does not know are
// to be ignored.
//
//	type               start or end
//	allocationId       names the server that is meant
//	gameInstanceId     the instance that the server must link
//	gameServerVersion  which version is needed; missing: any
//	gameServerZone     where it is needed; missing: anywhere
//	ext                what the studio's plugin gave to AllocateGameServer, if anything
//	backendAddress     where the partner gateway is, as host:port
//	gameToken          the token for the game backend
//	socialToken        the token for the social backend
//
//	reason             why the server is not wanted any more
//
// The server connects with the address and the tokens. The tokens are good for this
// allocation only, and stand nowhere but in the body. They must not be logged, and
// not reach a player.
//
// A request of type end says that the server is not wanted any more. It has the
// first three members and the reason, which is one of gameinstance.EndReason, such
// as ENDED or ALLOCATION_TIMED_OUT. It is made at least once for every allocation,
// also for one that was refused. After ENDED and UNLINKED a server may have work to
// finish, and create another game; then a second request follows. After any other
// reason it can be stopped at once. So can it always, by a fleet without patience.
//
// # The answer
//
//	2xx                  done: a server is under way; for end, it will be gone
//	408, 425, 429, 5xx   not now: the request is repeated
//	404, 410             for end: there is no such server, which is as good as 2xx
//	any other            refused: the allocation has failed; an end is repeated
//
// The body of a 2xx may be {"noServerNeeded": true} for a game that needs no
// server. Anything else in it counts as nothing. Redirects are not followed and
// count as refusals.
//
// A request without an answer in time (timeoutMillis, seven seconds) is repeated
// too. The first repetition comes after about a second; the waits double. An answer
// with the header Retry-After, in seconds or as a date, sets the next wait, up to a
// minute. When gameServerAllocationTimeoutMillis (game instance
// configuration, two minutes) is over, the allocation has failed and is not
// repeated any more. An end is repeated for a day.
//
// # Once and only once
//
// The fleet must recognise a repetition by its allocationId, and answer it as the
// first one, without a second server. Its tokens are new; those of all repetitions
// are good, so a fleet may hand on whichever it likes. The header Idempotency-Key
// is the allocationId, with -end- and the reason behind it for type end, for fleets
// behind a gateway that looks at it. The fleet must remember allocations for an hour after
// they have ended, and refuse to start one that it was told to end: the requests
// may overtake each other.
//
// # The signature
//
// Two headers say who has made a request:
//
//	Pragma-Webhook-Timestamp  the time of signing, in seconds since 1970, UTC
//	Pragma-Webhook-Signature  keyId=signature, or two of these with a comma between
//
// A signature is the HMAC-SHA256 with the secret of the key, in lower-case hex, of
// three things: the line pragma-webhook-v1, the line with the timestamp as it is in
// the header, and the body byte by byte. The lines end with one line feed (\n); the
// body is not followed by one. The secret is taken as it is written, in UTF-8.
//
// The fleet computes the signature of a key it knows, compares it in constant time,
// and refuses a request whose timestamp is more than five minutes from its own
// clock. Whoever could record a request can send it again within that time: it
// names the same allocation still.
//
// With the key k1 and the secret
//
//	not-a-secret-but-32-characters!!
//
// at the time 1767225600 the body (one line)
//
//	{"type":"start","allocationId":"5a403c7f-e1f1-4536-b99a-86409e71bc28","gameInstanceId":"c9fa855b-8ea0-4825-8c45-9389b50534f5","gameServerVersion":"1.2.3","backendAddress":"game.example:10100","gameToken":"g","socialToken":"s"}
//
// has the header
//
//	Pragma-Webhook-Signature: k1=8db81304ef8f73a10661801673af8136a2f2f299353ba260f3ada5b6625c39b7
//
// # Another secret
//
// To exchange a secret without a request that fails: let the fleet know both, the
// old and the new; configure the new one here instead of the old; let the fleet
// forget the old one. If the fleet can know only one, configure both here while it
// changes over: each request is then signed with both.
package webhook
