package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma"
)

// configCheck mounts everything that serve mounts with the given files, opens
// nothing, and prints every mistake it finds.
func configCheck(ctx context.Context, args []string, stdout, _ io.Writer) error {
	fs := flags("config check")
	if err := parse(fs, args, "file.yml…", stdout); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return usageError{"pragma config check: name the files, in the order in which they are merged"}
	}
	found := findings(checkFiles(fs.Args()))
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, line := range found {
		fmt.Fprintln(stdout, line)
	}
	if len(found) > 0 {
		return fmt.Errorf("findings in the configuration: %d", len(found))
	}
	fmt.Fprintln(stdout, "ok")
	return nil
}

// checkFiles checks the server that serve would run with the files.
func checkFiles(files []string) error {
	cfg, err := pragma.LoadConfig(files...)
	if err != nil {
		return err
	}
	return backend(cfg, nil, slog.New(slog.DiscardHandler)).Check()
}

// findings returns the lines of a report: mistakes with a place first, in the
// order of files and lines.
func findings(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(conf.Join(err).Error(), "\n")
}
