package pragmatest

import (
	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

// LogIn logs a player in with the UNSAFE provider and connects both sockets. The
// name is both account and display name. Run closes the player after the test.
func (w *World) LogIn(name string) *client.Player {
	w.T.Helper()
	p, err := client.LogIn(w.T.Context(), w.Options(pragma.Player), client.Unsafe(name, name))
	if err != nil {
		w.fatal("log in %s: %v", name, err)
	}
	w.close = append(w.close, p.Close)
	return p
}

// GameServer connects a game server with partner tokens of its own. Run closes
// it after the test.
func (w *World) GameServer() *client.GameServer {
	w.T.Helper()
	game, social := w.PartnerTokens()
	s, err := client.NewGameServer(w.T.Context(), client.GameServerOptions{
		Options: w.Options(pragma.Partner),
		Tokens:  client.Tokens{Game: game, Social: social},
	})
	if err != nil {
		w.fatal("connect game server: %v", err)
	}
	w.close = append(w.close, s.Close)
	return s
}

// Options are the client options for one kind of client of this server, for
// tests that want to change some of them.
func (w *World) Options(t pragma.SessionType) client.Options {
	w.T.Helper()
	return client.Options{
		Game:   w.Address(pragma.Gateway{Backend: pragma.Game, Type: t}),
		Social: w.Address(pragma.Gateway{Backend: pragma.Social, Type: t}),
		Dial:   w.network.dial,
	}
}
