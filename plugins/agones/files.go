package agones

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/outbound"
)

// fileInterval is how often the files of the certificates are looked at.
const fileInterval = 2 * time.Second

// allocator is how the allocator of one configuration is reached.
type allocator struct {
	cfg Config

	mu     sync.Mutex
	looked time.Time
	seen   [][]byte // the contents that were tried last
	failed string   // what was said of files that cannot be read
	client *http.Client
}

// connect reads the files of a configuration.
func connect(cfg *Config) (*allocator, error) {
	a := &allocator{cfg: *cfg, looked: time.Now()}
	if _, err := a.load(); err != nil {
		return nil, err
	}
	return a, nil
}

// http returns the client, over new connections if the files have changed.
func (a *allocator) http(log *slog.Logger) *http.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.looked) < fileInterval {
		return a.client
	}
	a.looked = time.Now()
	switch changed, err := a.load(); {
	case err != nil && err.Error() != a.failed:
		a.failed = err.Error()
		log.Error("certificates for the allocator not reloaded; the last good ones stay", "err", err)
	case err == nil && changed:
		a.failed = ""
		log.Info("certificates for the allocator reloaded")
	}
	return a.client
}

// lookAgain has the next attempt look at the files: after a failure, they may be
// the reason.
func (a *allocator) lookAgain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looked = time.Time{}
}

// load reads the files. Each content is tried once.
func (a *allocator) load() (changed bool, err error) {
	var seen [][]byte
	for _, name := range []string{a.cfg.CertFile, a.cfg.KeyFile, a.cfg.CAFile} {
		var text []byte
		if name != "" {
			if text, err = os.ReadFile(name); err != nil {
				return false, fmt.Errorf("agones: certificates: %w", err)
			}
		}
		seen = append(seen, text)
	}
	if slices.EqualFunc(seen, a.seen, bytes.Equal) {
		return false, nil
	}
	a.seen = seen
	settings, err := a.tls(seen[0], seen[1], seen[2])
	if err != nil {
		return false, err
	}
	if a.client != nil {
		a.client.CloseIdleConnections()
	}
	a.client = outbound.NewTLSClient(settings)
	return true, nil
}

func (a *allocator) tls(cert, key, authorities []byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("agones: certificate %s with key %s: %w", a.cfg.CertFile, a.cfg.KeyFile, err)
	}
	settings := &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: a.cfg.ServerName,
		// Shown always: allocators need not name the authorities they believe.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
	}
	if a.cfg.CAFile != "" {
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, errors.New("agones: no certificate in " + a.cfg.CAFile)
		}
	}
	return settings, nil
}

// close gives connections back that nobody uses.
func (a *allocator) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.client.CloseIdleConnections()
}
