package escstest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/escs/escstest"
)

// body is a submission.
func body(secret, set string) string {
	return fmt.Sprintf(`{"id":"d1","params":{"context":{"type":"BY_GAME_SECRET_KEY","gameId":"g","secretKey":%q},
		"tournamentId":"t","matchId":"m","setId":%q,"roundId":"r","results":[{"playerId":"p","ingamePlayerId":"i","scores":{"kills":3}}]}}`, secret, set)
}

// platform is a running platform with somebody who sends.
type platform struct {
	*escstest.ESCS
	t    *testing.T
	http *http.Client
}

func start(t *testing.T, o escstest.Options) *platform {
	t.Helper()
	e, err := escstest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	transport := e.Transport()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		e.Close()
	})
	return &platform{e, t, &http.Client{Transport: transport, Timeout: 10 * time.Second}}
}

// send posts a body and returns the status and the body of the answer, or that
// there was none.
func (p *platform) send(key, body string) string {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.URL, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", key)
	resp, err := p.http.Do(req)
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Sprint(resp.StatusCode, " broken")
	}
	return fmt.Sprint(resp.StatusCode, " ", string(text[:min(len(text), 60)]))
}

// everywhere runs fn with a platform on TCP, and with one in memory in a bubble.
func everywhere(t *testing.T, o escstest.Options, fn func(p *platform)) {
	t.Run("TCP", func(t *testing.T) { fn(start(t, o)) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o.Memory = true
			fn(start(t, o))
		})
	})
}

func TestPlatformKeepsOneResultForEachKey(t *testing.T) {
	everywhere(t, escstest.Options{GameID: "g", Secret: "s"}, func(p *platform) {
		for _, c := range []struct{ key, body, want string }{
			{"a", body("s", "1"), `200 {"result":{}}`},
			{"a", body("s", "1"), `200 {"result":{}}`},
			{"b", body("s", "2"), `200 {"result":{}}`},
			{"c", body("wrong", "3"), `401 {"error":{"code":401,"message":"Unauthorized"}}`},
			{"d", "nonsense", `400 {"error":{"code":400,"message":"Bad Request"}}`},
		} {
			if got := p.send(c.key, c.body); got != c.want {
				p.t.Errorf("%s: got %s, want %s", c.key, got, c.want)
			}
		}
		want := []escstest.Result{
			{DeliveryID: "d1", GameID: "g", SecretKey: "s", TournamentID: "t", MatchID: "m", SetID: "1", RoundID: "r", Players: []escstest.PlayerResult{{PlayerID: "p", IngamePlayerID: "i", Scores: map[string]float64{"kills": 3}}}},
			{DeliveryID: "d1", GameID: "g", SecretKey: "s", TournamentID: "t", MatchID: "m", SetID: "2", RoundID: "r", Players: []escstest.PlayerResult{{PlayerID: "p", IngamePlayerID: "i", Scores: map[string]float64{"kills": 3}}}},
		}
		if diff := cmp.Diff(p.Results(), want); diff != "" {
			p.t.Errorf("results (-got +want):\n%s", diff)
		}
		if got := p.Requests(); len(got) != 5 || !got[1].Duplicate || got[2].Duplicate || got[3].Accepted {
			p.t.Errorf("ledger: %+v", got)
		}
	})
}

func TestPlatformMeetsItsScript(t *testing.T) {
	everywhere(t, escstest.Options{Secret: "s"}, func(p *platform) {
		for _, c := range []struct {
			fault escstest.Fault
			want  string
			taken bool
		}{
			{escstest.Fault{}, `200 {"result":{}}`, true},
			{escstest.Status(503), `503 {"error":{"code":503,"message":"Service Unavailable"}}`, false},
			{escstest.RetryAfter(429, "17"), `429 {"error":{"code":429,"message":"Too Many Requests"}}`, false},
			{escstest.Hang(), "no answer", false},
			{escstest.Late(time.Millisecond), `200 {"result":{}}`, true},
			{escstest.Late(time.Minute), "no answer", false},
			{escstest.LateAnswer(time.Minute), "no answer", true},
			{escstest.LoseAnswer(), "no answer", true},
			{escstest.LoseHalf(), "200 broken", true},
			{escstest.Cut(), "no answer", false},
			{escstest.ErrorInBody("CLOSED", "no"), `200 {"error":{"code":"CLOSED","message":"no"}}`, false},
			{escstest.NotJSON(200), `200 <html>sorry</html>`, false},
			{escstest.Huge(200, 40), `200 {"result":"xxxxxxxxxxxxxxxxxxxxxxxxxxx"}`, false},
		} {
			key := "script: " + c.fault.Name
			before := len(p.Results())
			p.Script(c.fault)
			p.http.Timeout = 30 * time.Second
			switch {
			case c.want == "no answer" && c.taken:
				p.http.Timeout = 2 * time.Second // the request must arrive
			case c.want == "no answer":
				p.http.Timeout = 200 * time.Millisecond
			}
			if got := p.send(key, body("s", key)); got != c.want {
				p.t.Errorf("%s: got %s, want %s", key, got, c.want)
			}
			if taken := len(p.Results()) > before; taken != c.taken {
				p.t.Errorf("%s: taken is %v, want %v", key, taken, c.taken)
			}
		}
		p.Always(escstest.Status(500))
		p.Script(escstest.Status(502))
		for _, want := range []string{"502", "500", "500"} {
			if got := p.send("x", body("s", "x")); !strings.HasPrefix(got, want) {
				p.t.Errorf("got %s, want %s", got, want)
			}
		}
		p.Recover()
		p.Rotate("new")
		if got := p.send("x", body("s", "x")); !strings.HasPrefix(got, "401") {
			p.t.Errorf("with the old secret: %s", got)
		}
		if got := p.send("x", body("new", "x")); !strings.HasPrefix(got, "200") {
			p.t.Errorf("with the new secret: %s", got)
		}
		if got := p.Violations(); got != nil {
			p.t.Errorf("violations: %q", got)
		}
	})
}

