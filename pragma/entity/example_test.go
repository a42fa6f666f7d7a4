package entity_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// guild is a studio's own entity: its state, and below what happens to it.
type guild struct {
	Name    string            `json:"name"`
	Members []pragma.PlayerID `json:"members"`
}

// GuildService is an ordinary service next to parties and matchmaking.
type GuildService struct{ guilds *entity.Kind[guild] }

func (s *GuildService) Name() string { return "GuildRpc" }

func (s *GuildService) Mount(m *pragma.Mount) error {
	s.guilds = entity.Of(m, "guild", entity.Options[guild]{})
	return nil
}

// Join adds a player, and founds the guild if there is none. A real service
// would call it from a handler that it registers with pragma.HandlePlayer.
func (s *GuildService) Join(ctx context.Context, name string, p pragma.PlayerID) error {
	return s.guilds.Upsert(ctx, name, func(tx *entity.Tx, g *guild) error {
		if slices.Contains(g.Members, p) {
			return errors.New("already a member")
		}
		g.Name = name
		g.Members = append(g.Members, p)
		return nil
	})
}

// Example_guild is a studio's own durable entity, in a server that keeps
// everything in memory.
func Example_guild() {
	ctx, stop := context.WithCancel(context.Background())
	guilds := &GuildService{}
	srv := &pragma.Server{
		Game:   []pragma.Service{guilds},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
		Ready: func(pragma.Addresses) {
			defer stop()
			for _, player := range []byte{1, 2, 1} {
				if err := guilds.Join(ctx, "night shift", pragma.PlayerID{player}); err != nil {
					fmt.Println("refused:", err)
				}
			}
			g, err := guilds.guilds.Read(ctx, "night shift")
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(g.Name, "has", len(g.Members), "members")
		},
	}
	if err := srv.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// refused: already a member
	// night shift has 2 members
}
