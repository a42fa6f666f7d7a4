package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/plugins/webhook"
	"github.com/openpragma/engine/pragma"
)

// hmacOf is the signature as the documentation has it.
func hmacOf(secret, timestamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("pragma-webhook-v1\n" + timestamp + "\n" + body))
	return hex.EncodeToString(mac.Sum(nil))
}

const (
	allocation = "5a403c7f-e1f1-4536-b99a-86409e71bc28"
	goodBody   = `{"type":"start","allocationId":"` + allocation + `","gameInstanceId":"c9fa855b-8ea0-4825-8c45-9389b50534f5"}`
)

func now() string { return strconv.FormatInt(time.Now().Unix(), 10) }

// post makes a request.
func post(body, timestamp, signature, key string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Pragma-Webhook-Timestamp", timestamp)
	r.Header.Set("Pragma-Webhook-Signature", signature)
	r.Header.Set("Idempotency-Key", key)
	return r
}

func TestTheWorkedExampleIsTrue(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`secret\n//\n//\t(.+)\n//\n// at the time (\d+) the body \(one line\)\n//\n//\t(.+)\n//\n// has the header\n//\n//\tPragma-Webhook-Signature: (k1=(.+))\n`).FindSubmatch(doc)
	if m == nil {
		t.Fatal("there is no worked example")
	}
	secret, timestamp, body := string(m[1]), string(m[2]), string(m[3])
	if got, want := string(m[5]), hmacOf(secret, timestamp, body); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	at, _ := strconv.ParseInt(timestamp, 10, 64)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(at, 0)))
		v := webhook.Verifier{Secrets: map[string]pragma.Secret{"k1": pragma.Secret(secret)}}
		c, err := v.Verify(post(body, timestamp, string(m[4]), allocation))
		if err != nil || c.GameServerVersion != "1.2.3" {
			t.Errorf("got %v, %v; want the call of the example", c, err)
		}
	})
}

func TestCallsAreVerified(t *testing.T) {
	sign := func(body string) string { return "k1=" + hmacOf(secret, now(), body) }
	good := sign(goodBody)
	end := strings.Replace(goodBody, "start", "end", 1)
	ended := end[:len(end)-1] + `,"reason":"ENDED"}`
	for _, row := range []struct {
		name, body, signature, key string
		want                       error
	}{
		{"a good one", goodBody, good, allocation, nil},
		{"a good end", end, sign(end), allocation + "-end", nil},
		{"a good end with a reason", ended, sign(ended), allocation + "-end-ENDED", nil},
		{"a good end, the key of another reason", ended, sign(ended), allocation + "-end-EXPIRED", webhook.ErrMalformed},
		{"in capitals", goodBody, "k1=" + strings.ToUpper(hmacOf(secret, now(), goodBody)), allocation, nil},
		{"with members nobody knows", goodBody[:len(goodBody)-1] + `,"later":1}`, sign(goodBody[:len(goodBody)-1] + `,"later":1}`), allocation, nil},
		{"signed by two, the second known", goodBody, "k0=" + strings.Repeat("0", 64) + ", " + good, allocation, nil},
		{"signed by two, the second wrong", goodBody, good + ",k1=00", allocation, nil},
		{"signed by too many", goodBody, "a=1,b=2," + good, allocation, webhook.ErrUnsigned},
		{"no signature", goodBody, "", allocation, webhook.ErrUnsigned},
		{"an empty signature", goodBody, "k1=", allocation, webhook.ErrUnsigned},
		{"half a signature", goodBody, good[:40], allocation, webhook.ErrUnsigned},
		{"a signature and more", goodBody, good + "00", allocation, webhook.ErrUnsigned},
		{"a signature that is no hex", goodBody, "k1=" + strings.Repeat("x", 64), allocation, webhook.ErrUnsigned},
		{"an unknown key", goodBody, strings.Replace(good, "k1", "k9", 1), allocation, webhook.ErrUnsigned},
		{"a key without secret", goodBody, "empty=" + hmacOf("", now(), goodBody), allocation, webhook.ErrUnsigned},
		{"no key id", goodBody, "=" + hmacOf("", now(), goodBody), allocation, webhook.ErrUnsigned},
		{"another body", end, good, allocation + "-end", webhook.ErrUnsigned},
		{"another secret", goodBody, "k1=" + hmacOf(otherSecret, now(), goodBody), allocation, webhook.ErrUnsigned},
		{"an empty body", "", sign(""), allocation, webhook.ErrMalformed},
		{"no object", "[]", sign("[]"), allocation, webhook.ErrMalformed},
		{"a member twice", `{"type":"end",` + goodBody[1:], sign(`{"type":"end",` + goodBody[1:]), allocation, webhook.ErrMalformed},
		{"an unknown type", strings.Replace(goodBody, "start", "stop", 1), sign(strings.Replace(goodBody, "start", "stop", 1)), allocation, webhook.ErrMalformed},
		{"no ids", `{"type":"start"}`, sign(`{"type":"start"}`), allocation, webhook.ErrMalformed},
		{"the key of another call", goodBody, good, allocation + "-end", webhook.ErrMalformed},
		{"no idempotency key", goodBody, good, "", webhook.ErrMalformed},
		{"too large", strings.Repeat(" ", 1<<20) + goodBody, sign(strings.Repeat(" ", 1<<20) + goodBody), allocation, webhook.ErrMalformed},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := webhook.Verifier{Secrets: map[string]pragma.Secret{"k1": secret, "empty": ""}}
			if _, err := v.Verify(post(row.body, now(), row.signature, row.key)); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

func TestCallsAreGoodForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			name   string
			window time.Duration
			age    time.Duration
			want   error
		}{
			{"now", 0, 0, nil},
			{"almost too old", 0, 5 * time.Minute, nil},
			{"too old", 0, 5*time.Minute + time.Second, webhook.ErrTime},
			{"almost too early", 0, -5 * time.Minute, nil},
			{"too early", 0, -5*time.Minute - time.Second, webhook.ErrTime},
			{"too old for a narrow window", time.Second, 2 * time.Second, webhook.ErrTime},
			{"a century ago", 0, 100 * 365 * 24 * time.Hour, webhook.ErrTime},
		} {
			v := webhook.Verifier{Secrets: map[string]pragma.Secret{"k1": secret}, Window: row.window}
			timestamp := strconv.FormatInt(time.Now().Add(-row.age).Unix(), 10)
			if _, err := v.Verify(post(goodBody, timestamp, "k1="+hmacOf(secret, timestamp, goodBody), allocation)); !errors.Is(err, row.want) {
				t.Errorf("%s: got %v, want %v", row.name, err, row.want)
			}
		}
		v := webhook.Verifier{Secrets: map[string]pragma.Secret{"k1": secret}}
		for _, timestamp := range []string{"", "x", "1.5", "-1", "9223372036854775807", "99999999999999999999"} {
			if _, err := v.Verify(post(goodBody, timestamp, "k1="+hmacOf(secret, timestamp, goodBody), allocation)); !errors.Is(err, webhook.ErrTime) {
				t.Errorf("time %q: got %v, want %v", timestamp, err, webhook.ErrTime)
			}
		}
	})
}

