package wire_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma/ext"
)

func TestOneBodyIsFramedForManyConnections(t *testing.T) {
	body, err := wire.AppendNotification(nil, "A.BV1Notification", nil)
	if err != nil {
		t.Fatal(err)
	}
	dst := []byte("head ")
	for seq, want := range map[int64]string{
		0:       `head {"sequenceNumber":0,"notification":{"type":"A.BV1Notification","payload":{}}}`,
		1 << 40: `head {"sequenceNumber":1099511627776,"notification":{"type":"A.BV1Notification","payload":{}}}`,
	} {
		if got := wire.AppendFrame(dst, seq, body); string(got) != want {
			t.Errorf("AppendFrame = %s, want %s", got, want)
		}
	}
}

func TestResponseAlwaysHasAPayload(t *testing.T) {
	for _, payload := range []any{nil, wire.Empty{}, &wire.Empty{}, ext.Value{}} {
		body, err := wire.AppendResponse(nil, -7, "A.BV1Response", payload)
		if err != nil {
			t.Fatal(err)
		}
		if want := `"response":{"requestId":-7,"type":"A.BV1Response","payload":{}}`; string(body) != want {
			t.Errorf("AppendResponse(%T) = %s, want %s", payload, body, want)
		}
	}
}

func TestAppendLeavesTheBufferAloneAfterAnError(t *testing.T) {
	bad := wire.DisplayName{DisplayName: "\xff"}
	dst := []byte("before")
	for name, appendBad := range map[string]func() ([]byte, error){
		"request":           func() ([]byte, error) { return wire.AppendRequest(dst, 1, "A.B", bad) },
		"response":          func() ([]byte, error) { return wire.AppendResponse(dst, 1, "A.B", bad) },
		"notification":      func() ([]byte, error) { return wire.AppendNotification(dst, "A.B", bad) },
		"notification type": func() ([]byte, error) { return wire.AppendNotification(dst, "\xff", nil) },
		"failed ext":        func() ([]byte, error) { return wire.AppendNotification(dst, "A.B", ext.Of(7)) },
		"service error": func() ([]byte, error) {
			return wire.AppendServiceError(dst, &wire.ServiceError{TraceID: "\xff"})
		},
	} {
		if got, err := appendBad(); err == nil || string(got) != "before" {
			t.Errorf("%s = %s, %v, want the old text and an error", name, got, err)
		}
	}
}

