package pragma_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// ticket is what the log-in queue answers.
type ticket struct {
	Token            string `json:"token"`
	PositionInQueue  int    `json:"positionInQueue"`
	Eta              string `json:"eta"`
	PollNextDuration int    `json:"pollNextDuration"`
	IsAllowedIn      bool   `json:"isAllowedIn"`
}

// queued is an answer of the log-in queue, whatever it is.
type queued struct {
	Status int
	Ticket ticket
	Error  string
	Body   string
}

const queuePath = "/v1/loginqueue/"

// queue calls an endpoint of the log-in queue with a body and its content type.
func (w *world) queue(method, path, contentType, body string) queued {
	w.T.Helper()
	req, err := http.NewRequestWithContext(w.T.Context(), method, "http://"+w.Address(gamePlayer)+queuePath+path, strings.NewReader(body))
	if err != nil {
		w.T.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := w.HTTP().Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.T.Fatal(err)
	}
	got := queued{Status: resp.StatusCode, Body: string(text)}
	var refusal struct{ ServiceError struct{ Error string } }
	if got.Status == http.StatusOK {
		err = json.Unmarshal(text, &got.Ticket)
	} else if len(text) > 0 && text[0] == '{' {
		err = json.Unmarshal(text, &refusal)
	}
	if err != nil {
		w.T.Fatalf("%s: %v", text, err)
	}
	got.Error = refusal.ServiceError.Error
	return got
}

func (w *world) enter() ticket {
	w.T.Helper()
	got := w.queue(http.MethodGet, "getinqueuev1", "", "")
	if got.Status != http.StatusOK {
		w.T.Fatalf("getinqueuev1: %d %s", got.Status, got.Body)
	}
	return got.Ticket
}

func (w *world) check(token string) queued {
	w.T.Helper()
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		w.T.Fatal(err)
	}
	return w.queue(http.MethodPost, "checkticketv1", "application/json", string(body))
}

// fill enters n players and returns the tickets of those who wait.
func (w *world) fill(n int) (waiting []ticket) {
	w.T.Helper()
	for range n {
		if t := w.enter(); !t.IsAllowedIn {
			waiting = append(waiting, t)
		}
	}
	return waiting
}

// poll has everybody ask once and returns the indexes of those who are in.
func (w *world) poll(tickets []ticket) (in []int) {
	w.T.Helper()
	for i := range tickets {
		got := w.check(tickets[i].Token)
		if got.Status != http.StatusOK {
			w.T.Fatalf("ticket %d: %d %s", i, got.Status, got.Body)
		}
		tickets[i] = got.Ticket
		if got.Ticket.IsAllowedIn {
			in = append(in, i)
		}
	}
	return in
}

// upTo returns 0 to n-1.
func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

func claimsOf(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// slow is a queue that lets two in each second.
const slow = "game: {serviceConfigs: {LoginQueueServiceConfig: {targetLoginRatePerSecond: 2}}}"

func TestQueueLetsInAtOnceWithAPassThatLivesTenMinutes(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		for _, call := range []struct{ method, contentType, body string }{
			{http.MethodGet, "", ""},
			{http.MethodGet, "application/json", ""},
			{http.MethodPost, "application/json", "{}"},
			{http.MethodPost, "", ""},
			{http.MethodPost, "application/json; charset=utf-8", `{"unknown":1}`},
		} {
			got := w.queue(call.method, "getinqueuev1", call.contentType, call.body)
			want := ticket{Token: got.Ticket.Token, Eta: "0", PollNextDuration: 1000, IsAllowedIn: true}
			if diff := cmp.Diff(want, got.Ticket); diff != "" || got.Status != http.StatusOK {
				t.Errorf("%+v: %d (-want +got):\n%s", call, got.Status, diff)
			}
			claims := claimsOf(t, got.Ticket.Token)
			if claims["iss"] != "pragma" || claims["isAllowedIn"] != "true" || claims["sub"] != claims["ticketNumber"] ||
				claims["exp"].(float64)-claims["iat"].(float64) != 600 || claims["jti"] == "" {
				t.Errorf("claims = %v", claims)
			}
		}
	})
}

