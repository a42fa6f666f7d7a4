package pragma_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma/pragmatest"
)

// FuzzTicketBody posts anything to the log-in queue. Only a genuine ticket is
// answered; whatever else there is, is refused with a reason.
func FuzzTicketBody(f *testing.F) {
	b := start(f, "game: {serviceConfigs: {LoginQueueServiceConfig: {targetLoginRatePerSecond: 1}}}")
	url := "http://" + b.addr[gamePlayer] + queuePath
	resp, err := http.Get(url + "getinqueuev1")
	if err != nil {
		f.Fatal(err)
	}
	var genuine ticket
	err = json.NewDecoder(resp.Body).Decode(&genuine)
	resp.Body.Close()
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(genuine.Token, ".")
	for _, token := range []string{genuine.Token, "", "a.b.c", "..", parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1] + "." + parts[2][1:] + "A"} {
		f.Add(`{"token":"` + token + `"}`)
	}
	for _, body := range []string{"", "{}", "[]", "null", `{"token":1}`, `{"token":null}`, `{"token":"a","token":"b"}`, `{"Token":"x"}`, "{\"token\":\"\xff\"}"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		resp, err := http.Post(url+"checkticketv1", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var refusal pragmatest.Frame
		if err := json.Unmarshal(text, &refusal); err != nil {
			t.Fatalf("%d %s: %v", resp.StatusCode, text, err)
		}
		switch resp.StatusCode {
		case http.StatusOK:
			var asked struct{ Token string }
			if json.Unmarshal([]byte(body), &asked) != nil || asked.Token == "" {
				t.Errorf("%q was answered with %s", body, text)
			}
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge:
			if refusal.ServiceError == nil || refusal.ServiceError.Error == "" {
				t.Errorf("%d without a reason: %s", resp.StatusCode, text)
			}
		default:
			t.Errorf("%q: status %d, %s", body, resp.StatusCode, text)
		}
	})
}

func TestMetricsTellOfTheLogInQueue(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	b := start(t, fmt.Sprintf(`core: {metricsAddress: %q}
game: {serviceConfigs: {LoginQueueServiceConfig: {targetLoginRatePerSecond: 1, targetCcuLimit: 2}}}`, l.Addr()))
	b.dial(t, b.token(t))
	for range 3 {
		resp, err := http.Get("http://" + b.addr[gamePlayer] + queuePath + "getinqueuev1")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	resp, err := http.Get("http://" + l.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"gamebackend_loginqueue_waiting 2\n", "gamebackend_loginqueue_sessions 1\n", "gamebackend_loginqueue_wait_seconds_count 1\n",
		"gamebackend_loginqueue_lapsed_total 0\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the metrics do not have %q", want)
		}
	}
}

// BenchmarkCheckTicket is one question of a waiting player over HTTP on loopback.
func BenchmarkCheckTicket(b *testing.B) {
	s := start(b, "game: {serviceConfigs: {LoginQueueServiceConfig: {targetCcuLimit: 0}}}")
	url := "http://" + s.addr[gamePlayer] + queuePath
	resp, err := http.Get(url + "getinqueuev1")
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		resp, err := http.Post(url+"checkticketv1", "application/json", strings.NewReader(string(body)))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status)
		}
	}
}
