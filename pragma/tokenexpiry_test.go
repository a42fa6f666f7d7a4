package pragma_test

import (
	"net/http"
	"testing"
	"time"
)

const shortTokens = `social: {serviceConfigs: {TokenSignerConfig: {playerTokenExpirationMinutes: 60, operatorExpirationMinutes: 60}}}`

func TestSocketWithAnExpiredTokenIsCutAfterAGrace(t *testing.T) {
	run(t, shortTokens, func(t *testing.T, w *world) {
		r := w.robin()
		token, session := r.login()
		c := w.Raw(gamePlayer, token)
		operator := w.Raw(gameOperator, w.operatorToken())
		partner := w.Raw(gamePartner, w.partnerToken())
		time.Sleep(60*time.Minute + 290*time.Second)
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("within the grace got %s", f)
		}
		wantRefusal(t, "over HTTP", w.post(gamePlayer, token, sayFrame), refusal{401, "BAD_SESSION", "AccountService_TokenExpired"})
		time.Sleep(30 * time.Second)
		for name, c := range map[string]interface{ Closed() int }{"player": c, "operator": operator} {
			if code := c.Closed(); code != -1 {
				t.Errorf("%s: closed with %d, want a cut", name, code)
			}
		}
		if f := call(partner, "LabRpc.SayPartnerV1", said{}); f.Response == nil {
			t.Errorf("a partner, whose token lives on, got %s", f)
		}
		if got := w.refuseUpgrade(gamePlayer, token); got.Status != http.StatusUnauthorized {
			t.Errorf("with the old token: status %d, want 401", got.Status)
		}
		again := w.Raw(gamePlayer, r.token(session)) // the session is still there
		if f := call(again, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("with a new token got %s", f)
		}
		if got := w.ended(); got != nil {
			t.Errorf("sessions ended: %v", got)
		}
	})
}

func TestSessionRefreshKeepsTheSocketOpen(t *testing.T) {
	run(t, shortTokens, func(t *testing.T, w *world) {
		r := w.robin()
		token, session := r.login()
		c := w.Raw(gamePlayer, token)
		begin := time.Now()
		for range 3 {
			time.Sleep(50 * time.Minute)
			newer := r.token(session)
			if f := call(c, "PlayerSessionRpc.SessionRefreshV1", map[string]string{"token": newer}); f.Response == nil {
				t.Fatalf("refresh got %s", f)
			}
		}
		time.Sleep(30 * time.Minute)
		other, _ := w.robin().login()
		if f := call(c, "PlayerSessionRpc.SessionRefreshV1", map[string]string{"token": other}); f.ServiceError == nil {
			t.Errorf("another player's token got %s", f)
		}
		c.Closed()
		want := 150*time.Minute + 60*time.Minute + 5*time.Minute
		if took := time.Since(begin); took < want || took > want+21*time.Second {
			t.Errorf("cut after %v, want %v", took, want)
		}
	})
}

func TestOlderTokenDoesNotShortenTheLifeOfASocket(t *testing.T) {
	run(t, shortTokens, func(t *testing.T, w *world) {
		r := w.robin()
		older, session := r.login()
		time.Sleep(30 * time.Minute)
		c := w.Raw(gamePlayer, r.token(session))
		if f := call(c, "PlayerSessionRpc.SessionRefreshV1", map[string]string{"token": older}); f.Response == nil {
			t.Fatalf("refresh got %s", f)
		}
		time.Sleep(55 * time.Minute)
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("got %s", f)
		}
	})
}

func TestSocketMayOutliveItsTokenForEver(t *testing.T) {
	run(t, shortTokens+"\ncore: {session: {tokenGraceSeconds: 0}}", func(t *testing.T, w *world) {
		c := w.robin().socket()
		time.Sleep(5 * time.Hour)
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("got %s", f)
		}
	})
}
