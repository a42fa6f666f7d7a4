// Package simulate lets time pass in a matchmaking queue without a server, to see
// how long players wait and what games they get.
//
// [Run] takes a plugin and arrivals, and returns a [Report]:
//
//	people := simulate.DefaultPopulation()
//	arrivals := people.Arrivals(1, time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC))
//	report, err := simulate.Run(ctx, simulate.Options{Pool: &arenas{}}, arrivals)
//	err = simulate.WriteText(os.Stdout, report)
//
// It works for a matchmaking.PoolPlugin, such as plugins/rules or a studio's own,
// and for a matchmaking.Plugin. The plugin is called by the code of the service
// (matchmaking.Sandbox): what the framework would refuse is refused here, and
// counted as a fault. "pragma matchmaking simulate" does the same for
// plugins/rules from the command line, with several rules side by side.
//
// # Who comes
//
// Arrivals are parties with the time at which they enter. A [Population] makes
// them up: so many players an hour, with sizes, ratings, zones, pings and roles.
// A [Dump] has those who waited in a queue of a running server, or an [Arrival] is
// written by hand. The same arrivals can be used for several runs, which then
// differ by the plugin only.
//
// # Virtual time
//
// A pass for those who are new is made whenever somebody enters, and a full pass
// matchmakingDelayMillis after the one before, as in a service. Passes and commits
// take no time. Between them the clock jumps, so hours take as long as the passes
// in them. No clock is read and no goroutine is started: a plugin that only
// computes gives the same report, to the byte, for the same arrivals. Made-up
// arrivals are the same for the same seed.
//
// # What it does not know
//
// All commits succeed: nobody else takes a party, and no game refuses one. A game
// that players join waits on as the studio's code left it, except for its new
// players, whose ExtMatchmakingGamePlayer is their ExtMatchmakingPlayer. A new game
// waits for more players if the plugin puts it into the same queue; into others it
// does not go. Players do not come back after a game.
package simulate