func TestPlatformTellsWhatASenderMustNotDo(t *testing.T) {
	p := start(t, escstest.Options{DuplicateCode: "HAS_RESULT"})
	p.send("a", body("s", "1"))
	if got := p.send("a", body("s", "1")); got != `200 {"error":{"code":"HAS_RESULT","message":"the set has a resul` {
		t.Errorf("repeated: %s", got)
	}
	p.Script(escstest.Status(500))
	p.send("b", body("s", "2"))
	p.send("b", body("t", "2"))
	p.Script(escstest.Status(500))
	p.send("c", body("s", "3"))
	p.send("c", body("s", "4"))
	p.send("", body("s", "5"))
	p.send("d", "{}")
	p.send("e", strings.Replace(body("s", "6"), `"roundId":"r"`, `"roundId":""`, 1))
	got := strings.Join(p.Violations(), "\n")
	for _, want := range []string{
		`request 2, key "a": sent again after a success`, `request 6, key "c": another body`, "no idempotency key",
		`key "d": no submission`, `key "e": no set or round`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("violations are\n%s\nwant also: %s", got, want)
		}
	}
	if n := len(p.Violations()); n != 5 {
		t.Errorf("%d violations, want 5:\n%s", n, got)
	}
}

func TestPlatformTakesConfirmations(t *testing.T) {
	p := start(t, escstest.Options{Secret: "s"})
	put := func(secret, text string) int {
		req, err := http.NewRequest(http.MethodPut, p.BaseURL+"/tournaments/cup/rounds/1/game-server-confirmation", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("escs-game-secret-key", secret)
		resp, err := p.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, c := range []struct {
		secret, text string
		want         int
	}{
		{"s", `{"isValid":true,"score":2.5}`, 200},
		{"s", `{"isValid":false}`, 200},
		{"x", `{"isValid":false}`, 401},
		{"s", `{"score":1}`, 400},
		{"s", `{`, 400},
	} {
		if got := put(c.secret, c.text); got != c.want {
			t.Errorf("%s: got %d, want %d", c.text, got, c.want)
		}
	}
	score := 2.5
	want := []escstest.Confirmation{{TournamentID: "cup", RoundID: "1", IsValid: true, Score: &score}, {TournamentID: "cup", RoundID: "1"}}
	if diff := cmp.Diff(p.Confirmations(), want); diff != "" {
		t.Errorf("confirmations (-got +want):\n%s", diff)
	}
}

func cup() *escstest.Set {
	return &escstest.Set{
		SetID: "s1", TournamentID: "t1", MatchID: "m1", RoundID: "r1", End: time.Unix(1767225600, 0),
		Teams: [][]escstest.Player{{{PlayerID: "e1", IngamePlayerID: "g1"}}, {{PlayerID: "e2", IngamePlayerID: "g2", Username: "Robin"}}},
	}
}

func TestSetStartsComeInEveryShape(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape escstest.Shape
		want  string
	}{
		{"plain", escstest.Shape{}, `{"matchId":"m1","participants":[{"players":[{"playerId":"e1","ingamePlayerId":"g1"}]},{"players":[{"playerId":"e2","ingamePlayerId":"g2","username":"Robin"}]}],"roundId":"r1","setEndTimeUnix":1767225600,"setId":"s1","tournamentId":"t1"}`},
		{"all others", escstest.Shape{Lists: true, Misspelt: true, Millis: true, Text: true, Snake: true, Under: "data"}, `{"data":{"match_id":"m1","pariticipants":[[{"playerId":"e1","ingamePlayerId":"g1"}],[{"playerId":"e2","ingamePlayerId":"g2","username":"Robin"}]],"round_id":"r1","set_end_time_unix":"1767225600000","set_id":"s1","tournament_id":"t1"}}`},
	} {
		if got := string(c.shape.Write(cup())); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestSenderUsesBothDoors(t *testing.T) {
	var said bytes.Buffer
	answer := `{"sequenceNumber":0,"response":{}}`
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		fmt.Fprintf(&said, "%s %s|%s %s\n", r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("escs-game-secret-key"), text[:20])
		if strings.HasPrefix(answer, "4") {
			http.Error(w, answer, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer backend.Close()
	s := &escstest.Sender{Address: strings.TrimPrefix(backend.URL, "http://"), Token: "partner", Bearer: "static", Secret: "hush"}
	send := func(how func(context.Context, *escstest.Set, escstest.Shape) error) error {
		return how(t.Context(), cup(), escstest.Shape{})
	}
	if err := errors.Join(send(s.Call), send(s.Post)); err != nil {
		t.Error(err)
	}
	want := "/v1/rpc Bearer partner| {\"payload\":{\"matchId\n/escs/v1/set-start Bearer static|hush {\"matchId\":\"m1\",\"par\n"
	if got := said.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	answer = `{"serviceError":{"error":"BAD"}}`
	if err := send(s.Call); !errors.Is(err, escstest.ErrRefused) || !strings.Contains(err.Error(), "BAD") {
		t.Errorf("refused call: %v", err)
	}
	answer = "400 bad"
	if err := send(s.Post); !errors.Is(err, escstest.ErrRefused) || !strings.Contains(err.Error(), "bad") {
		t.Errorf("refused post: %v", err)
	}
	backend.Close()
	if err := send(s.Post); err == nil || errors.Is(err, escstest.ErrRefused) {
		t.Errorf("nobody there: %v", err)
	}
}