func TestServiceErrorIsMadeSafeForClients(t *testing.T) {
	for _, tt := range []struct {
		name string
		give wire.ServiceError
		want string
	}{
		{"nothing set", wire.ServiceError{},
			`{"requestId":0,"status":"ERROR_UNKNOWN","error":"UNKNOWN_ERROR","traceId":"","debugDetails":["UNKNOWN_ERROR"]}`},
		{"no details", wire.ServiceError{RequestID: 7, Status: wire.StatusServiceError, Error: "Database_Error", TraceID: "t"},
			`{"requestId":7,"status":"SERVICE_ERROR","error":"Database_Error","traceId":"t","debugDetails":["Database_Error"]}`},
		{"both names", wire.ServiceError{Status: wire.StatusServiceError, Error: "Database_Error", ExtError: "Duel_No"},
			`{"requestId":0,"status":"SERVICE_ERROR","extError":"Duel_No","traceId":"","debugDetails":["Duel_No"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.give
			got, err := wire.AppendServiceError(nil, &tt.give)
			if err != nil || string(got) != `"serviceError":`+tt.want {
				t.Errorf("AppendServiceError = %s, %v\nwant %s", got, err, tt.want)
			}
			if diff := cmp.Diff(tt.give, before); diff != "" {
				t.Errorf("the argument was changed:\n%s", diff)
			}
		})
	}
}

func TestParseFrameTellsTheKindsApart(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       wire.Frame
	}{
		{"response", `{"sequenceNumber":3,"response":{"requestId":7,"type":"A.BV1Response","payload":{"a":1}}}`,
			wire.Frame{Kind: wire.KindResponse, SequenceNumber: 3, RequestID: 7, Type: "A.BV1Response", Payload: []byte(`{"a":1}`)}},
		{"notification", `{"sequenceNumber":4,"notification":{"type":"A.BV1Notification","payload":{}}}`,
			wire.Frame{Kind: wire.KindNotification, SequenceNumber: 4, Type: "A.BV1Notification", Payload: []byte(`{}`)}},
		{"notification without payload", `{"sequenceNumber":4,"notification":{"type":"A.BV1Notification"}}`,
			wire.Frame{Kind: wire.KindNotification, SequenceNumber: 4, Type: "A.BV1Notification", Payload: []byte(`{}`)}},
		{"null payload", `{"sequenceNumber":4,"notification":{"type":"A.BV1Notification","payload":null}}`,
			wire.Frame{Kind: wire.KindNotification, SequenceNumber: 4, Type: "A.BV1Notification", Payload: []byte(`{}`)}},
		{"service error", `{"sequenceNumber":5,"serviceError":{"requestId":8,"status":3,"extError":"X","debugDetails":["X"]}}`,
			wire.Frame{SequenceNumber: 5, RequestID: 8, ServiceError: &wire.ServiceError{
				RequestID: 8, Status: wire.StatusServiceError, ExtError: "X", DebugDetails: []string{"X"}}}},
		{"neither", `{"sequenceNumber":6}`,
			wire.Frame{SequenceNumber: 6, ServiceError: &wire.ServiceError{Error: wire.UnknownError}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.ParseFrame([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("frame differs (-got +want):\n%s", diff)
			}
		})
	}
}

func TestParseFrameRefusesWhatIsNoFrame(t *testing.T) {
	for _, text := range []string{``, `[]`, `{"response":[]}`, `{"sequenceNumber":"x"}`, `{"notification":{"type":1}}`} {
		f, err := wire.ParseFrame([]byte(text))
		var decode *wire.DecodeError
		if !errors.As(err, &decode) {
			t.Errorf("ParseFrame(%s) = %+v, %v, want a DecodeError", text, f, err)
		}
	}
}

func TestPlatformErrorsAreASortedList(t *testing.T) {
	names := wire.PlatformErrorNames()
	if !slices.IsSorted(names) {
		t.Error("names are not sorted")
	}
	if got := len(names); got != 172 {
		t.Errorf("%d names, want 172", got)
	}
	for _, name := range names {
		number, ok := wire.PlatformErrorNumber(name)
		if back, found := wire.PlatformErrorName(number); !ok || !found || back != name {
			t.Errorf("%s = %d, which is %s", name, number, back)
		}
	}
}

func TestPlatformErrorNumbers(t *testing.T) {
	for name, want := range map[string]int32{
		"UNKNOWN_ERROR":                             0,
		"SessionService_SessionUnavailable":         1,
		"SessionService_RateLimited":                20,
		"INVALID_REQUEST_TYPE":                      22,
		"AccountService_JwtKeyNotFound":             132,
		"GameInstanceService_DataStoreTooLarge":     420,
		"InventoryService_EntitlementProviderError": 531,
		"MatchmakingService_PartyUpdateFailed":      608,
		"MatchCapacityService_InvalidLauncher":      809,
		"FleetService_UnsuccessfulResponse":         821,
		"PartyService_PlayersNotReady":              906,
		"PartyService_TooManyInvites":               928,
		"GameManagementService_InvalidFilter":       1012,
		"TelemetryService_UnsupportedOperation":     1102,
		"Database_Error":                            1201,
		"Service_OperatingError":                    1202,
		"Serialization_Error":                       1203,
		"PaymentService_SteamLockedAccount":         1311,
		"PlayerDataService_InvalidUniqueEntity":     1402,
		"DataRightsService_RequestNotFound":         1504,
		"FriendService_InternalError":               1601,
	} {
		if got, ok := wire.PlatformErrorNumber(name); !ok || got != want {
			t.Errorf("%s = %d, %v, want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "AUTH_CODE_NOT_FOUND", "PartyService_partyFull", "ZZZ"} {
		if wire.IsPlatformError(name) {
			t.Errorf("%q is taken for a platform error", name)
		}
	}
	for _, retired := range []int32{3, 108, 402, 404, -1} {
		if name, ok := wire.PlatformErrorName(retired); ok {
			t.Errorf("%d is used again, for %s", retired, name)
		}
	}
}