func TestQueueIsFairAndKeepsTheRate(t *testing.T) {
	run(t, slow, func(t *testing.T, w *world) {
		tickets := w.fill(12) // two are in
		for i, ticket := range tickets {
			want := strconv.Itoa((i + 1) * 500)
			if ticket.PositionInQueue != i+1 || ticket.Eta != want || ticket.PollNextDuration != 1000 {
				t.Errorf("ticket %d: %+v, want its position and an eta of %s", i, ticket, want)
			}
		}
		for second := range 6 {
			time.Sleep(time.Second)
			got := w.poll(tickets)
			if diff := cmp.Diff(upTo(min(2*(second+1), len(tickets))), got); diff != "" {
				t.Fatalf("after %d s (-want +got):\n%s", second+1, diff)
			}
		}
	})
}

func TestQueueLetsNobodyInBeyondTheLimitOfPlayers(t *testing.T) {
	config := "game: {serviceConfigs: {LoginQueueServiceConfig: {targetCcuLimit: 3}}}"
	run(t, config, func(t *testing.T, w *world) {
		first := w.robin().socket()
		second := w.robin().socket()
		settle()
		if !w.enter().IsAllowedIn { // the third, on his way
			t.Fatal("the third player has to wait")
		}
		tickets := w.fill(2)
		if len(tickets) != 2 {
			t.Fatalf("%d wait, want 2", len(tickets))
		}
		third := w.robin().socket()
		defer third.Cut()
		time.Sleep(30 * time.Second)
		if in := w.poll(tickets); in != nil {
			t.Fatalf("%v are in beside three players", in)
		}
		first.Cut() // detached counts until the grace time is over
		time.Sleep(58 * time.Second)
		if in := w.poll(tickets); in != nil {
			t.Fatalf("%v are in while a player may come back", in)
		}
		time.Sleep(10 * time.Second)
		if in := w.poll(tickets); len(in) != 1 {
			t.Fatalf("%v are in after one has left", in)
		}
		second.Cut()
	})
}

func TestQueueKeepsItsOrderOverARestart(t *testing.T) {
	for _, how := range []string{"restart", "kill"} {
		t.Run(how, func(t *testing.T) {
			run(t, slow, func(t *testing.T, w *world) {
				tickets := w.fill(12)
				time.Sleep(2*time.Second + time.Millisecond)
				w.poll(tickets) // four more are in
				if how == "kill" {
					w.Kill()
					w.Start()
				} else {
					w.Restart()
				}
				if w.enter().IsAllowedIn {
					t.Error("a newcomer is in before those who waited came back")
				}
				for i := len(tickets) - 1; i >= 0; i-- { // those at the end come first
					got := w.check(tickets[i].Token)
					if wait := i >= 4; got.Status != http.StatusOK || got.Ticket.IsAllowedIn == wait {
						t.Errorf("ticket %d after the restart: %d %+v", i, got.Status, got.Ticket)
					}
				}
				for range 4 {
					time.Sleep(time.Second)
					w.poll(tickets)
				}
				for second := range 3 {
					time.Sleep(time.Second)
					if diff := cmp.Diff(upTo(6+2*second), w.poll(tickets)); diff != "" {
						t.Errorf("%d s after the hold (-want +got):\n%s", second, diff)
					}
				}
			})
		})
	}
}

func TestQueueForgetsWhoStopsAsking(t *testing.T) {
	closed := "game: {serviceConfigs: {LoginQueueServiceConfig: {targetCcuLimit: 0}}}"
	run(t, closed, func(t *testing.T, w *world) {
		tickets := w.fill(3)
		for range 6 { // the first stays, the others are away for five minutes
			for range 5 {
				time.Sleep(10 * time.Second)
				w.poll(tickets[:1])
			}
		}
		if got := w.check(tickets[1].Token).Ticket.PositionInQueue; got != 2 {
			t.Errorf("back after five minutes: position %d, want 2", got)
		}
		time.Sleep(6 * time.Minute)
		if got := w.check(tickets[2].Token); got.Status != http.StatusUnauthorized || got.Error != "AccountService_TokenExpired" {
			t.Errorf("back after eleven minutes: %d %s, want 401", got.Status, got.Body)
		}
	})
}

