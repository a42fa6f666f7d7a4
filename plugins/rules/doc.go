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
// # Running games
//
// A game waits for players if its server or the studio's code says so, or from the
// start with backfill.openNewGames; the policy says when parties go there. They go
// to the team with the most room that the roles allow. The game's players count
// with the rating and the role in what gameinstance.MatchmakingPlugin says of them
// (BuildExtMatchmakingGamePlayer), under the same names as those of parties, and
// its key must be that of the queue. A party may join if the mean rating of the
// players is within its window and the game's zone near enough; without ratings,
// everybody may.
//
// # How long somebody waits
//
// A party that enters meets the others at once: the pass that is made then finds
// what a full pass would find for it, however large the queue. In queues of more
// than 2,000 parties it looks at the 192 nearest in rating on either side, in each
// zone that is near to the new party, and a full pass itself looks at the 96
// nearest; what only a full pass finds is left to it, and so are games of others
// whose windows have grown since the last one. If more than one party in 128 is
// new, all are looked at.
//
// With serveOldestAfterSeconds nobody waits longer than that and one more full
// pass (matchmakingDelayMillis), as long as there is any game for him: among the
// 1,024 others that are nearest in rating the ways to fill the teams are tried one
// after another, up to 10,000 steps of it. What keeps him waiting then are sizes
// and roles that are not there. Without it there is no bound: windows that end at
// max keep a party waiting until somebody is near enough.
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
