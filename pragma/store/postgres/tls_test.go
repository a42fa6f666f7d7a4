package postgres_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store/postgres"
)

// certificate makes a self-signed certificate for the name db.test.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "db.test"}, DNSNames: []string{"db.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})
}

func TestConnectionsAreEncryptedOrRefused(t *testing.T) {
	t.Parallel()
	s := dbtest.NewPostgres(t)
	schema := s.Schema(t)
	cert, key := certificate(t)
	s.WriteData(t, "server.crt", cert)
	s.WriteData(t, "server.key", key)
	s.WriteData(t, "pg_hba.conf", []byte("hostssl all all all scram-sha-256\nhost postgres all all scram-sha-256\n"))
	s.Exec(t, "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
	other, _ := certificate(t)
	files := t.TempDir()
	for name, text := range map[string][]byte{"right.pem": cert, "other.pem": other} {
		if err := os.WriteFile(filepath.Join(files, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := config(s.Addr(), schema)
	right := filepath.Join(files, "right.pem")
	for _, w := range []struct {
		name string
		tls  postgres.TLS
		says string
	}{
		{"another authority", postgres.TLS{Enabled: true, CAFile: filepath.Join(files, "other.pem"), ServerName: "db.test"}, "certificate"},
		{"the authorities of the system", postgres.TLS{Enabled: true, ServerName: "db.test"}, "certificate"},
		{"another name", postgres.TLS{Enabled: true, CAFile: right}, "127.0.0.1"},
		{"no encryption", postgres.TLS{}, "check username, password, GRANT and pg_hba.conf"},
	} {
		c.TLS = w.tls
		if err := refuses(t, c, "store: unavailable", w.says); err == nil {
			t.Errorf("%s is accepted", w.name)
		}
	}
	c.TLS = postgres.TLS{Enabled: true, CAFile: right, ServerName: "db.test"}
	d := open(t, c)
	for rev := range int64(3) { // also on a connection that was at rest
		if err := write(t, d, "a", rev); err != nil {
			t.Errorf("Commit() = %v", err)
		}
		if got := revision(t, d, "a"); got != rev+1 {
			t.Errorf("revision = %d, want %d", got, rev+1)
		}
	}
	// ssl_in_use of every connection of ours.
	var plain, encrypted int
	if err := s.DB(t, "postgres").QueryRow(t.Context(), "SELECT count(*) FILTER (WHERE NOT ssl), count(*) FILTER (WHERE ssl)"+
		" FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = $1", schema).Scan(&plain, &encrypted); err != nil {
		t.Fatal(err)
	}
	if plain != 0 || encrypted == 0 {
		t.Errorf("%d connections are encrypted and %d are not", encrypted, plain)
	}
}

// pooler passes connections on and announces another process than the server's,
// as poolers do. It returns its address.
func pooler(t *testing.T, target string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				return
			}
			go func() {
				defer server.Close()
				_, _ = io.Copy(server, client)
			}()
			go func() {
				defer client.Close()
				disguise(client, bufio.NewReader(server))
			}()
		}
	}()
	return l.Addr().String()
}

// disguise changes the message that tells the server's process.
func disguise(client io.Writer, server *bufio.Reader) {
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(server, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(server, body); err != nil {
			return
		}
		if head[0] == 'K' {
			body[3]++
		}
		if _, err := client.Write(bytes.Join([][]byte{head, body}, nil)); err != nil {
			return
		}
	}
}

func TestAPoolerIsFoundOut(t *testing.T) {
	s := servers.Postgres(t)
	c := config(pooler(t, s.Addr()), s.Schema(t))
	err := refuses(t, c, "pooler: ", "connect to the server itself")
	if lines := strings.Count(err.Error(), "\n"); lines != 1 {
		t.Errorf("%d findings, want one: %v", lines, err)
	}
	c.AllowUnsafe = []string{"pooler"}
	if err := write(t, open(t, c), "a", 0); err != nil {
		t.Errorf("Commit() through an accepted pooler = %v", err)
	}
}
