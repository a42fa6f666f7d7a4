package sqlite

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma/store"
)

// Product lets configuration choose a database of this package (engine §9.2):
//
//	databaseConfig: {driver: SQLITE, hostPortSchema: /var/lib/skirmish/skirmish.db}
//
// Further keys are readConnections ([Options].Readers) and queue. A relative path
// is relative to the working directory.
func Product() store.Product {
	return store.Product{Name: "SQLITE", New: func() store.Database { return &config{} }}
}

// config is a databaseConfig.
type config struct {
	HostPortSchema  string // the path of the file
	ReadConnections int
	Queue           int
	// Username and Password are keys of the other products, see Validate.
	Username string
	Password conf.Secret
}

// Limits of config, beyond which a number is a slip of the pen.
const (
	maxReaders = 1000
	maxQueue   = 1 << 20
)

// Validate implements conf.Validator.
func (c config) Validate() error {
	var errs []error
	if c.HostPortSchema == "" {
		errs = append(errs, conf.Fieldf("hostPortSchema", "is empty, want the path of the database file"))
	}
	if c.Username != "" {
		errs = append(errs, conf.Fieldf("username", "a database file has none: remove it, or set it to null"))
	}
	if c.Password != "" {
		errs = append(errs, conf.Fieldf("password", "a database file has none: remove it, or set it to null"))
	}
	if n := c.ReadConnections; n < 0 || n > maxReaders {
		errs = append(errs, conf.Fieldf("readConnections", "is %d, want 1 to %d", n, maxReaders))
	}
	if n := c.Queue; n < 0 || n > maxQueue {
		errs = append(errs, conf.Fieldf("queue", "is %d, want 1 to %d", n, maxQueue))
	}
	return errors.Join(errs...)
}

// Place implements store.Database.
func (c config) Place() string {
	path, err := resolvePath(c.HostPortSchema)
	if err != nil { // Open says so
		if path, err = filepath.Abs(c.HostPortSchema); err != nil {
			path = filepath.Clean(c.HostPortSchema)
		}
	}
	return "SQLITE " + path
}

// Open implements store.Database.
func (c config) Open(ctx context.Context) (store.Driver, error) {
	return c.options().Open(ctx)
}

// OpenReadOnly implements store.Inspector.
func (c config) OpenReadOnly(ctx context.Context) (store.Driver, error) {
	return c.options().OpenReadOnly(ctx)
}

// Pending implements store.Inspector.
func (c config) Pending(ctx context.Context) ([]string, error) { return c.options().Pending(ctx) }

// Probe implements store.Inspector.
func (c config) Probe(ctx context.Context) ([]string, error) { return c.options().Probe(ctx) }

// Backup is [Options.Backup].
func (c config) Backup(ctx context.Context, to string) error { return c.options().Backup(ctx, to) }

func (c config) options() Options {
	return Options{Path: c.HostPortSchema, Readers: c.ReadConnections, Queue: c.Queue}
}
