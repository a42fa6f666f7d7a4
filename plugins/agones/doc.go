// Package agones takes game servers from Agones, the game server fleets of Kubernetes.
//
// It is a gameinstance.ProviderPlugin that speaks to the allocator service of
// Agones (agones-allocator) by its REST interface, with a client certificate:
//
//	games := &gameinstance.Service{Provider: &agones.Plugin{}}
//
//	game:
//	  pluginConfigs:
//	    GameInstanceService.gameServerProviderPlugin:
//	      config:
//	        url: https://allocator.example.com
//	        namespace: games
//	        certFile: /etc/agones/tls.crt
//	        keyFile: /etc/agones/tls.key
//	        caFile: /etc/agones/ca.crt
//	        selectors:
//	          - matchLabels: {agones.dev/fleet: skirmish, version: "{version}", zone: "{zone}"}
//	          - matchLabels: {agones.dev/fleet: skirmish-spare, version: "{version}"}
//
// All keys are in [Config]; those that are not given have the values of
// [DefaultConfig]. A change takes effect at once. One that cannot be used, also
// because a file is missing, is reported, and the former configuration stays until
// the next change.
//
// # What a server is told
//
// The allocated GameServer gets the label openpragma/allocation-id, and these
// annotations:
//
//	openpragma/game-instance-id  the instance to link
//	openpragma/allocation-id     the allocation
//	openpragma/backend-address   where the partner gateway is, as host:port
//	openpragma/game-token        the token for the game backend
//	openpragma/social-token      the token for the social backend
//
// A game server watches its own GameServer object with the Agones SDK, and links
// when the annotations appear. Should they change while it serves the allocation
// that they name, it keeps the tokens it has: a repeated request brings new ones,
// and both are good. At the end of the game it calls the Shutdown of the SDK. A
// server that calls Ready instead is taken again, and must look for another
// allocation id.
//
// Everybody who may read GameServer objects in the namespace can read the
// annotations, and so can who reads the log of the allocator, which writes down
// requests and answers. A token opens the partner gateways for its one allocation
// only, until that is over; still, let few people read either.
//
// # Once and only once
//
// An allocation whose answer was lost is repeated. Each request asks first for an
// Allocated server with the label of this very allocation, and only then for a
// Ready one by the selectors, so that it finds the server again. Selectors are
// therefore always for Ready servers. The allocator knows labels from a cache:
// where several replicas of it run, one of them might not know for a moment what
// another has just done. The first repetition comes after half a second or more,
// and over the same connection if that still stands. Should a second server start
// all the same, only the first one to link is accepted.
//
// # What happens when
//
//   - No server is ready: asked again every two seconds (retryMillis) for a minute
//     (patienceMillis), then the allocation fails with [ErrNoGameServer].
//   - Contention, any 5xx, no answer, an unreadable answer: tried again, less and
//     less often.
//   - Any other answer, also a redirect: the allocation fails with [ErrRefused].
//     Allocators report invalid requests with status 500 and a Kubernetes code in
//     the body; that is recognised.
//   - gameServerAllocationTimeoutMillis (game instance configuration, two minutes)
//     is over: the allocation fails and is not repeated.
//
// # Servers that nobody wants any more
//
// The allocator cannot take a server back; servers go by themselves. If a game
// times out or is broken off, the server gets one more annotation, and its tokens
// are removed from the others:
//
//	openpragma/ended-allocation-id  the allocation that is over
//
// A server that finds the id of its own allocation there calls Shutdown, and so
// does one that may not link, or is told by its connection that the game is over.
// One that was allocated and has no game after a while should do so too: it is
// what is left of a request that got through when its allocation was over.
//
// A game that ends as it should needs none of this: its server knows.
package agones
