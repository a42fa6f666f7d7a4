package escs_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
)

// confirmation is a good one, for a platform.
func confirmation(p *escstest.ESCS) *escs.GameServerConfirmation {
	return &escs.GameServerConfirmation{
		Platform: p.BaseURL + "/", Secret: oldSecret, TournamentID: "cup 1/2", RoundID: "r1", Valid: true, Score: 12.5, Transport: p.Transport(),
	}
}

// withPlatform runs fn with a platform in a bubble.
func withPlatform(t *testing.T, fn func(t *testing.T, p *escstest.ESCS)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, err := escstest.Start(escstest.Options{Secret: oldSecret, Memory: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		fn(t, p)
	})
}

// confirm tells the platform, and closes the connections.
func confirm(ctx context.Context, c *escs.GameServerConfirmation) error {
	if t, ok := c.Transport.(interface{ CloseIdleConnections() }); ok {
		defer t.CloseIdleConnections()
	}
	return escs.ConfirmGameServer(ctx, c)
}

func TestGameServersConfirmRounds(t *testing.T) {
	withPlatform(t, func(t *testing.T, p *escstest.ESCS) {
		void := confirmation(p)
		void.Valid = false
		for _, c := range []*escs.GameServerConfirmation{confirmation(p), void} {
			if err := confirm(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
		score := 12.5
		equal(t, "confirmations", p.Confirmations(), []escstest.Confirmation{
			{TournamentID: "cup 1/2", RoundID: "r1", IsValid: true, Score: &score}, {TournamentID: "cup 1/2", RoundID: "r1"},
		})
		equal(t, "bodies", []string{string(p.Requests()[0].Body), string(p.Requests()[1].Body)}, []string{`{"isValid":true,"score":12.5}`, `{"isValid":false}`})
	})
}

func TestConfirmationsThatFailSaySo(t *testing.T) {
	echo := escstest.Status(400)
	echo.Body = `{"error":{"code":"BAD","message":"` + oldSecret + `"}}`
	for _, c := range []struct {
		fault escstest.Fault
		want  error
	}{
		{escstest.Status(503), escs.ErrPlatformAway},
		{escstest.Hang(), escs.ErrPlatformAway},
		{escstest.Cut(), escs.ErrPlatformAway},
		{escstest.Status(401), escs.ErrPlatformRefused},
		{escstest.ErrorInBody("X", "y"), escs.ErrPlatformRefused},
		{echo, escs.ErrPlatformRefused},
	} {
		withPlatform(t, func(t *testing.T, p *escstest.ESCS) {
			p.Script(c.fault)
			err := confirm(t.Context(), confirmation(p))
			if !errors.Is(err, c.want) || strings.Contains(err.Error(), oldSecret) {
				t.Errorf("%s: got %v, want %v", c.fault.Name, err, c.want)
			}
		})
	}
	withPlatform(t, func(t *testing.T, p *escstest.ESCS) {
		p.Script(escstest.Hang())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := confirm(ctx, confirmation(p)); !errors.Is(err, escs.ErrPlatformAway) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a deadline: %v", err)
		}
	})
}

func TestConfirmationsAreChecked(t *testing.T) {
	for name, change := range map[string]func(c *escs.GameServerConfirmation){
		"no tournament":    func(c *escs.GameServerConfirmation) { c.TournamentID = "" },
		"no round":         func(c *escs.GameServerConfirmation) { c.RoundID = "" },
		"no secret":        func(c *escs.GameServerConfirmation) { c.Secret = "" },
		"out of the way":   func(c *escs.GameServerConfirmation) { c.RoundID = ".." },
		"no number":        func(c *escs.GameServerConfirmation) { c.Score = math.NaN() },
		"no end":           func(c *escs.GameServerConfirmation) { c.Score = math.Inf(1) },
		"no address":       func(c *escs.GameServerConfirmation) { c.Platform = "http://\x00" },
		"a header that is": func(c *escs.GameServerConfirmation) { c.Secret = "a\nb" },
	} {
		c := &escs.GameServerConfirmation{Platform: "http://127.0.0.1:9", Secret: "s", TournamentID: "t", RoundID: "r", Valid: true}
		change(c)
		if err := escs.ConfirmGameServer(t.Context(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
