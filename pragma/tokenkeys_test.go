package pragma_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/token"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// signingKeys are two keys for the configuration of tests.
var signingKeys = sync.OnceValue(func() (keys [2]*rsa.PrivateKey) {
	for i := range keys {
		key, err := token.GenerateKey()
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// privatePEM is a key as a YAML text.
func privatePEM(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	text, err := token.MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return yamlText(string(text))
}

func publicPEM(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	text, err := token.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return yamlText(string(text))
}

func yamlText(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

func signer(settings string) string {
	return "social: {serviceConfigs: {TokenSignerConfig: {" + settings + "}}}"
}

// keyIDOf reads the key id in the header of a token.
func keyIDOf(t *testing.T, text string) string {
	t.Helper()
	head, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ Kid string }
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return h.Kid
}

// runReloaded runs a server whose configuration file the test rewrites: each
// call of write waits until the server has taken it or refused it.
func runReloaded(t *testing.T, yaml string, fn func(t *testing.T, w *world, write func(yaml string))) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens.yml")
	save := func(yaml string) {
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save(yaml)
	var l *lab
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		l = newLab()
		return &pragma.Server{Config: cfg, Game: []pragma.Service{l}}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		fn(pw.T, &world{pw, l}, func(yaml string) {
			save(yaml)
			time.Sleep(6 * time.Second)
		})
	})
}

func TestKeysRotateWithoutEndingSessions(t *testing.T) {
	first, second := signingKeys()[0], signingKeys()[1]
	alone := signer("jwtPrivateKey: " + privatePEM(t, first))
	runReloaded(t, alone, func(t *testing.T, w *world, write func(string)) {
		badSignature := refusal{401, "BAD_SESSION", "AccountService_TokenSignatureVerificationFailed"}
		r := w.robin()
		old, _ := r.login()
		c := w.Raw(gamePlayer, old)

		write(signer("jwtPrivateKey: " + privatePEM(t, second) + ", jwtPreviousKeys: [" + publicPEM(t, first) + "]"))
		fresh, _ := w.robin().login()
		if got := keyIDOf(t, fresh); got == keyIDOf(t, old) {
			t.Errorf("the new token has the key id %s of the old ones", got)
		}
		for name, token := range map[string]string{"old": old, "new": fresh} {
			if got := w.post(gamePlayer, token, sayFrame); got.Status != 200 {
				t.Errorf("%s token: status %d while both keys are believed", name, got.Status)
			}
		}

		write(signer("jwtPrivateKey: " + privatePEM(t, second)))
		wantRefusal(t, "dropped key, HTTP", w.post(gamePlayer, old, sayFrame), badSignature)
		wantRefusal(t, "dropped key, upgrade", w.refuseUpgrade(gamePlayer, old), badSignature)
		if got := w.post(gamePlayer, fresh, sayFrame); got.Status != 200 {
			t.Errorf("new token: status %d", got.Status)
		}

		write(alone)
		wantRefusal(t, "the other way round", w.post(gamePlayer, fresh, sayFrame), badSignature)
		if got, _ := w.robin().login(); keyIDOf(t, got) != keyIDOf(t, old) {
			t.Error("the same key has another id the second time")
		}
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("after three rotations the socket got %s", f)
		}
		if logs := w.Logs(); strings.Count(logs, "token keys replaced") != 3 || strings.Contains(logs, "PRIVATE KEY") {
			t.Errorf("want each rotation in the log, and no key:\n%s", logs)
		}
	})
}

