package client_test

import (
	"errors"
	"testing"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

func TestErrorsReadWell(t *testing.T) {
	refused := &pragma.Error{Reason: "PartyService_PartyFull", Message: "party is full"}
	tests := map[string]struct {
		err  error
		want string
	}{
		"refusal":       {&client.CallError{Call: "PartyRpc.CreateV1", Err: refused}, "call PartyRpc.CreateV1: PartyService_PartyFull: party is full"},
		"with trace":    {&client.CallError{Call: "A.BV1", TraceID: "7", Err: refused}, "call A.BV1: PartyService_PartyFull: party is full (trace 7)"},
		"not sent":      {&client.CallError{Call: "A.BV1", Err: client.ErrDisconnected}, "call A.BV1: not connected"},
		"closed":        {&client.EndError{}, "client is closed"},
		"usurped":       {&client.EndError{Reason: pragma.EndUsurped}, "client is closed: session ended: USURPED"},
		"gave up":       {&client.EndError{Err: client.ErrGaveUp}, "client is closed: reconnecting took too long"},
		"http":          {&client.HTTPError{Status: 502}, "http status 502"},
		"token refused": {&client.EndError{Err: refused}, "client is closed: PartyService_PartyFull: party is full"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("Error() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRefusalsKeepWhatTravels(t *testing.T) {
	tests := map[string]struct {
		sent string
		want pragma.Error
	}{
		"refused by a plugin": {
			`"status":"SERVICE_ERROR","error":"PartyService_PartyFull","debugDetails":["PartyService_PartyFull: party is full: 4 of 4"]`,
			pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PartyFull", Message: "party is full: 4 of 4"}},
		"title error": {
			`"status":"SERVICE_ERROR","extError":"AUTH_CODE_EXPIRED","debugDetails":["AUTH_CODE_EXPIRED"]`,
			pragma.Error{Code: pragma.FailedPrecondition, Reason: "AUTH_CODE_EXPIRED", Title: true}},
		"does not fit":     {`"status":"BAD_PARAM","error":"Serialization_Error"`, pragma.Error{Code: pragma.InvalidArgument, Reason: "Serialization_Error"}},
		"wrong gateway":    {`"status":"BAD_SESSION","error":"SessionService_WrongSessionType"`, pragma.Error{Code: pragma.Unauthenticated, Reason: "SessionService_WrongSessionType"}},
		"bad session":      {`"status":"BAD_SESSION","error":"AccountService_TokenExpired"`, pragma.Error{Code: pragma.Unauthenticated, Reason: "AccountService_TokenExpired"}},
		"rate limit":       {`"status":"SERVICE_ERROR","error":"SessionService_RateLimited"`, pragma.Error{Code: pragma.ResourceExhausted, Reason: "SessionService_RateLimited"}},
		"overload":         {`"status":"SERVICE_ERROR","error":"Service_OperatingError"`, pragma.Error{Code: pragma.Unavailable, Reason: "Service_OperatingError"}},
		"shutting down":    {`"status":"SHUTTING_DOWN","error":"SessionService_SessionUnavailable"`, pragma.Error{Code: pragma.Unavailable, Reason: "SessionService_SessionUnavailable"}},
		"unexpected":       {`"status":"INTERNAL_ERROR","error":"UNKNOWN_ERROR"`, pragma.Error{Code: pragma.Internal, Reason: "UNKNOWN_ERROR"}},
		"without any name": {`"status":"SOMETHING_NEW"`, pragma.Error{Code: pragma.Internal, Reason: "UNKNOWN_ERROR"}},
		"live server's stack trace": {
			`"status":"SERVICE_ERROR","error":"PartyService_PartyNotFound","debugDetails":["x.y.PragmaException: PartyService_PartyNotFound: no such party"]`,
			pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PartyNotFound", Message: "no such party"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				p := f.player()
				f.on("Some.CallV1", func(c *fakeCall) {
					c.sock.raw(websocket.MessageText, `{"sequenceNumber":1,"serviceError":{"requestId":`+itoa(c.id)+`,`+tt.sent+`}}`)
				})
				_, err := client.Call[struct{}](t.Context(), p.GameConn(), "Some.CallV1", nil)
				e, ok := errors.AsType[*pragma.Error](err)
				if !ok {
					t.Fatalf("Call = %v, want a refusal", err)
				}
				if e.Code != tt.want.Code || e.Reason != tt.want.Reason || e.Title != tt.want.Title || e.Message != tt.want.Message {
					t.Errorf("got  %+v\nwant %+v", *e, tt.want)
				}
			})
		})
	}
}

func TestApplicationErrorsKeepTheirDetail(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("Some.CallV1", func(c *fakeCall) {
			c.sock.raw(websocket.MessageText, `{"sequenceNumber":1,"serviceError":{"requestId":`+itoa(c.id)+
				`,"status":"SERVICE_ERROR","extError":"TOO_POOR","applicationError":{"type":"TooPoor","payload":{"missing":3}}}}`)
		})
		_, err := client.Call[struct{}](t.Context(), p.GameConn(), "Some.CallV1", nil)
		e, _ := errors.AsType[*pragma.Error](err)
		if e == nil || e.Type != "TooPoor" || e.Detail.String() != `{"missing":3}` {
			t.Errorf("Call = %+v", e)
		}
	})
}

func TestPayloadThatCannotBeSentFailsBeforeItIs(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		for name, payload := range map[string]any{"a channel": make(chan int), "not UTF-8": map[string]string{"a": "\xff"}} {
			_, err := client.Call[struct{}](t.Context(), p.GameConn(), "Some.CallV1", payload)
			if err == nil || errors.Is(err, client.ErrOutcomeUnknown) {
				t.Errorf("%s: Call = %v, want an error about the payload", name, err)
			}
			o := f.operator()
			if _, err = client.Call[struct{}](t.Context(), o.Social(), "Some.CallV1", payload); err == nil {
				t.Errorf("%s: Call over HTTP succeeds", name)
			}
		}
		if got := len(f.seen("game Some.CallV1")); got != 0 {
			t.Errorf("sent %d times", got)
		}
	})
}

func TestUnsafeCredentialsOfBadTextAreRefusedByTheServer(t *testing.T) {
	if got := client.Unsafe("\xff", "x"); got.Provider != "UNSAFE" || got.Token != "" {
		t.Errorf("Unsafe = %q, want no token", got.Token)
	}
}
