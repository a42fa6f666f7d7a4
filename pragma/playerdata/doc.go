// Package playerdata answers clients that ask for player data: there is none.
//
// Player data, components that a studio defines per player (engine §7.5), is not
// built yet. Tools and clients that read it at log-in get an empty one, of version
// 0, and go on. All other calls of its service are answered as not offered.
//
//	Game: []pragma.Service{&playerdata.Service{}},
package playerdata
