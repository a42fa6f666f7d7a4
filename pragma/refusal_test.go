package pragma_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
)

// refusal is one row of the table in wire §16.8.
type refusal struct {
	http          int
	status, error string
}

const sayFrame = `{"requestId":7,"type":"LabRpc.SayV1Request"}`

// wantRefusal checks what a client reads of a refusal.
func wantRefusal(t *testing.T, name string, got refused, want refusal) {
	t.Helper()
	e := got.Frame.ServiceError
	if e == nil {
		t.Errorf("%s: got status %d and %s, want %v", name, got.Status, got.Frame, want)
		return
	}
	if have := (refusal{got.Status, e.Status, e.Error}); have != want {
		t.Errorf("%s: got %v, want %v", name, have, want)
	}
	if e.TraceID == "" || len(e.DebugDetails) == 0 || !strings.HasPrefix(e.DebugDetails[0], want.error) {
		t.Errorf("%s: trace id %q and details %q, want some that begin with the name", name, e.TraceID, e.DebugDetails)
	}
	busy := want.http == http.StatusServiceUnavailable || want.http == http.StatusTooManyRequests
	if (got.Retry == "1") != busy {
		t.Errorf("%s: Retry-After is %q with status %d", name, got.Retry, want.http)
	}
}

func TestBadTokensAreRefused(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		good, _ := r.login()
		ended, _ := w.robin().login()
		w.Raw(gamePlayer, ended).Close()
		other := w.robin()
		older, _ := other.login()
		other.socket()
		_, social := w.Tokens("robin")
		settle()
		dot := strings.LastIndexByte(good, '.')
		unreadable := refusal{401, "BAD_SESSION", "AccountService_TokenDecodeFailed"}
		elsewhere := refusal{403, "BAD_SESSION", "SessionService_WrongSessionType"}
		over := refusal{401, "BAD_SESSION", replaced}
		for _, tt := range []struct {
			name, token string
			gateway     pragma.Gateway
			want        refusal
		}{
			{"none", "", gamePlayer, unreadable},
			{"nonsense", "x.y.z", gamePlayer, unreadable},
			{"bad signature", good[:dot+1] + strings.Repeat("A", len(good)-dot-1), gamePlayer, refusal{401, "BAD_SESSION", "AccountService_TokenSignatureVerificationFailed"}},
			{"replaced session", older, gamePlayer, over},
			{"ended session", ended, gamePlayer, over},
			{"a partner's at the player gateway", w.partnerToken(), gamePlayer, elsewhere},
			{"a player's at the partner gateway", good, gamePartner, elsewhere},
			{"a player's at the operator gateway", good, gameOperator, elsewhere},
			{"another backend's", social, gamePlayer, elsewhere},
		} {
			wantRefusal(t, tt.name+", upgrade", w.refuseUpgrade(tt.gateway, tt.token), tt.want)
			wantRefusal(t, tt.name+", HTTP", w.post(tt.gateway, tt.token, sayFrame), tt.want)
		}
		time.Sleep(24*time.Hour + time.Second)
		expired := refusal{401, "BAD_SESSION", "AccountService_TokenExpired"}
		wantRefusal(t, "expired, upgrade", w.refuseUpgrade(gamePlayer, good), expired)
		wantRefusal(t, "expired, HTTP", w.post(gamePlayer, good, sayFrame), expired)
	})
}

func TestAuthorizationHeaderMustBeABearer(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		for header, want := range map[string]int{
			"Bearer " + token: http.StatusOK,
			"bearer " + token: http.StatusOK,
			"Basic " + token:  http.StatusUnauthorized,
			token:             http.StatusUnauthorized,
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.Address(gamePlayer)+"/v1/rpc", strings.NewReader(sayFrame))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", header)
			resp, err := w.HTTP().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.read(resp).Status; got != want {
				t.Errorf("%.10s…: status = %d, want %d", header, got, want)
			}
		}
	})
}

