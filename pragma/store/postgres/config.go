package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// Defaults of Config.
const (
	DefaultPort             = 5432
	DefaultReadConnections  = sqlstore.DefaultReadConnections
	DefaultWriteConnections = 8 // the server writes its log once for several (ADR 15)
	DefaultQueue            = sqlstore.DefaultQueue
	DefaultTimeoutMillis    = sqlstore.DefaultTimeoutMillis
)

// Config says how to reach a database, in the documented shape of a
// databaseConfig (engine §9). Its Open method is a store.Opener. It decodes from
// a configuration file; a number that is zero or absent means its default.
// Settings that other programs take from the environment, such as PGHOST, have
// no say.
type Config struct {
	// HostPortSchema is "host:5432/database". Required. The port may be left
	// out; an IPv6 address stands in brackets. Tables are made in the first
	// schema of the account's search path, which is public unless changed.
	HostPortSchema string
	// Username and Password of the account, which needs CONNECT on the database
	// and CREATE and USAGE on the schema. Password is a pragma.Secret and never
	// printed.
	Username string
	Password conf.Secret
	// TLS encrypts the connections.
	TLS TLS
	// ReadConnections is the number of reads that run at once; more of them
	// wait for their turn. At most 1000.
	ReadConnections int
	// WriteConnections is the number of transactions that run at once. Each
	// takes up to 64 waiting batches. At most 64.
	WriteConnections int
	// Queue is the number of batches that wait for a writer; further callers of
	// Commit wait until there is room or their context ends.
	Queue int
	// TimeoutMillis is how long one answer of the server may take. It is never
	// below the 2 seconds that a statement may wait for a lock. At most 10
	// minutes.
	TimeoutMillis int
	// AllowUnsafe names findings of the start-up probe that are accepted, such
	// as "durability"; see Finding.Name.
	AllowUnsafe []string
}

// TLS says how connections are encrypted. The zero value does not encrypt.
type TLS struct {
	// Enabled demands an encrypted connection and a certificate that is valid
	// for the host. There is no falling back.
	Enabled bool
	// CAFile holds the certificates to trust, as PEM. Empty: those of the system.
	CAFile string
	// CertFile and KeyFile are the client's own certificate, if the account
	// demands one.
	CertFile string
	KeyFile  string
	// ServerName is the name in the server's certificate. Empty: the host.
	ServerName string
}

// Validate reports everything that is wrong with c; each part is a
// conf.FieldError. It does not reach for the server.
func (c Config) Validate() error { return c.common().Validate() }

// Open connects, probes the server, migrates the schema and returns the store.
// It implements store.Opener.
func (c Config) Open(ctx context.Context) (store.Driver, error) {
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("database configuration: %w", err)
	}
	d, err := c.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", c.HostPortSchema, err)
	}
	return d, nil
}

// common is what all drivers check.
func (c Config) common() sqlstore.Config {
	return sqlstore.Config{
		HostPortSchema: c.HostPortSchema, DefaultPort: DefaultPort, MaxSchema: 63, Username: c.Username,
		ReadConnections: c.ReadConnections, WriteConnections: c.WriteConnections, Queue: c.Queue, TimeoutMillis: c.TimeoutMillis,
		AllowUnsafe: c.AllowUnsafe, Findings: FindingNames(), TLS: sqlstore.TLS(c.TLS),
	}
}

func (c Config) timeout() time.Duration {
	return time.Duration(sqlstore.OrDefault(c.TimeoutMillis, DefaultTimeoutMillis)) * time.Millisecond
}