func TestAHandlerRefusesOthers(t *testing.T) {
	f := newFleet(t)
	for _, row := range []struct {
		name string
		r    *http.Request
		want int
	}{
		{"somebody who reads", httptest.NewRequest(http.MethodGet, "/", nil), http.StatusMethodNotAllowed},
		{"somebody without a signature", post(goodBody, now(), "", allocation), http.StatusUnauthorized},
		{"an old call", post(goodBody, "1", "k1="+hmacOf(secret, "1", goodBody), allocation), http.StatusUnauthorized},
		{"a call nobody understands", post("{}", now(), "k1="+hmacOf(secret, now(), "{}"), allocation), http.StatusBadRequest},
		{"a call that is too large", post(strings.Repeat(" ", 2<<20), now(), "k1=00", allocation), http.StatusBadRequest},
		{"a body that breaks", httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("{"), broken{})), http.StatusBadRequest},
	} {
		rec := httptest.NewRecorder()
		f.Handler.ServeHTTP(rec, row.r)
		if rec.Code != row.want || len(f.calls) != 0 {
			t.Errorf("%s: status %d and %d calls, want %d and none", row.name, rec.Code, len(f.calls), row.want)
		}
	}
	var empty webhook.Handler
	empty.Secrets = f.Secrets
	rec := httptest.NewRecorder()
	empty.ServeHTTP(rec, post(goodBody, now(), "k1="+hmacOf(secret, now(), goodBody), allocation))
	if rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("a handler without Start: status %d, want 422", rec.Code)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

// Whatever comes, the verifier answers, and accepts only what a known key has
// signed in time.
func FuzzVerify(f *testing.F) {
	sign := func(body string) string { return "k1=" + hmacOf(secret, now(), body) }
	f.Add(goodBody, now(), sign(goodBody), allocation, false)
	f.Add(goodBody, now(), sign(goodBody), allocation, true)
	f.Add(goodBody, "0", sign(goodBody), allocation, true)
	f.Add(`{"type":"end"}`, "1e9", "k1=,k1=", "", true)
	f.Add(`{"ext":[],"type":"start"}`, "", ",,,", "-end", true)
	f.Add("", "\n", "=", "", true)
	v := webhook.Verifier{Secrets: map[string]pragma.Secret{"k1": secret}}
	f.Fuzz(func(t *testing.T, body, timestamp, signature, key string, signed bool) {
		if signed { // get behind the first gate
			signature = "k1=" + hmacOf(secret, timestamp, body)
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte(body)))
		r.Header = http.Header{
			"Pragma-Webhook-Timestamp": {timestamp}, "Pragma-Webhook-Signature": {signature}, "Idempotency-Key": {key},
		}
		c, err := v.Verify(r)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v, want one of them", c, err)
		}
		if err != nil {
			if !errors.Is(err, webhook.ErrUnsigned) && !errors.Is(err, webhook.ErrTime) && !errors.Is(err, webhook.ErrMalformed) {
				t.Errorf("an error without a kind: %v", err)
			}
			return
		}
		if !strings.Contains(strings.ToLower(signature), hmacOf(secret, timestamp, body)) {
			t.Errorf("accepted without a signature: %q %q", body, signature)
		}
		if c.IdempotencyKey() != key || (c.Type != webhook.Start && c.Type != webhook.End) {
			t.Errorf("accepted %v with the key %q", c, key)
		}
		if text := fmt.Sprint(c); c.GameToken != "" && len(c.GameToken) > 40 && strings.Contains(text, c.GameToken) {
			t.Errorf("a token is printed: %s", text)
		}
	})
}
