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
// tokens and not faster than a person could want to read. When the server stops,
// it interrupts its processes, and kills those that take too long to end.
//
// A [Fleet] starts processes that ask for games and run many, one after the other
// or at a time, for a fleet.Service.
//
// A process outlives a server that is killed, and may finish its game with the
// next one. Then nobody reads what it prints: on Unix it has to ignore SIGPIPE,
// as with signal.Ignore(syscall.SIGPIPE), or it ends with its next line.
//
// The configuration of the slot GameInstanceService.gameServerProviderPlugin
// overrides the fields of the [Plugin]:
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
package localprocess
