// Package localprocess starts a game server as a process on this machine.
//
// It is a gameinstance.ProviderPlugin for development, tests and small games:
//
//	games := &gameinstance.Service{
//		Provider: &localprocess.Plugin{Command: "./gameserver"},
//	}
//
// Each allocation gets a process of its own, which is told by environment
// variables and, in the form that existing game servers know, by command-line
// options what to do (engine §6.2, §6.4):
//
//	PRAGMA_GAME_INSTANCE_ID        the instance to link
//	PRAGMA_PARTNER_BACKEND_ADDRESS where the partner gateway is, as host:port
//	PRAGMA_PARTNER_GAME_TOKEN      the token for the game backend
//	PRAGMA_PARTNER_SOCIAL_TOKEN    the token for the social backend
//
//	-PragmaPartnerBackendAddress=…
//	-PragmaPartnerSessionGameAuthToken=…
//	-PragmaPartnerSessionSocialAuthToken=…
//
// What a process prints goes to the log of the server, line by line, without the
// tokens and not faster than a person could want to read.
//
// A [Fleet] starts processes for a fleet.Service: they ask for games, and play many,
// one after the other or several at a time.
//
// # How a process ends
//
// A process whose game has ended has endGraceMillis to end by itself. When that is
// over, when nobody wants it any more for another reason, and when the server
// stops, it is interrupted (SIGINT), and killed when it takes longer than
// stopGraceMillis. On Unix that goes for what the process has started, too: they
// are one process group, of which nothing is left when the game server has ended.
//
// Nobody tells a [Fleet] that a server is not wanted any more: its processes end
// when the server stops, or by themselves. One that did not report in time, or that
// has stopped to report for an hour, is refused from then on, and should end.
//
// # When the server is killed
//
// On Unix a process outlives a server that is killed, without hearing of it: it may
// connect to the next one with the token that it has, and finish its game. What it
// prints then is dropped. The next server does not know the process; so after
// orphanGraceMillis, 10 minutes unless that is configured, it is interrupted, and
// then killed, by a small shell process that runs beside each game server. A game
// that lasts longer than that after a kill is lost. All that goes for the processes
// of a [Fleet] as well: the next server knows them by their reports, and gives them
// games, until their time is over and new ones are started. Elsewhere a process
// without its server goes on until it ends by itself: it should when it is refused.
//
// On Unix the package needs /bin/sh, and environment variables have names that a
// shell can have.
//
// The configuration of the slot GameInstanceService.gameServerProviderPlugin
// overrides the fields of the [Plugin], that of FleetService.fleetPlugin those of
// the [Fleet]:
//
//	game:
//	  pluginConfigs:
//	    GameInstanceService.gameServerProviderPlugin:
//	      config:
//	        command: ./gameserver
//	        args: ["-map", "harbor"]
//	        env: {LOG_LEVEL: debug}
//	        workingDirectory: /opt/game
//	        maxProcesses: 16
//	        stopGraceMillis: 5000
//	        endGraceMillis: 60000
//	        orphanGraceMillis: 600000
package localprocess
