package main

import "github.com/openpragma/engine/pragma"

// The messages of this game. The backend carries them without looking inside;
// only the plugins, the game server and the clients of the game know them.

// lobbyRequest is what a leader asks of the lobby plugin.
type lobbyRequest struct {
	Mode string `json:"mode"`
}

// lobbyView is what every member sees of the party.
type lobbyView struct {
	Mode string `json:"mode"`
}

// queueKey decides who waits in the same queue.
type queueKey struct {
	Mode string `json:"mode"`
}

// score is a public entry of the arena's data store.
type score struct {
	Round int `json:"round"`
	Red   int `json:"red"`
	Blue  int `json:"blue"`
}

// plan is an entry that only one team sees.
type plan struct {
	Text string `json:"text"`
}

// secret is a hidden entry: only the backend and the game server know it.
type secret struct {
	Seed uint64 `json:"seed"`
}

// custom is the entry of a game that a player has made.
type custom struct {
	Host pragma.PlayerID `json:"host"`
}

// gameStart is what the game server gets when it takes over the game.
type gameStart struct {
	Seed   uint64 `json:"seed"`
	Rounds int    `json:"rounds"`
}

// serverInfo is what a player's client is told of the game server besides its
// address.
type serverInfo struct {
	PID int `json:"pid"`
}

// kicked is what a player is told whom the game server has removed.
type kicked struct {
	Reason string `json:"reason"`
}

// roundPlayed is what the game server reports after each round. Its number makes
// the report safe to repeat.
type roundPlayed struct {
	Round  int `json:"round"`  // from 1
	Winner int `json:"winner"` // team
}

// playerResult is what the game server reports of each player at the end.
type playerResult struct {
	Hits int `json:"hits"`
}

// gameResult is what each player gets at the end.
type gameResult struct {
	Won   bool  `json:"won"`
	Hits  int   `json:"hits"`
	Score score `json:"score"`
}

// The teams, as the matchmaking plugin numbers them.
const (
	red  = 0
	blue = 1
)

func teamName(team int) string {
	if team == red {
		return "red"
	}
	return "blue"
}