// failures are errors of a handler and what clients read of them.
var failures = []struct {
	name string
	err  error
	want refusal
}{
	{"refused by a service", errFull, refusal{200, "SERVICE_ERROR", "PartyService_PartyFull"}},
	{"wrapped refusal", fmt.Errorf("join: %w", errFull), refusal{200, "SERVICE_ERROR", "PartyService_PartyFull"}},
	{"unexpected failure", errors.New("the password is hunter2"), refusal{200, "INTERNAL_ERROR", "UNKNOWN_ERROR"}},
	{"undecodable ext", &ext.DecodeError{}, refusal{200, "BAD_PARAM", "Serialization_Error"}},
	{"overload", pragma.ErrUnavailable, refusal{503, "SERVICE_ERROR", "Service_OperatingError"}},
	{"store not reachable", fmt.Errorf("load: %w", store.ErrUnavailable), refusal{503, "SERVICE_ERROR", "Service_OperatingError"}},
	{"store full", store.ErrFull, refusal{503, "SERVICE_ERROR", "Service_OperatingError"}},
	{"deadline", context.DeadlineExceeded, refusal{503, "SERVICE_ERROR", "Service_OperatingError"}},
	{"undeliverable text", errFull.With("\xff"), refusal{200, "SERVICE_ERROR", "PartyService_PartyFull"}},
}

func TestFailuresOfHandlersAreToldAsDocumented(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		c := w.Raw(gamePlayer, token)
		for _, tt := range failures {
			w.failV1 = func() error { return tt.err }
			over := w.post(gamePlayer, token, `{"requestId":7,"type":"LabRpc.FailV1Request"}`)
			wantRefusal(t, tt.name+", HTTP", over, tt.want)
			f := call(c, "LabRpc.FailV1", said{})
			wantRefusal(t, tt.name+", socket", refused{tt.want.http, f, over.Retry}, tt.want)
			if strings.Contains(fmt.Sprint(f.ServiceError, over.Frame.ServiceError), "hunter2") {
				t.Errorf("%s: the cause reached the client", tt.name)
			}
		}
		if !strings.Contains(w.Logs(), "hunter2") {
			t.Error("the log does not have the cause of the unexpected failure")
		}
	})
}

func TestPanicIsAnInternalErrorAndTheSocketStays(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		c := w.robin().socket()
		f := call(c, "LabRpc.PanicV1", said{})
		wantRefusal(t, "panic", refused{Status: 200, Frame: f}, refusal{200, "INTERNAL_ERROR", "UNKNOWN_ERROR"})
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("then got %s", f)
		}
		if !strings.Contains(w.Logs(), "boom") || !strings.Contains(w.Logs(), "harness_test.go") {
			t.Error("the log does not have the panic with its stack")
		}
	})
}

func TestTitleErrorsTravelAsExtError(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		w.failV1 = func() error { return &pragma.Error{Reason: "Guild_NameTaken_Robin", Title: true, Message: "taken"} }
		c := w.robin().socket()
		e := call(c, "LabRpc.FailV1", said{}).ServiceError
		if e == nil || e.Status != "SERVICE_ERROR" || e.ExtError != "Guild_NameTaken_Robin" || e.Error != "" {
			t.Errorf("got %+v, want the reason as extError alone", e)
		}
	})
}

func TestCallThatTakesTooLongIsUnavailable(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		c := w.robin().socket()
		begin := time.Now()
		f := call(c, "LabRpc.PatientV1", said{})
		wantRefusal(t, "deadline", refused{503, f, "1"}, refusal{503, "SERVICE_ERROR", "Service_OperatingError"})
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("it was ended after %v, want 5s", took)
		}
	})
}