func TestQueueReplacesTicketsThatGrowOld(t *testing.T) {
	closed := "game: {serviceConfigs: {LoginQueueServiceConfig: {targetCcuLimit: 0}}}"
	run(t, closed, func(t *testing.T, w *world) {
		first := w.fill(1)[0].Token
		now := first
		replaced := 0
		for range 2 * 60 * 60 / 30 {
			time.Sleep(30 * time.Second)
			got := w.check(now)
			if got.Status != http.StatusOK || got.Ticket.PositionInQueue != 1 {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if got.Ticket.Token != now {
				now, replaced = got.Ticket.Token, replaced+1
			}
		}
		if replaced < 20 || replaced > 24 {
			t.Errorf("replaced %d times in two hours, want about every five minutes", replaced)
		}
		if a, b := claimsOf(t, first)["ticketNumber"], claimsOf(t, now)["ticketNumber"]; a != b {
			t.Errorf("the number changed from %v to %v", a, b)
		}
		if got := w.check(first); got.Status != http.StatusOK || got.Ticket.PositionInQueue != 1 {
			t.Errorf("a client that keeps its first ticket: %d %s", got.Status, got.Body)
		}
	})
}

func TestQueueTellsThoseFarBehindToAskSeldom(t *testing.T) {
	run(t, slow, func(t *testing.T, w *world) {
		var last ticket
		for _, waiting := range w.fill(702) {
			if waiting.PollNextDuration < last.PollNextDuration || waiting.PositionInQueue != last.PositionInQueue+1 {
				t.Fatalf("after %+v comes %+v", last, waiting)
			}
			last = waiting
		}
		if last.PositionInQueue != 700 || last.Eta != "350000" || last.PollNextDuration != 30000 {
			t.Errorf("the last of 700: %+v", last)
		}
	})
}

func TestWhoWasLetInStaysInUntilHisPassExpires(t *testing.T) {
	run(t, slow, func(t *testing.T, w *world) {
		waiting := w.fill(3)[0].Token
		time.Sleep(time.Second)
		pass := w.check(waiting).Ticket
		if !pass.IsAllowedIn {
			t.Fatal("still waiting")
		}
		for _, after := range []time.Duration{time.Second, 5 * time.Minute, 4 * time.Minute} {
			time.Sleep(after)
			for name, token := range map[string]string{"pass": pass.Token, "ticket": waiting} {
				got := w.check(token)
				if got.Status != http.StatusOK || !got.Ticket.IsAllowedIn || got.Ticket.PositionInQueue != 0 {
					t.Errorf("%s: %d %s", name, got.Status, got.Body)
				}
				if exp := claimsOf(t, got.Ticket.Token)["exp"]; exp != claimsOf(t, pass.Token)["exp"] {
					t.Errorf("%s: the end of the pass moved to %v", name, exp)
				}
			}
		}
		time.Sleep(time.Minute)
		for name, token := range map[string]string{"pass": pass.Token, "ticket": waiting} {
			if got := w.check(token); got.Status != http.StatusUnauthorized || got.Error != "AccountService_TokenExpired" {
				t.Errorf("%s after its time: %d %s", name, got.Status, got.Body)
			}
		}
	})
}

func TestQueueRefusesWhatIsNoTicket(t *testing.T) {
	run(t, slow, func(t *testing.T, w *world) {
		tickets := w.fill(3)
		good := tickets[0].Token
		session, _ := w.robin().login()
		body := func(token string) string { return `{"token":"` + token + `"}` }
		parts := strings.Split(good, ".")
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		altered := strings.Replace(string(payload), `"isAllowedIn":"false"`, `"isAllowedIn":"true"`, 1)
		forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(altered)) + "." + parts[2]
		unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
		const jsonType = "application/json"
		for _, tt := range []struct {
			name, contentType, body string
			status                  int
			error                   string
		}{
			{"genuine", jsonType, body(good), 200, ""},
			{"genuine without a content type", "", body(good), 200, ""},
			{"no body", jsonType, "", 400, "Serialization_Error"},
			{"no JSON", jsonType, "token", 400, "Serialization_Error"},
			{"a list", jsonType, "[]", 400, "Serialization_Error"},
			{"token of another type", jsonType, `{"token":7}`, 400, "Serialization_Error"},
			{"token twice", jsonType, `{"token":"a","token":"b"}`, 400, "Serialization_Error"},
			{"too large", jsonType, body(strings.Repeat("x", 64<<10)), 413, "SessionService_RequestTooLarge"},
			{"a form", "application/x-www-form-urlencoded", "token=x", 415, "Serialization_Error"},
			{"no token", jsonType, "{}", 401, "AccountService_TokenDecodeFailed"},
			{"empty token", jsonType, body(""), 401, "AccountService_TokenDecodeFailed"},
			{"null", jsonType, `{"token":null}`, 401, "AccountService_TokenDecodeFailed"},
			{"dots", jsonType, body(strings.Repeat(".", 60_000)), 401, "AccountService_TokenDecodeFailed"},
			{"truncated", jsonType, body(good[:len(good)-2]), 401, "AccountService_TokenSignatureVerificationFailed"},
			{"altered", jsonType, body(forged), 401, "AccountService_TokenSignatureVerificationFailed"},
			{"unsigned", jsonType, body(unsigned), 401, "AccountService_TokenDecodeFailed"},
			{"a token of a session", jsonType, body(session), 401, "AccountService_TokenDecodeFailed"},
			{"a token of a partner", jsonType, body(w.partnerToken()), 401, "AccountService_TokenDecodeFailed"},
		} {
			got := w.queue(http.MethodPost, "checkticketv1", tt.contentType, tt.body)
			if got.Status != tt.status || got.Error != tt.error {
				t.Errorf("%s: got %d %s, want %d %s", tt.name, got.Status, got.Body, tt.status, tt.error)
			}
		}
		if got := w.queue(http.MethodGet, "checkticketv1", "", ""); got.Status != http.StatusMethodNotAllowed {
			t.Errorf("GET checkticketv1: %d, want 405", got.Status)
		}
		if got := w.queue(http.MethodPost, "getinqueuev1", jsonType, "{"); got.Status != 400 || got.Error != "Serialization_Error" {
			t.Errorf("malformed getinqueuev1: %d %s", got.Status, got.Body)
		}
		if got := w.queue(http.MethodPost, "getinqueuev1", "text/plain", "{}"); got.Status != http.StatusUnsupportedMediaType {
			t.Errorf("getinqueuev1 with text: %d, want 415", got.Status)
		}
		w.wantNothingFrom(good)
	})
}

