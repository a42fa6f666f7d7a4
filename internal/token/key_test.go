package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/token"
)

func TestKeysSurvivePEM(t *testing.T) {
	key := testKeys()[0]
	pkcs8, err := token.MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := token.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	private := map[string][]byte{
		"PKCS#8":            pkcs8,
		"PKCS#1":            block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"with blanks":       append([]byte("\n\n"), append(pkcs8, "\n \n"...)...),
		"with text before":  append([]byte("made by us\n"), pkcs8...),
		"with windows ends": bytes.ReplaceAll(pkcs8, []byte("\n"), []byte("\r\n")),
	}
	for name, text := range private {
		got, err := token.ParseKey(text)
		if err != nil || !got.Equal(key) {
			t.Errorf("%s: ParseKey() = %v", name, err)
		}
	}
	public := map[string][]byte{
		"PKIX":   pkix,
		"PKCS#1": block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)),
	}
	for name, text := range public {
		got, err := token.ParsePublicKey(text)
		if err != nil || !got.Equal(&key.PublicKey) {
			t.Errorf("%s: ParsePublicKey() = %v", name, err)
		}
	}
}

func TestParsingRefusesOtherKeys(t *testing.T) {
	short := shortKey(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec8, _ := x509.MarshalPKCS8PrivateKey(ec)
	ecPub, _ := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	good, _ := token.MarshalKey(testKeys()[0])
	goodPub, _ := token.MarshalPublicKey(&testKeys()[0].PublicKey)
	tests := []struct {
		name string
		text []byte
	}{
		{"nothing", nil},
		{"a word", []byte("secret-password")},
		{"1024 bits", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(short))},
		{"1024 bits public", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&short.PublicKey))},
		{"elliptic curve", block("PRIVATE KEY", ec8)},
		{"elliptic curve public", block("PUBLIC KEY", ecPub)},
		{"wrong label", block("CERTIFICATE", []byte("x"))},
		{"encrypted", block("ENCRYPTED PRIVATE KEY", []byte("x"))},
		{"rubbish inside", block("PRIVATE KEY", []byte("x"))},
		{"rubbish inside PKCS#1", block("RSA PRIVATE KEY", []byte("x"))},
		{"rubbish inside public", block("PUBLIC KEY", []byte("x"))},
		{"two keys", append(bytes.Clone(good), good...)},
		{"two public keys", append(bytes.Clone(goodPub), goodPub...)},
		{"cut off", good[:len(good)/2]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := token.ParseKey(test.text)
			_, errPub := token.ParsePublicKey(test.text)
			for _, err := range []error{err, errPub} {
				if !errors.Is(err, token.ErrKey) {
					t.Errorf("got %v, want ErrKey", err)
				} else if len(test.text) > 0 && strings.Contains(err.Error(), "secret-password") {
					t.Errorf("error %q has the text", err)
				}
			}
		})
	}
	if _, err := token.ParseKey(goodPub); !errors.Is(err, token.ErrKey) {
		t.Errorf("ParseKey of a public key = %v, want ErrKey", err)
	}
	if _, err := token.ParsePublicKey(good); !errors.Is(err, token.ErrKey) {
		t.Errorf("ParsePublicKey of a private key = %v, want ErrKey", err)
	}
}

