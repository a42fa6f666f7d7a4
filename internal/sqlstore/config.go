package sqlstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/openpragma/engine/internal/conf"
)

// Defaults of the numbers that every driver has.
const (
	DefaultReadConnections  = 8
	DefaultWriteConnections = 2
	DefaultQueue            = 1024
	DefaultTimeoutMillis    = 10_000
)

// Limits of those numbers, beyond which one is a slip of the pen. A statement may
// wait 2 seconds for a lock, so that an answer gets more.
const (
	maxReadConnections  = 1000
	maxWriteConnections = 64
	maxQueue            = 1 << 20
	minTimeoutMillis    = 3000
	maxTimeoutMillis    = 600_000
)

// LockWaitSeconds is how long one statement waits for a row that somebody else
// has locked.
const LockWaitSeconds = 2

// Config is what the configurations of all drivers have in common.
type Config struct {
	HostPortSchema   string
	DefaultPort      int
	MaxSchema        int // bytes of a schema's name
	Username         string
	ReadConnections  int
	WriteConnections int
	Queue            int
	TimeoutMillis    int
	AllowUnsafe      []string
	Findings         []string // what AllowUnsafe may name
	TLS              TLS
}

// Validate reports everything that is wrong with c; each part is a
// conf.FieldError.
func (c Config) Validate() error {
	var errs []error
	if _, err := c.Target(); err != nil {
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
		if !slices.Contains(c.Findings, name) {
			errs = append(errs, conf.Fieldf("allowUnsafe", "%q is no finding, want some of %s", name, strings.Join(c.Findings, ", ")))
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

// Target is where a configuration points to.
type Target struct {
	Host   string
	Port   uint16
	Schema string
}

// Addr returns host and port.
func (t Target) Addr() string { return net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port))) }

// Target takes HostPortSchema apart.
func (c Config) Target() (Target, error) {
	text := c.HostPortSchema
	shape := fmt.Sprintf("host:%d/schema", c.DefaultPort)
	if text == "" {
		return Target{}, fmt.Errorf("is empty, want %s", shape)
	}
	if strings.Contains(text, "://") || strings.ContainsAny(text, "?@") {
		// Not quoted: a URL may contain a password.
		return Target{}, fmt.Errorf("is a URL or has parameters, want only %s", shape)
	}
	hostPort, schema, _ := strings.Cut(text, "/")
	if schema == "" || len(schema) > c.MaxSchema || strings.ContainsAny(schema, "/\\`'\"\x00") {
		return Target{}, fmt.Errorf("is %q, which names no schema, want %s", text, shape)
	}
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil { // no port
		host, port = strings.TrimSuffix(strings.TrimPrefix(hostPort, "["), "]"), strconv.Itoa(c.DefaultPort)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" {
		return Target{}, fmt.Errorf("is %q, want %s with a port from 1 to 65535", text, shape)
	}
	return Target{Host: host, Port: uint16(n), Schema: schema}, nil
}

// TLS says how connections are encrypted.
type TLS struct {
	Enabled    bool
	CAFile     string
	CertFile   string
	KeyFile    string
	ServerName string
}

// Config returns nil for a connection without encryption.
func (t TLS) Config(host string) (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if t.ServerName != "" {
		cfg.ServerName = t.ServerName
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.caFile: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.caFile: %s holds no certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls.certFile and tls.keyFile: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// OrDefault returns def for a number that is not set.
func OrDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}