// wantNothingFrom checks that a token opens no gateway.
func (w *world) wantNothingFrom(token string) {
	w.T.Helper()
	for _, g := range pragma.Gateways() {
		wantRefusal(w.T, "at "+g.String(), w.refuseUpgrade(g, token), refusal{401, "BAD_SESSION", "AccountService_TokenDecodeFailed"})
	}
}

func TestPassOpensNoGateway(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) { w.wantNothingFrom(w.enter().Token) })
}

func TestTicketsOfTwoDoNotMix(t *testing.T) {
	run(t, slow, func(t *testing.T, w *world) {
		tickets := w.fill(4)
		time.Sleep(500 * time.Millisecond)
		for range 5 { // asking for the first with his own ticket does not move the second
			w.check(tickets[0].Token)
		}
		if got := w.check(tickets[1].Token).Ticket; got.IsAllowedIn || got.PositionInQueue != 1 {
			t.Errorf("the second: %+v", got)
		}
	})
}

func TestQueueFollowsItsConfigurationLive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "game.yml")
	write := func(section string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("game: {serviceConfigs: {LoginQueueServiceConfig: {"+section+"}}}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("targetCcuLimit: 0")
	l := (*lab)(nil)
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		l = newLab()
		return &pragma.Server{Config: cfg, Game: []pragma.Service{l}}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w, t := &world{pw, l}, pw.T
		tickets := w.fill(3)
		write("targetCcuLimit: 5, pollIntervalMillis: 200")
		for range 12 {
			time.Sleep(time.Second)
			w.poll(tickets)
		}
		if in := w.poll(tickets); len(in) != 3 {
			t.Errorf("%v are in after the limit was raised", in)
		}
		if got := tickets[0].PollNextDuration; got != 200 {
			t.Errorf("pollNextDuration = %d, want 200", got)
		}
	})
}

func TestQueueSettingsThatCannotWorkStopTheStart(t *testing.T) {
	for _, setting := range []string{
		"targetLoginRatePerSecond: 0", "targetLoginRatePerSecond: 1000001", "targetCcuLimit: -1", "estimatedSecondsToLogin: 0",
		"pollIntervalMillis: 99", "passTokenExpirationMinutes: 0", "passTokenExpirationMinutes: 1441", "requireLoginQueuePassToken: maybe",
	} {
		err := tryRun(t, "game: {serviceConfigs: {LoginQueueServiceConfig: {"+setting+"}}}", &guild{plugin: &banner{}})
		key, _, _ := strings.Cut(setting, ":")
		if err == nil || !strings.Contains(err.Error(), "game.serviceConfigs.LoginQueueServiceConfig."+key) {
			t.Errorf("%s: got %v, want an error that names it", setting, err)
		}
	}
}
