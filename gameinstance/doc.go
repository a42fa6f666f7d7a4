// Package gameinstance runs games: who is in them, what players see, which server.
//
// A [Service] keeps game instances. What they do, a studio's [Plugin] decides;
// where their game servers come from, a [ProviderPlugin]:
//
//	games := &gameinstance.Service{
//		Plugin:   arena{},
//		Provider: &localprocess.Plugin{Command: "./gameserver"},
//		Parties:  parties,
//	}
//
// # Life of an instance
//
//	created by matchmaking, a player, a game server or the studio's code
//	   │
//	CREATED ──AllocateGameServer──► ALLOCATING ──a server links──► LINKED
//	   │ ▲                              │                            │ ConnectPlayers
//	   │ └── unlinked, or a failure ────┴──── that a hook survives ──┤
//	   │                                                             ▼
//	   │                                                          RUNNING
//	   └────────► ENDED (End) · TERMINATED (Terminate, failures) · EXPIRED (unused)
//
// A game needs no server: players may change data through the plugin, and the
// plugin may end the game, in any state. An instance does not end when its last
// player leaves.
//
// # Hooks
//
// A hook gets an [Instance], a working copy. It adds and removes players, asks
// for a server, ends the game, changes data; when it returns nil, everything is
// one commit, and then players and server are told. With an error nothing has
// happened:
//
//	func (arena) HandlePlayerJoinRequest(ctx context.Context, r *gameinstance.PlayerJoinRequest) error {
//		if r.GameInstance.PlayerCount() == 8 {
//			return gameinstance.ErrPlayerJoinFailed
//		}
//		p, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
//		if err != nil {
//			return err
//		}
//		return score.Set(p.Data(), Score{})
//	}
//
// # Data
//
// The instance and each player have a [DataStore]. Every entry says who sees it:
// nobody ([Hidden]), one [Player], a [Party], a [Team], or all ([Public]). After a
// commit each client gets one notification with exactly what has changed for it,
// a withdrawn visibility as a removal. What a player may not see does not leave
// the server.
//
// # More players
//
// An instance may wait in matchmaking for more players, in any of its states,
// until it is over: its server enters it, or [Service.EnterMatchmaking], or the
// match that made it. A [MatchmakingPlugin] says in which queue, and what
// matchmaking knows of the instance; that is built again in every commit that
// changes data or players. Players of a match are added by
// [Plugin.HandleBackendAddPlayersRequest]; the linked server is told as of all
// who come later.
//
// # After the game
//
// [Service].Jobs run after every game, whichever way it ended: they send results,
// give rewards, keep statistics. What they have to do is written in the commit
// that ends the game, so nothing is lost; a job that fails is tried again for a
// day and then waits for somebody who looks at [Service.DeadJobs]:
//
//	games.Jobs = []gameinstance.Job{
//		{Name: "rewards", Run: rewards},
//		{Name: "results", Run: ladder, After: []string{"rewards"}},
//	}
//
// # Guarantees
//
// A player is in one instance, unless the configuration allows several, and not
// in matchmaking at the same time: that is decided in the commit, whatever races
// with what. A server is allocated at least once and linked at most once. Of every
// allocation that nobody wants any more the provider is told, and so are servers
// that were started for it, now or when they connect; an hour after a server's last
// game its tokens are revoked. What is revoked is remembered as long as a partner
// token lives, see partnerExpirationHours of TokenConfig.
// Timers survive a restart; after one, servers get some time to call again before
// they count as gone. The end of a game may be reported again for an hour.
package gameinstance
