package escs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
)

// TestTheDocumentedFormIsWritten compares what is sent with testdata/submission.json,
// byte for byte (escs E8).
func TestTheDocumentedFormIsWritten(t *testing.T) {
	golden, err := os.ReadFile("testdata/submission.json")
	if err != nil {
		t.Fatal(err)
	}
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		a.end(b, 12, 0.5)
		r := a.platform.Requests()[0]
		body := strings.Replace(string(r.Body), a.row(b).Delivery.ID, "delivery-1", 1)
		equal(t, "body", body+"\n", string(golden))
		equal(t, "request", []string{r.Method, r.Path, r.Key, r.Header.Get("Content-Type")},
			[]string{"POST", "/rpc/SubmitSetResults", "final:round-final", "application/json"})
		if id := a.row(b).Delivery.ID; len(id) < 16 {
			t.Errorf("delivery id %q is guessed too easily", id)
		}
	})
}

// perPlayer sends a request for each player.
type perPlayer struct{}

func (perPlayer) EncodeResults(ctx context.Context, r *escs.EncodeResultsRequest) ([]escs.Submission, error) {
	var list []escs.Submission
	for _, p := range r.Delivery.Results {
		one := *r.Delivery
		one.Results = []escs.PlayerScores{p}
		made, err := escs.DefaultEncoder{}.EncodeResults(ctx, &escs.EncodeResultsRequest{Delivery: &one, GameID: r.GameID, Secret: r.Secret})
		if err != nil {
			return nil, err
		}
		made[0].Part = p.IngamePlayerID
		list = append(list, made[0])
	}
	return list, nil
}

func TestAnEncoderMaySplitResults(t *testing.T) {
	inArena(t, resultOptions{encoder: perPlayer{}}, func(a *arena) {
		a.platform.Script(escstest.Fault{}, escstest.RetryAfter(503, "10"), escstest.LoseAnswer())
		b := a.set("final")
		a.end(b, 3, 5)
		time.Sleep(time.Second)
		a.is(b, "ENDED, PENDING")
		a.Restart()
		time.Sleep(time.Minute)
		a.is(b, "RESULTS_SENT, SENT")
		var keys []string
		for _, r := range a.platform.Requests() {
			keys = append(keys, fmt.Sprint(r.Key, " ", r.Status))
		}
		equal(t, "requests", keys, []string{
			"final:round-final:game-ada 200", "final:round-final:game-ben 503", "final:round-final:game-ben 0", "final:round-final:game-ben 200",
		})
		equal(t, "taken", a.taken(), []string{"final 3", "final 5"})
		a.clean()
		a.stays(b)
		equal(t, "requests in the end", a.received(), 4)
	})
}

// stays fails the test if the results of a set could be sent again.
func (a *arena) stays(b *bout) {
	a.t.Helper()
	if err := a.escs.ResendResults(a.t.Context(), b.start.SetID, ""); !errors.Is(err, escs.ErrResultsSent) {
		a.t.Errorf("resend: %v, want ErrResultsSent", err)
	}
}

// encoderFunc is an encoder.
type encoderFunc func(r *escs.EncodeResultsRequest) ([]escs.Submission, error)

func (f encoderFunc) EncodeResults(_ context.Context, r *escs.EncodeResultsRequest) ([]escs.Submission, error) {
	return f(r)
}

func TestAnEncoderThatFailsLosesNothing(t *testing.T) {
	good, err := []escs.Submission{{Body: []byte("{}")}}, error(nil)
	for _, c := range []struct {
		name string
		fn   encoderFunc
		want string
	}{
		{"an error", func(r *escs.EncodeResultsRequest) ([]escs.Submission, error) {
			return good, fmt.Errorf("cannot write with %s", r.Secret.Reveal())
		}, "cannot write with ***"},
		{"a panic", func(*escs.EncodeResultsRequest) ([]escs.Submission, error) { panic("oh") }, "internal error"},
		{"nothing", func(*escs.EncodeResultsRequest) ([]escs.Submission, error) { return nil, err }, "made 0 submissions"},
		{"far too many", func(*escs.EncodeResultsRequest) ([]escs.Submission, error) {
			return make([]escs.Submission, escs.MaxSubmissions+1), nil
		}, "made 1025 submissions"},
		{"the same part twice", func(*escs.EncodeResultsRequest) ([]escs.Submission, error) {
			return []escs.Submission{{Part: "a"}, {Part: "a"}}, nil
		}, `the part "a"`},
		{"two without part", func(*escs.EncodeResultsRequest) ([]escs.Submission, error) {
			return []escs.Submission{{}, {}}, nil
		}, `the part ""`},
		{"no address", func(*escs.EncodeResultsRequest) ([]escs.Submission, error) {
			return []escs.Submission{{URL: "http://\x00/" + oldSecret}}, nil
		}, ""},
		{"no method", func(*escs.EncodeResultsRequest) ([]escs.Submission, error) {
			return []escs.Submission{{Method: "A B"}}, nil
		}, "invalid method"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mended atomic.Bool
			encoder := encoderFunc(func(r *escs.EncodeResultsRequest) ([]escs.Submission, error) {
				if mended.Load() {
					return escs.DefaultEncoder{}.EncodeResults(context.Background(), r)
				}
				return c.fn(r)
			})
			inArena(t, resultOptions{encoder: encoder}, func(a *arena) {
				b := a.set("final")
				a.end(b, 3, 5)
				a.is(b, "ENDED, PENDING")
				if got := a.row(b).LastError; !strings.Contains(got, c.want) || strings.Contains(got, oldSecret) || got == "" {
					t.Errorf("last error %q, want %q in it, and no secret", got, c.want)
				}
				mended.Store(true)
				time.Sleep(3 * time.Minute)
				a.is(b, "RESULTS_SENT, SENT")
				a.clean()
			})
		})
	}
}

func TestAnEncoderDecidesEverything(t *testing.T) {
	inArena(t, resultOptions{encoder: encoderFunc(func(r *escs.EncodeResultsRequest) ([]escs.Submission, error) {
		return []escs.Submission{{
			Method: "PATCH", Body: []byte("x=1"),
			Header: map[string][]string{"content-type": {"text/plain"}, "X-Key": {r.Secret.Reveal()}, "Idempotency-Key": {"mine"}},
		}}, nil
	})}, func(a *arena) {
		a.platform.Script(escstest.Fault{Status: 204})
		b := a.set("final")
		a.end(b, 3, 5)
		a.is(b, "RESULTS_SENT, SENT")
		r := a.platform.Requests()[0]
		equal(t, "request", []string{r.Method, string(r.Body), r.Key, r.Header.Get("Content-Type"), r.Header.Get("X-Key")},
			[]string{"PATCH", "x=1", "mine", "text/plain", oldSecret})
	})
}
