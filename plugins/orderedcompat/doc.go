// Package orderedcompat chooses the game server version of a party: the highest
// that the clients of all members support.
//
//	parties := &party.Service{Compatibility: &orderedcompat.Plugin{}}
//
// The map is in the configuration, by priority; the greatest key that fits all
// members wins. A client version may be served by several server versions:
//
//	game:
//	  pluginConfigs:
//	    PartyService.gameServerCompatibilityPlugin:
//	      config:
//	        versionCompatibility:
//	          "1": {serverVersion: "server-1.0", clientVersions: {"1": "1.0.0", "2": "1.0.1"}}
//	          "2": {serverVersion: "server-1.1", clientVersions: {"1": "1.0.1", "2": "1.1.0"}}
//
// It may change while the server runs. A map that cannot be meant, or none at all,
// stops the start; later it is logged and the last good one stays. Parties whose
// server version disappears get another one, or are told that none fits, and
// leave matchmaking (engine §3.3). PartyRpc.CheckGameServerVersionsOperatorV1 and
// [party.Service.Stranded] say beforehand which parties that would be.
package orderedcompat
