package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma/store"
)

// Defaults of Config.
const (
	DefaultPort             = 3306
	DefaultReadConnections  = 8
	DefaultWriteConnections = 2
	DefaultQueue            = 1024
	DefaultTimeoutMillis    = 10_000
)

// Config says how to reach a database, in the documented shape of a
// databaseConfig (engine §9). Its Open method is a store.Opener. It decodes from
// a configuration file; a number that is zero or absent means its default.
type Config struct {
	// HostPortSchema is "host:3306/schema". Required. The port may be left out;
	// an IPv6 address stands in brackets.
	HostPortSchema string
	// Username and Password of the account, which needs SELECT, INSERT, UPDATE,
	// DELETE, CREATE, ALTER and INDEX on the schema. Password is a pragma.Secret
	// and never printed.
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

// Limits of Config, beyond which a number is a slip of the pen.
const (
	maxReadConnections  = 1000
	maxWriteConnections = 64
	maxQueue            = 1 << 20
	minTimeoutMillis    = 3000
	maxTimeoutMillis    = 600_000
)

// Validate reports everything that is wrong with c; each part is a
// conf.FieldError. It does not reach for the server.
func (c Config) Validate() error {
	var errs []error
	if _, err := c.target(); err != nil {
		errs = append(errs, conf.Fieldf("hostPortSchema", "%v", err))
	}
	if c.Username == "" {
		errs = append(errs, conf.Fieldf("username", "is empty"))
	}
	for _, n := range []struct {
		field      string
		value      int
		least, max int
	}{
		{"readConnections", c.ReadConnections, 1, maxReadConnections},
		{"writeConnections", c.WriteConnections, 1, maxWriteConnections},
		{"queue", c.Queue, 1, maxQueue},
		{"timeoutMillis", c.TimeoutMillis, minTimeoutMillis, maxTimeoutMillis},
	} {
		if n.value != 0 && (n.value < n.least || n.value > n.max) {
			errs = append(errs, conf.Fieldf(n.field, "is %d, want %d to %d", n.value, n.least, n.max))
		}
	}
	for _, name := range c.AllowUnsafe {
		if !slices.Contains(FindingNames(), name) {
			errs = append(errs, conf.Fieldf("allowUnsafe", "%q is no finding, want some of %s", name, strings.Join(FindingNames(), ", ")))
		}
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs = append(errs, conf.Fieldf("tls", "certFile and keyFile belong together"))
	}
	if !c.TLS.Enabled && c.TLS != (TLS{}) {
		errs = append(errs, conf.Fieldf("tls", "enabled is false, but other keys are set"))
	}
	return errors.Join(errs...)
}

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

// target is where a Config points to.
type target struct{ host, addr, schema string }

func (c Config) target() (target, error) {
	text := c.HostPortSchema
	if text == "" {
		return target{}, errors.New("is empty, want host:3306/schema")
	}
	if strings.Contains(text, "://") || strings.ContainsAny(text, "?@") {
		// Not quoted: a URL may contain a password.
		return target{}, errors.New("is a URL or has parameters, want only host:3306/schema")
	}
	hostPort, schema, _ := strings.Cut(text, "/")
	if schema == "" || len(schema) > 64 || strings.ContainsAny(schema, "/\\`'\"\x00") {
		return target{}, fmt.Errorf("is %q, which names no schema, want host:3306/schema", text)
	}
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil { // no port
		host, port = strings.TrimSuffix(strings.TrimPrefix(hostPort, "["), "]"), strconv.Itoa(DefaultPort)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return target{}, fmt.Errorf("is %q, want host:3306/schema with a port from 1 to 65535", text)
	}
	return target{host: host, addr: net.JoinHostPort(host, port), schema: schema}, nil
}

func (c Config) timeout() time.Duration {
	return time.Duration(orDefault(c.TimeoutMillis, DefaultTimeoutMillis)) * time.Millisecond
}

// tlsConfig returns nil for a connection without encryption.
func (c Config) tlsConfig(host string) (*tls.Config, error) {
	if !c.TLS.Enabled {
		return nil, nil
	}
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.TLS.ServerName != "" {
		cfg.ServerName = c.TLS.ServerName
	}
	if c.TLS.CAFile != "" {
		pem, err := os.ReadFile(c.TLS.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.caFile: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.caFile: %s holds no certificate", c.TLS.CAFile)
		}
	}
	if c.TLS.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls.certFile and tls.keyFile: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}