func TestNewKeysRefusesBadKeys(t *testing.T) {
	good := testKeys()[0]
	broken := *good
	broken.D = new(big.Int).Add(good.D, big.NewInt(2))
	broken.Precomputed = rsa.PrecomputedValues{}
	tests := []struct {
		name    string
		signing *rsa.PrivateKey
		other   *rsa.PublicKey
	}{
		{"no signing key", nil, &good.PublicKey},
		{"empty signing key", &rsa.PrivateKey{}, &good.PublicKey},
		{"short signing key", shortKey(t), &good.PublicKey},
		{"public numbers only", &rsa.PrivateKey{PublicKey: good.PublicKey}, &good.PublicKey},
		{"inconsistent signing key", &broken, &good.PublicKey},
		{"nil other", good, nil},
		{"empty other", good, &rsa.PublicKey{}},
		{"short other", good, &shortKey(t).PublicKey},
		{"other with exponent 1", good, &rsa.PublicKey{N: good.N, E: 1}},
		{"other with even exponent", good, &rsa.PublicKey{N: good.N, E: 4}},
		{"other with even modulus", good, &rsa.PublicKey{N: new(big.Int).Add(good.N, big.NewInt(1)), E: 65537}},
		{"other too long", good, &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), token.MaxKeyBits, 1), E: 65537}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if keys, err := token.NewKeys(test.signing, test.other); !errors.Is(err, token.ErrKey) || keys != nil {
				t.Errorf("NewKeys() = %v, want ErrKey", err)
			}
			keys := newKeys(t, good)
			before := sign(t, keys, claims()["player game"])
			if err := keys.Replace(test.signing, test.other); !errors.Is(err, token.ErrKey) {
				t.Errorf("Replace() = %v, want ErrKey", err)
			}
			if _, err := keys.Verify(before, now); err != nil {
				t.Errorf("a failed Replace changed the keys: %v", err)
			}
		})
	}
	if _, err := token.MarshalKey(nil); !errors.Is(err, token.ErrKey) {
		t.Errorf("MarshalKey(nil) = %v, want ErrKey", err)
	}
	if _, err := token.MarshalPublicKey(nil); !errors.Is(err, token.ErrKey) {
		t.Errorf("MarshalPublicKey(nil) = %v, want ErrKey", err)
	}
}

func TestRotationKeepsOldTokensWhileTheirKeyIsBelieved(t *testing.T) {
	old, fresh := testKeys()[0], testKeys()[1]
	keys := newKeys(t, old)
	oldID := keys.SigningKeyID()
	before := sign(t, keys, claims()["player game"])
	if err := keys.Replace(fresh, &old.PublicKey); err != nil {
		t.Fatal(err)
	}
	after := sign(t, keys, claims()["player game"])
	if keys.SigningKeyID() == oldID {
		t.Error("the key id did not change with the key")
	}
	for name, text := range map[string]string{"before": before, "after": after} {
		if _, err := keys.Verify(text, now); err != nil {
			t.Errorf("token signed %s the rotation: Verify() = %v", name, err)
		}
	}
	if err := keys.Replace(fresh); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Verify(before, now); !errors.Is(err, token.ErrSignature) {
		t.Errorf("token of a removed key: Verify() = %v, want ErrSignature", err)
	}
	if _, err := keys.Verify(after, now); err != nil {
		t.Errorf("token of the new key: Verify() = %v", err)
	}
}

func TestAnotherNodeBelievesTokensByThePublicKey(t *testing.T) {
	a, b := newKeys(t, testKeys()[0]), newKeys(t, testKeys()[1], &testKeys()[0].PublicKey)
	text := sign(t, a, claims()["player game"])
	if _, err := b.Verify(text, now); err != nil {
		t.Errorf("Verify() = %v", err)
	}
	if _, err := a.Verify(sign(t, b, claims()["player game"]), now); !errors.Is(err, token.ErrSignature) {
		t.Errorf("Verify() = %v, want ErrSignature", err)
	}
}

func TestZeroKeysSignAndBelieveNothing(t *testing.T) {
	var keys token.Keys
	if _, err := keys.Sign(claims()["player game"]); !errors.Is(err, token.ErrNoKey) {
		t.Errorf("Sign() = %v, want ErrNoKey", err)
	}
	text := sign(t, newKeys(t, testKeys()[0]), claims()["player game"])
	if _, err := keys.Verify(text, now); !errors.Is(err, token.ErrSignature) {
		t.Errorf("Verify() = %v, want ErrSignature", err)
	}
	if got := keys.SigningKeyID(); got != "" {
		t.Errorf("SigningKeyID() = %q, want none", got)
	}
	if err := keys.Replace(testKeys()[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Verify(text, now); err != nil {
		t.Errorf("Verify() after Replace = %v", err)
	}
}

func TestKeysAreNotLogged(t *testing.T) {
	key := testKeys()[0]
	keys := newKeys(t, key)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("signing", "keys", keys, "none", &token.Keys{})
	fmt.Fprintf(&log, "%v %+v", keys, keys)
	if !strings.Contains(log.String(), keys.SigningKeyID()) || !strings.Contains(log.String(), "none=none") {
		t.Errorf("log = %s, want the key id", &log)
	}
	for _, secret := range []*big.Int{key.D, key.Primes[0]} {
		if strings.Contains(log.String(), secret.String()[:20]) {
			t.Error("the log has a number of the private key")
		}
	}
}

func block(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func shortKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
