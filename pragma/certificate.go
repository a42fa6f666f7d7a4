package pragma

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// certificateInterval is how often the files of certificates are looked at.
const certificateInterval = 5 * time.Second

// certificate is what a gateway with TLS shows, and where it comes from.
type certificate struct {
	gateway Gateway
	files   tlsConfig
	tried   [2][]byte // the contents that load has seen last
	current atomic.Pointer[tls.Certificate]
}

// loadCertificates loads those of a backend's gateways.
func (c *core) loadCertificates(b Backend) error {
	var problems []error
	for _, id := range Gateways() {
		config := c.gates.Load().at(id)
		if id.Backend != b || !config.Enabled || config.TLS.CertFile == "" {
			continue
		}
		cert := &certificate{gateway: id, files: config.TLS}
		if _, err := cert.load(); err != nil {
			problems = append(problems, fmt.Errorf("gateway %s: %w", id, err))
			continue
		}
		c.warnOfAge(cert)
		if c.certificates == nil {
			c.certificates = make(map[Gateway]*certificate)
		}
		c.certificates[id] = cert
	}
	return errors.Join(problems...)
}

// get is for [tls.Config].
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// load reads the files and, if they have changed, uses them. After an error the
// last certificate stays; each content is reported once.
func (c *certificate) load() (changed bool, err error) {
	cert, err := os.ReadFile(c.files.CertFile)
	if err != nil {
		return false, fmt.Errorf("certificate: %w", err)
	}
	key, err := os.ReadFile(c.files.KeyFile)
	if err != nil {
		return false, fmt.Errorf("key of the certificate: %w", err)
	}
	if bytes.Equal(cert, c.tried[0]) && bytes.Equal(key, c.tried[1]) {
		return false, nil
	}
	c.tried = [2][]byte{cert, key}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("certificate %s with key %s: %w", c.files.CertFile, c.files.KeyFile, err)
	}
	c.current.Store(&pair)
	return true, nil
}

// watchCertificates takes over new certificates until ctx ends.
func (c *core) watchCertificates(ctx context.Context) {
	if len(c.certificates) == 0 {
		return
	}
	tick := time.NewTicker(certificateInterval)
	defer tick.Stop()
	missing := make(map[*certificate]string) // what was said of files that cannot be read
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, cert := range c.certificates {
			changed, err := cert.load()
			switch {
			case err != nil && err.Error() != missing[cert]:
				missing[cert] = err.Error()
				c.log.Error("certificate not reloaded; the last good one stays", "gateway", cert.gateway.String(), "err", err)
			case err == nil && changed:
				delete(missing, cert)
				c.log.Info("certificate reloaded", "gateway", cert.gateway.String(), "until", cert.current.Load().Leaf.NotAfter)
				c.warnOfAge(cert)
			}
		}
	}
}

// warnOfAge says so when clients will not believe a certificate.
func (c *core) warnOfAge(cert *certificate) {
	if until := cert.current.Load().Leaf.NotAfter; time.Now().After(until) {
		c.log.Warn("the certificate of a gateway is over", "gateway", cert.gateway.String(), "until", until)
	}
}
