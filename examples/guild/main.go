// Command guild is a studio's own services beside the engine's: guilds on the
// game backend, with calls for players, game servers and operators, and news on
// the social one. It starts the backend, uses every call once and ends.
// Its arguments are YAML files with configuration, such as a database.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

func newServer() *pragma.Server {
	return &pragma.Server{
		Databases: []store.Product{sqlite.Product(), mysql.Product(), postgres.Product()},
		Social:    []pragma.Service{&account.Service{}, &news{}},
		Game:      []pragma.Service{&guilds{}},
	}
}

func main() {
	if err := demo(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "guild:", err)
		os.Exit(1)
	}
}

// demo runs the backend on free ports for as long as the visit takes.
func demo(ctx context.Context, files []string, out io.Writer) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	srv := newServer()
	if srv.Config, err = pragma.LoadConfig(files...); err != nil {
		return err
	}
	srv.Logger = slog.New(slog.DiscardHandler)
	srv.Listen = func(context.Context, pragma.Gateway, string) (net.Listener, error) {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	visited := make(chan error, 1)
	srv.Ready = func(a pragma.Addresses) {
		go func() {
			visited <- visit(ctx, a, out)
			stop()
		}()
	}
	if err := srv.Run(ctx); err != nil {
		return err
	}
	return <-visited
}

// gateways are where clients of one kind go.
func gateways(a pragma.Addresses, t pragma.SessionType) client.Options {
	return client.Options{Social: a[pragma.Gateway{Backend: pragma.Social, Type: t}], Game: a[pragma.Gateway{Backend: pragma.Game, Type: t}]}
}

// visit uses the services as their clients would.
func visit(ctx context.Context, a pragma.Addresses, out io.Writer) error {
	players := gateways(a, pragma.Player)
	robin, err := client.LogIn(ctx, players, client.Unsafe("robin", "robin"))
	if err != nil {
		return err
	}
	defer robin.Close()
	marian, err := client.LogIn(ctx, players, client.Unsafe("marian", "marian"))
	if err != nil {
		return err
	}
	defer marian.Close()

	heard := make(chan int64, 8)
	stop := client.OnNotification(robin, pragma.Game, "GuildRpc.ChangedV1Notification", func(n *ChangedNotification) {
		heard <- int64(n.Guild.Points)
	})
	defer stop()
	made, err := client.Call[GuildResponse](ctx, robin.GameConn(), "GuildRpc.CreateV1", &CreateRequest{Name: "Outlaws"})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "robin founded %s\n", made.Guild.Name)
	if _, err := client.Call[GuildResponse](ctx, marian.GameConn(), "GuildRpc.CreateV1", &CreateRequest{Name: "Outlaws"}); errors.Is(err, errTaken) {
		fmt.Fprintln(out, "marian cannot have the name a second time")
	}
	joined, err := client.Call[GuildResponse](ctx, marian.GameConn(), "GuildRpc.JoinV1", &JoinRequest{Name: "Outlaws"})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "marian joined, the guild has %d members\n", len(joined.Guild.Members))
	<-heard // of marian
	return administer(ctx, a, robin, heard, out)
}

// administer uses the services as an operator and as a game server.
func administer(ctx context.Context, a pragma.Addresses, robin *client.Player, heard <-chan int64, out io.Writer) error {
	operator, err := client.NewOperator(ctx, client.OperatorOptions{Options: gateways(a, pragma.Operator)}, client.Unsafe("test01", "operator"))
	if err != nil {
		return err
	}
	defer operator.Close()
	if _, err := client.Call[ReadResponse](ctx, operator.Social(), "NewsRpc.WriteOperatorV1", &WriteRequest{Text: "double points tonight"}); err != nil {
		return err
	}
	news, err := client.Call[ReadResponse](ctx, robin.SocialConn(), "NewsRpc.ReadV1", nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the news: %s\n", news.Text)

	_, tokens, err := operator.CreatePartnerToken(ctx, client.PartnerTokens{Name: "arena"})
	if err != nil {
		return err
	}
	server, err := client.NewGameServer(ctx, client.GameServerOptions{Options: gateways(a, pragma.Partner), Tokens: tokens})
	if err != nil {
		return err
	}
	defer server.Close()
	if _, err := client.Call[GuildResponse](ctx, server.GameConn(), "GuildRpc.AddPointsPartnerV1", &AddPointsRequest{Name: "Outlaws", Points: 20}); err != nil {
		return err
	}
	fmt.Fprintf(out, "robin hears that the guild has %d points\n", <-heard)
	list, err := client.Call[ListResponse](ctx, operator.Game(), "GuildRpc.ListOperatorV1", nil)
	if err != nil {
		return err
	}
	for _, g := range list.Guilds {
		fmt.Fprintf(out, "the operator sees %s: %d members, %d points\n", g.Name, len(g.Members), g.Points)
	}
	return nil
}
