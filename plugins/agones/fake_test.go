package agones_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/agones"
	"github.com/openpragma/engine/pragma"
)

// authority signs certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, key := a.sign(template, time.Hour)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, a.key = cert, key
	return a
}

// sign makes a certificate that ends after some time; before the authority has one
// itself, its own.
func (a *authority) sign(template *x509.Certificate, valid time.Duration) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	template.SerialNumber, template.Subject = serial, pkix.Name{CommonName: "test " + serial.String()}
	template.NotBefore, template.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(valid)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

func (a *authority) server() tls.Certificate {
	der, key := a.sign(&x509.Certificate{
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"allocator.test"},
	}, time.Hour)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// client writes a client certificate and its key to a folder.
func (a *authority) client(dir string, valid time.Duration) {
	a.t.Helper()
	der, key := a.sign(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, valid)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(filepath.Join(dir, "tls.crt"), "CERTIFICATE", der)
	a.write(filepath.Join(dir, "tls.key"), "PRIVATE KEY", secret)
}

func (a *authority) write(name, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// server is a GameServer of the fake.
type server struct {
	Name                string
	Allocated           int // how often
	Labels, Annotations map[string]string
}

// selector and request are what the documented API takes; members it does not
// have are refused.
type selector struct {
	MatchLabels     map[string]string           `json:"matchLabels"`
	GameServerState string                      `json:"gameServerState"`
	Players         map[string]json.Number      `json:"players"`
	Counters        map[string]map[string]int64 `json:"counters"`
	Lists           map[string]map[string]any   `json:"lists"`
}

type request struct {
	Namespace           string `json:"namespace"`
	MultiClusterSetting *struct {
		Enabled        bool      `json:"enabled"`
		PolicySelector *selector `json:"policySelector"`
	} `json:"multiClusterSetting"`
	Scheduling string `json:"scheduling"`
	Metadata   struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	GameServerSelectors []selector          `json:"gameServerSelectors"`
	Priorities          []map[string]string `json:"priorities"`
}

// fake is an allocator service. It speaks the documented interface over TLS and
// wants client certificates that its authority has signed.
type fake struct {
	t         testing.TB
	authority *authority
	dir       string // of the files of the client
	url       string

	mu       sync.Mutex
	servers  []*server
	requests []request
	fault    func(w http.ResponseWriter, r *http.Request) bool      // instead of allocating
	spoil    func(w http.ResponseWriter, answer []byte) (done bool) // instead of the answer
}

func newFake(t testing.TB, servers int, labels map[string]string) *fake {
	t.Helper()
	f := &fake{t: t, authority: newAuthority(t), dir: t.TempDir()}
	for i := range servers {
		f.servers = append(f.servers, &server{Name: fmt.Sprintf("server-%d", i), Labels: maps.Clone(labels), Annotations: map[string]string{}})
	}
	known := x509.NewCertPool()
	known.AddCert(f.authority.cert)
	srv := httptest.NewUnstartedServer(f)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.EnableHTTP2 = true
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{f.authority.server()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	f.url = srv.URL
	f.authority.client(f.dir, time.Hour)
	f.authority.write(filepath.Join(f.dir, "ca.crt"), "CERTIFICATE", f.authority.cert.Raw)
	return f
}

func (f *fake) config(change func(c *agones.Config)) *agones.Config {
	c := agones.DefaultConfig()
	c.URL, c.Namespace = f.url, "games"
	c.CertFile, c.KeyFile, c.CAFile = filepath.Join(f.dir, "tls.crt"), filepath.Join(f.dir, "tls.key"), filepath.Join(f.dir, "ca.crt")
	c.Selectors = []agones.Selector{{MatchLabels: map[string]string{"agones.dev/fleet": "skirmish"}}}
	if change != nil {
		change(&c)
	}
	return &c
}

func (f *fake) plugin(change func(c *agones.Config)) *agones.Plugin {
	p := &agones.Plugin{Config: f.config(change)}
	f.t.Cleanup(p.Close)
	return p
}

// trouble sets what goes wrong from now on.
func (f *fake) trouble(fault func(w http.ResponseWriter, r *http.Request) bool, spoil func(w http.ResponseWriter, answer []byte) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.spoil = fault, spoil
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	fault, spoil := f.fault, f.spoil
	f.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	status, answer := f.answer(r, body)
	if spoil != nil && spoil(w, answer) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (f *fake) answer(r *http.Request, body []byte) (int, []byte) {
	if r.Method != http.MethodPost || r.URL.Path != "/gameserverallocation" {
		return http.StatusNotFound, []byte(`{"code":5,"message":"Not Found","details":[]}`)
	}
	var q request
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		return http.StatusBadRequest, []byte(`{"code":3,"message":` + strconv.Quote(err.Error()) + `,"details":[]}`)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, q)
	for _, s := range q.GameServerSelectors {
		for _, server := range f.servers {
			if server.fits(s) {
				return http.StatusOK, server.allocate(q)
			}
		}
	}
	return http.StatusTooManyRequests, []byte(`{"code":8,"message":"there is no available GameServer to allocate","details":[]}`)
}

func (s *server) fits(q selector) bool {
	if (q.GameServerState == "ALLOCATED") != (s.Allocated > 0) {
		return false
	}
	for key, value := range q.MatchLabels {
		if s.Labels[key] != value {
			return false
		}
	}
	return true
}

func (s *server) allocate(q request) []byte {
	s.Allocated++
	maps.Copy(s.Labels, q.Metadata.Labels)
	maps.Copy(s.Annotations, q.Metadata.Annotations)
	answer, _ := json.Marshal(map[string]any{
		"gameServerName": s.Name, "address": "192.0.2.1", "nodeName": "node-1", "source": "local",
		"ports":     []map[string]any{{"name": "default", "port": 7000}},
		"addresses": []map[string]string{{"type": "ExternalIP", "address": "192.0.2.1"}},
		"metadata":  map[string]any{"labels": s.Labels, "annotations": s.Annotations},
		"counters":  map[string]any{}, "lists": map[string]any{},
	})
	if id := s.Labels["openpragma/allocation-id"]; s.Annotations["openpragma/ended-allocation-id"] == id {
		s.Allocated, s.Labels = 0, map[string]string{"gone": id} // it has called Shutdown
	}
	return answer
}

// allocated returns the servers that were taken.
func (f *fake) allocated() []*server {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []*server
	for _, s := range f.servers {
		if s.Allocated > 0 {
			list = append(list, s)
		}
	}
	return list
}

func (f *fake) asked() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]request(nil), f.requests...)
}

func skirmish() map[string]string { return map[string]string{"agones.dev/fleet": "skirmish"} }

// wanted is a request for a server, asked for just now.
func wanted() *gameinstance.StartAllocationForGameInstanceRequest {
	var mu sync.Mutex
	n := 0
	return &gameinstance.StartAllocationForGameInstanceRequest{
		GameInstanceID: pragma.NewID[pragma.GameInstanceID](), AllocationID: pragma.NewID[pragma.AllocationID](),
		BackendAddress: "game.example:10100", Requested: time.Now(),
		ClientTokens: func() (gameinstance.PartnerClientTokens, error) {
			mu.Lock()
			defer mu.Unlock()
			n++
			return gameinstance.PartnerClientTokens{GameToken: fmt.Sprintf("secret-game-%d", n), SocialToken: fmt.Sprintf("secret-social-%d", n)}, nil
		},
	}
}