func TestRequestsThatCannotBeRoutedOrReadAreRefused(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		c := w.Raw(gamePlayer, token)
		malformed := refusal{400, "BAD_PARAM", "Serialization_Error"}
		elsewhere := refusal{200, "BAD_SESSION", "SessionService_WrongSessionType"}
		for _, tt := range []struct {
			name, frame string
			want        refusal
			id          int64
		}{
			{"another gateway's type", `{"requestId":5,"type":"LabRpc.SayPartnerV1Request"}`, elsewhere, 5},
			{"another backend's type", `{"requestId":5,"type":"AccountRpc.GetAccountV1Request"}`, elsewhere, 5},
			{"unknown type", `{"requestId":5,"type":"LabRpc.NopeV1Request"}`, refusal{200, "BAD_PARAM", "INVALID_REQUEST_TYPE"}, 5},
			{"payload of another type", `{"requestId":5,"type":"LabRpc.SayV1Request","payload":{"text":[1]}}`, refusal{200, "BAD_PARAM", "Serialization_Error"}, 5},
			{"not JSON", `hello`, malformed, 0},
			{"not an object", `[1,2]`, malformed, 0},
			{"without type", `{"requestId":6,"payload":{}}`, malformed, 6},
			{"duplicate member", `{"requestId":6,"type":"LabRpc.SayV1Request","type":"x"}`, malformed, 6},
			{"too deep", `{"requestId":6,"type":"LabRpc.SayV1Request","payload":{"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}}`, malformed, 6},
			{"much too deep", `{"requestId":6,"type":"LabRpc.SayV1Request","payload":` + strings.Repeat("[", 30000), malformed, 6},
			{"too deep before the id", `{"payload":` + strings.Repeat("[", 30000) + `,"requestId":6}`, malformed, 0},
			{"list for the payload", `{"requestId":5,"type":"LabRpc.SayV1Request","payload":[]}`, refusal{200, "BAD_PARAM", "Serialization_Error"}, 5},
			{"text for the payload", `{"requestId":5,"type":"LabRpc.SayV1Request","payload":"{}"}`, refusal{200, "BAD_PARAM", "Serialization_Error"}, 5},
			{"number for the payload of an unknown type", `{"requestId":5,"type":"LabRpc.NopeV1Request","payload":7}`, refusal{200, "BAD_PARAM", "INVALID_REQUEST_TYPE"}, 5},
		} {
			over := w.post(gamePlayer, token, tt.frame)
			wantRefusal(t, tt.name+", HTTP", over, tt.want)
			c.Send(tt.frame)
			f := c.Read()
			wantRefusal(t, tt.name+", socket", refused{tt.want.http, f, ""}, tt.want)
			if f.ServiceError.RequestID != tt.id || over.Frame.ServiceError.RequestID != tt.id {
				t.Errorf("%s: request ids %d and %d, want %d", tt.name, f.ServiceError.RequestID, over.Frame.ServiceError.RequestID, tt.id)
			}
		}
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("then the socket got %s, want it to stay", f)
		}
	})
}

func TestPartnerTokenAllowsOnlyItsTypes(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		c := w.Raw(gamePartner, w.partnerToken("LabRpc.OtherPartnerV1Request"))
		f := call(c, "LabRpc.SayPartnerV1", said{})
		wantRefusal(t, "another type", refused{200, f, ""}, refusal{200, "BAD_SESSION", "SessionService_WrongSessionType"})
		if f := call(c, "PartnerSessionRpc.HeartbeatPartnerV1", nil); f.Response == nil {
			t.Errorf("the heartbeat got %s", f)
		}
		allowed := w.Raw(gamePartner, w.partnerToken("LabRpc.SayPartnerV1Request"))
		if f := call(allowed, "LabRpc.SayPartnerV1", said{}); f.Response == nil {
			t.Errorf("the allowed type got %s", f)
		}
		over := w.post(gamePartner, w.partnerToken("x"), `{"requestId":1,"type":"LabRpc.SayPartnerV1Request"}`)
		wantRefusal(t, "HTTP", over, refusal{200, "BAD_SESSION", "SessionService_WrongSessionType"})
	})
}

func TestHTTPRefusesOtherPathsMethodsAndContentTypes(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		for _, tt := range []struct {
			name, method, path, contentType string
			want                            int
		}{
			{"unknown path", "GET", "/v1/nothing", "", 404},
			{"the old socket path", "GET", "/v1/ws", "", 404},
			{"method", "DELETE", "/v1/rpc", "", 405},
			{"text", "POST", "/v1/rpc", "text/plain", 415},
			{"nonsense", "POST", "/v1/rpc", "a/b/c", 415},
			{"with a charset", "POST", "/v1/rpc", "application/json; charset=utf-8", 200},
			{"none", "POST", "/v1/rpc", "", 200},
			{"no upgrade", "GET", "/v1/rpc", "", 426},
		} {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+w.Address(gamePlayer)+tt.path, strings.NewReader(sayFrame))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			if tt.contentType != "" {
				req.Header.Set("Content-Type", tt.contentType)
			}
			resp, err := w.HTTP().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.read(resp).Status; got != tt.want {
				t.Errorf("%s: status = %d, want %d", tt.name, got, tt.want)
			}
		}
	})
}

func TestRequestThatIsNoUpgradeTakesNoSessionOver(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		c := r.socket()
		newer, _ := r.login()
		if status, _ := w.get(gamePlayer, "/v1/rpc", newer); status != http.StatusUpgradeRequired {
			t.Errorf("status = %d, want 426", status)
		}
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("the socket got %s", f)
		}
	})
}
