package escs_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const resend = "ExternalMatchmakingRpc.ResendResultsOperatorV1"

// ask makes the call and returns the reason of its refusal, empty for none.
func ask(o *pragmatest.Raw, payload m) string {
	_, refused := o.Try(resend, payload)
	return refused
}

type m = map[string]any

func TestDeadResultsAreSentAgain(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		a.platform.Script(escstest.ErrorInBody("CLOSED", "no"))
		b := a.set("final")
		a.end(b, 3, 5)
		a.is(b, "RESULTS_FAILED REFUSED, DEAD")
		a.Restart()
		time.Sleep(2 * time.Hour) // long after the deadline
		o := a.Operator(pragma.Game, pragma.RoleAdmin)
		a.platform.Script(escstest.Status(503), escstest.Status(503))
		equal(t, "resend", ask(o, m{"setId": "final", "roundId": "round-final"}), "")
		time.Sleep(time.Minute) // which is the grace, from then on
		a.is(b, "RESULTS_SENT, SENT")
		equal(t, "requests", a.received(), 4)
		equal(t, "resend what is sent", ask(o, m{"setId": "final", "roundId": "round-final"}), "ExternalMatchmakingService_ResultsAlreadySent")
		equal(t, "requests", a.received(), 4)
		equal(t, "audit lines", strings.Count(a.Logs(), `action="send tournament results again"`), 2)
		a.clean()
	})
}

func TestWhoMayOnlyLookSendsNothingAgain(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		a.platform.Script(escstest.Status(400))
		b := a.set("final")
		a.end(b, 3, 5)
		viewer := a.Operator(pragma.Game, pragma.RoleViewer)
		equal(t, "refusal", ask(viewer, m{"setId": "final", "roundId": "round-final"}), "AccountService_Unauthorized")
		time.Sleep(time.Minute)
		a.is(b, "RESULTS_FAILED REFUSED, DEAD")
		equal(t, "requests", a.received(), 1)
	})
}

func TestAResendHasADeadlineToo(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		a.platform.Always(escstest.Status(400))
		b := a.set("final")
		a.end(b, 3, 5)
		time.Sleep(time.Hour)
		a.platform.Always(escstest.Status(500))
		if err := a.escs.ResendResults(a.t.Context(), "final", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Second)
		a.is(b, "RESULTS_FAILED REFUSED, PENDING")
		time.Sleep(12 * time.Second)
		a.is(b, "RESULTS_FAILED EXPIRED, DEAD")
	})
}

func TestResultsThatWaitAreSentAtOnce(t *testing.T) {
	for _, fault := range []escstest.Fault{escstest.RetryAfter(503, "300"), escstest.Status(401)} {
		inArena(t, resultOptions{}, func(a *arena) {
			a.platform.Script(fault)
			b := a.set("final")
			a.end(b, 3, 5)
			time.Sleep(5 * time.Second)
			a.is(b, "ENDED, PENDING")
			if err := a.escs.ResendResults(a.t.Context(), "final", "round-final"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			a.is(b, "RESULTS_SENT, SENT")
		})
	}
}

func TestAResendDoesNotDoubleAnAttempt(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		a.platform.Script(escstest.Late(3 * time.Second))
		b := a.set("final")
		a.end(b, 3, 5)
		for range 5 {
			if err := a.escs.ResendResults(a.t.Context(), "final", "round-final"); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(5 * time.Second)
		a.is(b, "RESULTS_SENT, SENT")
		equal(t, "requests", a.received(), 1)
	})
}

func TestResendRefusesWhatIsNotThere(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("running")
		o := a.Operator(pragma.Game, pragma.RoleAdmin)
		const missing = "ExternalMatchmakingService_ResultsNotFound"
		for _, c := range []struct {
			name    string
			payload m
			want    string
		}{
			{"no set", m{}, "Serialization_Error"},
			{"unknown", m{"setId": "nobody", "roundId": "nothing"}, missing},
			{"unknown, without round", m{"setId": "nobody"}, missing},
			{"a game that runs", m{"setId": "running", "roundId": "round-running"}, missing},
			{"another round", m{"setId": "running", "roundId": "x"}, missing},
			{"huge", m{"setId": strings.Repeat("x", 9000), "roundId": strings.Repeat("y", 9000)}, missing},
			{"separators", m{"setId": "running:round", "roundId": "-running"}, missing},
			{"line ends", m{"setId": "a\nb", "roundId": "\x00"}, missing},
			{"a line end, and no round", m{"setId": "a\nb"}, missing},
		} {
			if got := ask(o, c.payload); got != c.want {
				t.Errorf("%s: got %q, want %q", c.name, got, c.want)
			}
		}
		if err := a.escs.ResendResults(a.t.Context(), "running", ""); !errors.Is(err, escs.ErrNoResults) {
			t.Errorf("got %v, want ErrNoResults", err)
		}
		a.is(b, "IN_MATCH")
	})
}

func TestRowsOfDifferentResultsNeverMeet(t *testing.T) {
	seen := make(map[string]string)
	long := strings.Repeat("x", 127)
	for _, pair := range [][2]string{
		{"a", "b"}, {"a:", "b"}, {"a", ":b"}, {"a:b", ""}, {"", "a:b"}, {"", "ab"}, {"ab", ""}, {"a:b", "c"}, {"a", "b:c"},
		{long, ""}, {long, "x"}, {long + "x", ""}, {long + ":x", ""}, {"sha256", "x"}, {"1:a", "b"},
	} {
		id := escs.RowID(pair[0], pair[1])
		if len(id) > 128 {
			t.Errorf("%q: id of %d bytes", pair, len(id))
		}
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %s have the same row %s", pair, other, id)
		}
		seen[id] = strings.Join(pair[:], " | ")
	}
}

func TestOperatorsSeeHowResultsAre(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		if info, err := a.escs.ResultInfo(a.t.Context(), "final", "round-final"); info != nil || err != nil {
			t.Errorf("before the end: %+v, %v", info, err)
		}
		a.platform.Script(escstest.RetryAfter(503, "30"))
		a.end(b, 3, 5)
		info, err := a.escs.ResultInfo(a.t.Context(), "final", "round-final")
		if err != nil {
			t.Fatal(err)
		}
		in := time.Until(info.NextAttempt).Round(time.Second)
		equal(t, "while it waits", []any{info.State, info.Attempts, in, info.LastError}, []any{"PENDING", 1, 30 * time.Second, "status 503: 503 Service Unavailable"})
		time.Sleep(time.Minute)
		if info, err = a.escs.ResultInfo(a.t.Context(), "final", "round-final"); err != nil {
			t.Fatal(err)
		}
		equal(t, "when it is sent", []any{info.State, info.Attempts, info.NextAttempt.IsZero(), info.LastError}, []any{"SENT", 2, true, ""})
	})
}
