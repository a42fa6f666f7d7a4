package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/token"
)

func TestVerificationKeyIsReadFromEitherHalf(t *testing.T) {
	key := testKeys()[0]
	private, err := token.MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := token.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"private PKCS#8": private,
		"private PKCS#1": block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"public PKIX":    public,
		"public PKCS#1":  block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)),
	} {
		got, err := token.ParseVerificationKey(text)
		if err != nil || !got.Equal(&key.PublicKey) {
			t.Errorf("%s: ParseVerificationKey() = %v", name, err)
		}
	}
}

func TestKeysThatCannotBeUsedAreNamedInPlainWords(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec8, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	ecOld, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	ecPublic, err := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	short := shortKey(t)
	for _, tt := range []struct {
		name string
		text []byte
		want string
	}{
		{"empty", nil, "not PEM"},
		{"a word", []byte("secret-password"), "not PEM"},
		{"1024 bits", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(short)), "1024 bits, not 2048"},
		{"1024 bits, public", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&short.PublicKey)), "1024 bits, not 2048"},
		{"elliptic curve", block("PRIVATE KEY", ec8), "not RSA"},
		{"elliptic curve, older form", block("EC PRIVATE KEY", ecOld), "not a private RSA key"},
		{"elliptic curve, public", block("PUBLIC KEY", ecPublic), "not RSA"},
		{"encrypted", block("ENCRYPTED PRIVATE KEY", []byte("secret-password")), "not a private RSA key"},
		{"a certificate", block("CERTIFICATE", []byte("secret-password")), "not a public RSA key"},
		{"rubbish", block("PRIVATE KEY", []byte("secret-password")), "no readable key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := token.ParseVerificationKey(tt.text)
			if !errors.Is(err, token.ErrKey) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseVerificationKey() = %v, want ErrKey with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-password") {
				t.Errorf("the error has what is in the text: %v", err)
			}
		})
	}
}

// TestKeyIDCannotBeMeasured checks that tokens do the same work whether the key
// that they name is believed, unknown or ours.
func TestKeyIDCannotBeMeasured(t *testing.T) {
	ours, previous, stranger := testKeys()[0], testKeys()[1], testKeys()[2]
	keys := newKeys(t, ours, &previous.PublicKey)
	var work []int
	keys.WatchVerifications(func(key *rsa.PublicKey) { work = append(work, key.Size()) })
	payload := playerClaims()
	named := func(kid any) map[string]any { return map[string]any{"kid": kid} }
	for name, text := range map[string]string{
		"our key":                    forge(t, ours, nil, payload),
		"a believed key":             forge(t, previous, nil, payload),
		"an unknown key":             forge(t, stranger, nil, payload),
		"a believed id, wrong key":   forge(t, stranger, named(keyID(t, previous)), payload),
		"our id, wrong key":          forge(t, stranger, named(keyID(t, ours)), payload),
		"no id":                      forge(t, ours, named(nil), payload),
		"a path as id":               forge(t, ours, named("../../keys/0"), payload),
		"an id of two thousand bits": forge(t, ours, named(strings.Repeat("k", 250)), payload),
	} {
		work = nil
		_, _ = keys.Verify(text, now) // others test what it answers
		if len(work) != 1 || work[0] != ours.Size() {
			t.Errorf("%s: verifications with keys of %v bytes, want one of %d", name, work, ours.Size())
		}
	}
}

func keyID(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	id, err := token.KeyID(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// FuzzParsingKeys reads texts of a configuration as keys.
func FuzzParsingKeys(f *testing.F) {
	key := testKeys()[0]
	for _, text := range [][]byte{
		nil, []byte("-----BEGIN PRIVATE KEY-----"), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)), block("EC PRIVATE KEY", []byte{0x30, 0}),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		public, err := token.ParseVerificationKey(text)
		if (public == nil) == (err == nil) || err != nil && !errors.Is(err, token.ErrKey) {
			t.Fatalf("ParseVerificationKey() = %v, %v", public, err)
		}
		if err == nil {
			if _, err := token.KeyID(public); err != nil {
				t.Fatalf("a key that was read cannot be used: %v", err)
			}
		}
		private, err := token.ParseKey(text)
		if (err == nil) != (private != nil) || err == nil && !private.PublicKey.Equal(public) {
			t.Fatalf("ParseKey() = %v, ParseVerificationKey() = %v", err, public)
		}
	})
}
