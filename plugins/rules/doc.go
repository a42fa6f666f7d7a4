// Package rules is a matchmaking plugin that makes games by rules from the
// configuration, so that most games need no matchmaker of their own.
//
//	queue := &matchmaking.Service{Pool: &rules.Plugin{}, Parties: parties, Games: games}
//
// It looks at whole queues (matchmaking.PoolPlugin). What a game is, and who may
// be in it together, is said by [Rules], for all queues or for each by name, and
// may change while the server runs:
//
//	game:
//	  pluginConfigs:
//	    MatchmakingService.poolPlugin:
//	      config:
//	        default: {numberOfTeams: 2, playersPerTeam: 3}
//	        queueMember: mode            # of the ExtMatchmakingKey
//	        queues:
//	          ranked:
//	            numberOfTeams: 2
//	            playersPerTeam: 5
//	            rating: {member: mmr, default: 1500, window: {start: 50, growthPerSecond: 5, max: 400}}
//	            pingMillis: {start: 60, growthPerSecond: 2, max: 200}
//	            roles: {member: role, limits: {healer: {min: 1, max: 2}}}
//	            partyBalance: {enabled: true, maxDifference: 1, untilSeconds: 60}
//	            backfill: {policy: after, afterSeconds: 20}
//	            serveOldestAfterSeconds: 120
//
// # What holds for every game
//
// A party is on one team, whole. One that is larger than a team is refused when
// it enters. All teams have between minPlayersPerTeam and playersPerTeam players,
// and the roles that are asked for. The ratings of any two parties are no further
// apart than the windows of both allow, and the game runs in a zone that is near
// enough to each of them, unless the party that was served has waited for
// serveOldestAfterSeconds: then only sizes and roles count.
//
// # How games are found
//
// Parties are served in the order of entry. For each one its nearest zone comes
// first, and there those that are nearest in rating; a few hundred are looked at,
// not all. So a pass takes time in proportion to the number of parties, whoever
// accepts whom. Who is found is put on teams and exchanged between them until
// their ratings are close. Of the zones that are near enough to all, the game
// gets the one where the worst ping is lowest; of equals the one that most
// parties prefer.
//
// A party that enters meets the others at once; in a queue of some thousands only
// those with a similar rating, and all others with the next full pass.
//
// # What it does not do
//
// Parties that are too large, or cannot be read, after a change of the
// configuration are not sent back; they wait until they leave, the queue times
// out, or the configuration changes again.
//
// # Finding out why, and what if
//
// Operators are told how wide the windows of a party are and what stands between
// it and its nearest candidates (pragma matchmaking explain). A configuration is
// tried on a dump of a queue, or on players that are made up, with pragma
// matchmaking simulate; docs/matchmaking.md has an example. [Rules.Match] and
// [Rules.Explain] compute without a server.
package rules
