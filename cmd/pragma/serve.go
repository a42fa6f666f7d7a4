package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// serve runs a backend until ctx ends.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var files []string
	fs := flags("serve")
	fs.Func("config", "a YAML `file` with configuration; give several to merge them in order", func(name string) error {
		files = append(files, name)
		return nil
	})
	db := fs.String("db", "pragma.db", "the database `file`, made if it is not there; empty keeps everything in memory. core.databaseConfig in a configuration file goes before it")
	alone := fs.Bool("no-game-servers", false, "games run without game servers; otherwise they wait for servers that ask for games")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	cfg, err := loadConfig(files)
	if err != nil {
		return err
	}
	srv := backend(cfg, opener(*db), slog.New(slog.NewTextHandler(stderr, nil)))
	if *alone {
		withoutGameServers(srv)
	}
	srv.Ready = func(a pragma.Addresses) { printAddresses(stdout, a) }
	return srv.Run(ctx)
}

// loadConfig reads the files; none means the documented defaults.
func loadConfig(files []string) (*pragma.Config, error) {
	if len(files) == 0 {
		return &pragma.Config{}, nil
	}
	return pragma.LoadConfig(files...)
}

func opener(db string) store.Opener {
	if db == "" {
		return store.Memory()
	}
	return sqlite.File(db)
}

func printAddresses(w io.Writer, a pragma.Addresses) {
	for _, g := range pragma.Gateways() {
		if a[g] != "" {
			fmt.Fprintf(w, "%-16s http://%s\n", g, a[g])
		}
	}
}
