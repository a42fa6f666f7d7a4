package mysql

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/internal/migration"
	"github.com/openpragma/engine/pragma/store"
)

var _ store.Inspector = Config{}

// OpenReadOnly implements store.Inspector. It does not probe the server's settings,
// which matter to those who write; a replica may be read as well.
func (c Config) OpenReadOnly(ctx context.Context) (store.Driver, error) {
	missing, err := c.Pending(ctx)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("open database %s for reading: the schema lacks %s: migrate it first", c.HostPortSchema, missing[0])
	}
	k, err := newConnector(c)
	if err != nil {
		return nil, err
	}
	k.allowReadOnly = true
	return c.reading(k), nil
}

// Pending implements store.Inspector.
func (c Config) Pending(ctx context.Context) ([]string, error) {
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("database configuration: %w", err)
	}
	names, err := c.pending(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the schema of database %s: %w", c.HostPortSchema, err)
	}
	return names, nil
}

func (c Config) pending(ctx context.Context) (names []string, err error) {
	all, err := migration.Load(migrationFiles)
	if err != nil {
		return nil, err
	}
	k, err := newConnector(c)
	if err != nil {
		return nil, err
	}
	k.allowReadOnly = true
	conn, err := k.open(ctx)
	if err != nil {
		return nil, connectError(k, err)
	}
	defer conn.Close()
	missing, err := missingSteps(ctx, conn, all)
	for _, m := range missing {
		names = append(names, m.Name)
	}
	return names, err
}

// Probe implements store.Inspector: it returns the findings of Open that
// AllowUnsafe does not accept.
func (c Config) Probe(ctx context.Context) ([]string, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("database configuration: %w", err)
	}
	k, err := newConnector(c)
	if err != nil {
		return nil, err
	}
	conn, found, err := probe(ctx, k, c.AllowUnsafe)
	if err != nil {
		return nil, fmt.Errorf("probe database %s: %w", c.HostPortSchema, err)
	}
	conn.Close()
	var lines []string
	for _, f := range found {
		lines = append(lines, f.String())
	}
	return lines, nil
}
