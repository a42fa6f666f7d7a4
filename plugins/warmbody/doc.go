// Package warmbody is a matchmaking plugin that takes whoever is there: it fills
// teams, first come, first served.
//
//	queue := &matchmaking.Service{Plugin: &warmbody.Plugin{}, Parties: parties, Games: games}
//
// How many teams of how many players make a game is said in the configuration,
// and may change while the server runs:
//
//	game:
//	  pluginConfigs:
//	    MatchmakingService.matchmakingPlugin:
//	      config: {numberOfTeams: 2, playersPerTeam: 5}
//
// A party is always on one team. One that is larger than a team is refused when
// it enters, with MatchmakingService_PartyTooBig. Teams are numbered from 0.
//
// The oldest party collects others until a game is full. A younger one may take
// parties from what an older one has collected, but only if that makes its own
// game full.
//
// A running game that is in the queue gets parties that its teams have room for,
// wherever it runs, each on the team with the most room. It stays in the queue
// when it is full, so that places that become free are taken again; its server,
// or the studio's code, ends that (gameinstance.Service.LeaveMatchmaking). A game
// enters the queue of the key that the gameinstance.MatchmakingPlugin builds,
// which must be equal to that of the parties.
//
// The game runs in the first zone that the oldest party prefers and all others
// prefer too; a party that prefers none takes any. Without such a zone it runs
// where the worst ping of a player is lowest, among the zones that every player
// with pings has one for; else the zone stays empty (engine §4.3).
package warmbody
