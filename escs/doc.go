// Package escs lets players meet in matches that a tournament platform makes, and
// sends the results back to it.
//
// The platform, ESCS, runs tournaments and knows who plays whom; this package lets
// a game play that. What the platform calls a set is one game here. It says when a
// set starts, the players come, a game is made of them with the teams of the set,
// and its results go back.
//
//	platform  set start  ----------------------->  the set can be joined
//	player    QueueForMatchmakingV1  ------------>  is in the party of the set
//	          PartyIsCompleteForMatchmakingV1  <--  everybody is there
//	leader    EnterMatchmakingV1  --------------->  the game
//	server    EndGameV1  ------------------------>  results, to the platform
//
// The service belongs on the Game backend, behind the services it uses. The two
// plugins go around those of the game, which decide everything about parties and
// queues that have nothing to do with a set, as they did before:
//
//	parties := &party.Service{Plugin: &escs.ExternalMatchmakingPartyPlugin{Inner: lobby{}}}
//	sets := &escs.Service{Accounts: accounts, Transformer: escs.TransformerOf(scores)}
//	games := &gameinstance.Service{Parties: parties, Jobs: []gameinstance.Job{sets.ResultsJob()}}
//	queue := &matchmaking.Service{
//		Plugin:  &escs.ExternalMatchmakingFillPartyPlugin{Inner: &warmbody.Plugin{}},
//		Parties: parties, Games: games,
//	}
//	sets.Parties, sets.Queue, sets.Games = parties, queue, games
//
//	game:
//	  serviceConfigs:
//	    EscsConfig:
//	      url: "https://…"
//	      secret: "file:/run/secrets/escs"
//	      gameId: "…"
//
// A server in which a plugin or a required key is missing does not start. [Config]
// has all keys; they are accepted in EscsConfig and in
// ExternalMatchmakingServiceConfig.
//
// # How a set starts
//
// The platform reaches the game's partner gateway in one of two ways: by the call
// SetStartV1 with a partner token, whose allowedTypes should hold only that, or by a
// plain POST to /escs/v1/set-start with setStartAuthToken as a bearer token or the
// game's secret in the header escs-game-secret-key. Its format is not public, so
// many forms are read. A set start may come any number of times. As long as nobody
// has queued, the last one counts; after that only a later end and new metadata are
// taken (escs F5, F6). One that names a player who is unknown here is kept as
// [Unplayable], until he has come to this game shard: whoever queues has him looked
// up again.
//
// # The life of a set
//
//	RECEIVED ─► QUEUEING ⇄ COMPLETE ⇄ MATCHMAKING ─► IN_MATCH ─► ENDED ─► RESULTS_SENT
//	   └───────────┴──────────┴───────────┴─► EXPIRED     └─────────┴───► RESULTS_FAILED
//
// The first player who queues makes the party and leads it, the others join it;
// nobody else gets in. A set says of its party what the party is, because each
// change of the party changes the set in the same commit: who leaves is expected
// again, and when all are there they are told, once for each time, and whoever
// connects later is told again. Likewise the commit that makes the game links it to
// the set, and the one that ends it says so. A game for which no server is to be had
// gives the set back to its party.
//
// Sets whose time is over are looked at every cleanInterval. Then a party that has
// no game is closed, and a game without results is given up; a running game is left
// alone. After retainAfterEnd nothing is left of a set.
//
// # How results go back
//
// The end-of-game job of [Service.ResultsJob] asks the [ResultsTransformer] for the
// scores of each player, and writes all of them into one row of an outbox, with the
// id of the set and its round as the idempotency key. A [ResultEncoder] makes a
// request of it for every attempt; secrets are added then, and never stored.
//
//	2xx without error in its body    SENT, and never sent again
//	a code of alreadyHasResultCodes  SENT
//	408, 425, 429, 5xx, no answer    again, after Retry-After or a random back-off that grows
//	401, 403                         nothing is sent until the configuration changes
//	other 4xx, error in a 2xx body   DEAD, with the body
//
// Attempts end resultGraceAfterEnd after the set, or at once for a game that ended
// after its set; then the row is DEAD too. A row that is DEAD is an error in the log,
// counts in gamebackend_escs_dead_results_total, is one of [Service.DeadResults], and
// is sent again by ResendResultsOperatorV1 or [Service.ResendResults]. An attempt
// begins with a commit, so that nodes never send the same at the same time; after a
// crash between the answer and its commit the same body goes out with the same key.
//
// Package escstest plays the platform, for tests.
//
// # What a plugin may know
//
// [SetOfParty] tells hooks of a party plugin of the set, [SetInfo] whoever has an
// ExtMatchmakingParty, [SetOfGame] whoever has the parties of a game. The game server
// finds it, without names, as escsMatchmakingInfo in its start data; by
// setEndTimeUnix it knows when to be done. Names of players are personal data: they
// are not shown to players, operators and game servers, and not logged.
//
// # Guarantees
//
// Of any number of calls at the same time, on any number of nodes, one makes the
// party. All that is said above holds at every commit, so a server may stop at any
// point and another goes on. Nothing of it depends on the clocks of nodes: times are
// those of the store.
package escs
