package escs

import (
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
)

func TestNothingOfASecretIsLeftOfAText(t *testing.T) {
	const secret = pragma.Secret(`s"ecret/key <1>`)
	for _, c := range []struct {
		name, text string
		secret     pragma.Secret
		n          int
		want       string
	}{
		{"as it is", `a s"ecret/key <1> b`, secret, 100, "a *** b"},
		{"in JSON", `{"k":"s\"ecret/key <1>"}`, secret, 100, `{"k":"***"}`},
		{"in a query", "k=s%22ecret%2Fkey+%3C1%3E&x", secret, 100, "k=***&x"},
		{"in a path", "/s%22ecret%2Fkey%20%3C1%3E/", secret, 100, "/***/"},
		{"at the cut", "0123456789" + secret.Reveal(), secret, 14, "0123456789***"},
		{"no secret", "text", "", 100, "text"},
		{"control characters", "a\nb\x00c\u0085d", "", 100, "a b c d"},
		{"bytes that are no text", "a\xffb", "", 100, "ab"},
		{"cut in a letter", "aé", "", 2, "a"},
	} {
		if got := hide(c.text, c.secret, c.n); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestErrorsInBodiesAreFound(t *testing.T) {
	for _, c := range []struct {
		body, code, message string
		none, broken        bool
	}{
		{body: `{"error":{"code":7,"message":"m"}}`, code: "7", message: "m"},
		{body: `{"error":{"code":"A_B","message":3}}`, code: "A_B", message: "3"},
		{body: "\ufeff \n{\"error\":\"A_B\"}", code: "A_B"},
		{body: `{"error":5}`, code: "5"},
		{body: `{"error":true}`},
		{body: `{"error":[]}`},
		{body: `{"error":{"code":{}}}`},
		{body: `{"error":{"code":"x","code":"y"},"a":1,"a":2}`, code: "y"},
		{body: `{"result":{"error":"inside"}}`, none: true},
		{body: `{"Error":"x"}`, none: true},
		{body: `{}`, none: true},
		{body: ``, none: true},
		{body: `"error"`, none: true},
		{body: `null`, none: true},
		{body: `OK`, none: true},
		{body: `{`, none: true, broken: true},
		{body: `{"error":`, none: true, broken: true},
		{body: `{} {}`, none: true, broken: true},
		{body: strings.Repeat(`{"a":`, 20000), none: true, broken: true},
	} {
		e, readable := readError([]byte(c.body))
		if (e == nil) != c.none || readable == c.broken {
			t.Errorf("%.40q: got %v, readable %v", c.body, e, readable)
			continue
		}
		if e != nil && (e.code != c.code || e.message != c.message) {
			t.Errorf("%.40q: got %+v, want %q %q", c.body, e, c.code, c.message)
		}
	}
}

func TestBackoffIsAtRandomUpToABoundThatDoubles(t *testing.T) {
	cfg := &Config{ResultRetryMin: time.Second, ResultRetryMax: 10 * time.Second}
	for n, bound := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 1 << 40: 10 * time.Second} {
		var least, most time.Duration = time.Hour, 0
		for range 300 {
			d := backoff(n, cfg)
			least, most = min(least, d), max(most, d)
		}
		if least < 0 || least > bound/10 || most > bound || most < bound*9/10 {
			t.Errorf("failure %d: from %v to %v, want 0 to %v", n, least, most, bound)
		}
	}
}