func TestNewKeyThatCannotBeUsedIsReportedAndTheOldStays(t *testing.T) {
	first, second := signingKeys()[0], signingKeys()[1]
	runReloaded(t, signer("jwtPrivateKey: "+privatePEM(t, first)), func(t *testing.T, w *world, write func(string)) {
		old, _ := w.robin().login()
		for _, tt := range []struct{ name, settings, says string }{
			{"not a key", "jwtPrivateKey: nonsense", "tokens.yml:1:"},
			{"1024 bits", "jwtPrivateKey: " + yamlText(weakKey(t)), "jwtPrivateKey: token: key cannot be used: it has 1024 bits, not 2048"},
			{"elliptic curve", "jwtPrivateKey: " + yamlText(curveKey(t)), "the key is not RSA"},
			{"a good key and a bad one", "jwtPrivateKey: " + privatePEM(t, second) + ", jwtPreviousKeys: [" + publicPEM(t, first) + ", x]", "jwtPreviousKeys: key 2: token: key cannot be used"},
			{"too many keys", "jwtPrivateKey: " + privatePEM(t, second) + ", jwtPreviousKeys: [" + strings.Repeat("x, ", 17) + "]", "jwtPreviousKeys: want at most 16 keys"},
			{"no key any more", "partnerExpirationHours: 5", "needs a restart"},
		} {
			write(signer(tt.settings))
			if !strings.Contains(w.Logs(), tt.says) {
				t.Errorf("%s: the log does not say %q", tt.name, tt.says)
			}
			fresh, _ := w.robin().login()
			if keyIDOf(t, fresh) != keyIDOf(t, old) || w.post(gamePlayer, old, sayFrame).Status != 200 {
				t.Errorf("%s: the old key does not stay", tt.name)
			}
		}
	})
}

func TestStartNamesKeysThatCannotBeUsed(t *testing.T) {
	good := privatePEM(t, signingKeys()[0])
	for _, tt := range []struct{ name, settings, want string }{
		{"1024 bits", "jwtPrivateKey: " + yamlText(weakKey(t)), "jwtPrivateKey: token: key cannot be used: it has 1024 bits, not 2048 to 8192"},
		{"elliptic curve", "jwtPrivateKey: " + yamlText(curveKey(t)), "jwtPrivateKey: token: key cannot be used: the key is not RSA"},
		{"only the public half", "jwtPrivateKey: " + publicPEM(t, signingKeys()[0]), "jwtPrivateKey: token: key cannot be used: the PEM block is not a private RSA key"},
		{"empty previous key", "jwtPrivateKey: " + good + ", jwtPreviousKeys: ['']", "jwtPreviousKeys: key 1: token: key cannot be used: the text is not PEM"},
		{"weak previous key", "jwtPrivateKey: " + good + ", jwtPreviousKeys: [" + good + ", " + yamlText(weakKey(t)) + "]", "jwtPreviousKeys: key 2: token: key cannot be used: it has 1024 bits"},
	} {
		for _, mode := range []string{"DEVELOPMENT", "PRODUCTION"} {
			t.Run(tt.name+" in "+mode, func(t *testing.T) {
				err := tryRun(t, "core: {backendMode: "+mode+"}\n"+signer(tt.settings), &guild{plugin: &banner{}})
				if err == nil || !strings.Contains(err.Error(), "config:2:") || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want the line and %q", err, tt.want)
				}
				if err != nil && (strings.Contains(err.Error(), "missing") || strings.Contains(err.Error(), "BEGIN")) {
					t.Errorf("got %v, want only the mistake, without the key", err)
				}
			})
		}
	}
	if err := tryRun(t, "core: {backendMode: PRODUCTION}\n"+signer("jwtPrivateKey: "+good+", jwtPreviousKeys: ["+good+"]"), &guild{plugin: &banner{}}); err != nil {
		t.Errorf("the same key twice: %v", err)
	}
}

func TestDevelopmentKeyIsMadeOnceAndKept(t *testing.T) {
	runReloaded(t, "", func(t *testing.T, w *world, write func(string)) {
		token, _ := w.robin().login()
		write(signer("jwtPreviousKeys: [" + publicPEM(t, signingKeys()[0]) + "]"))
		if got := w.post(gamePlayer, token, sayFrame); got.Status != 200 {
			t.Errorf("status %d after a reload with another key to believe", got.Status)
		}
		w.Restart()
		again, err := w.Server().Game[0].(*lab).m.SignPartnerToken(pragma.Game, &pragma.PartnerSession{
			PartnerID: pragma.NewID[pragma.PartnerID](), GameShardID: w.m.ShardID(),
		}, 0)
		if err != nil || keyIDOf(t, again) != keyIDOf(t, token) {
			t.Errorf("after a restart another key signs, %v", err)
		}
		if got := w.post(gamePlayer, token, sayFrame); got.Status != 200 {
			t.Errorf("status %d after a restart", got.Status)
		}
	})
}

func weakKey(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func curveKey(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
