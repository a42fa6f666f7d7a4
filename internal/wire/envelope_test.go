package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/wire"
)

func TestParseRequestReadsWhatClientsSend(t *testing.T) {
	payload := []byte(`{"a":1}`)
	for _, tt := range []struct {
		name, frame string
		want        wire.Request
	}{
		{"usual order", `{"requestId":7,"type":"A.BV1Request","payload":{"a":1}}`, wire.Request{RequestID: 7, Type: "A.BV1Request", Payload: payload}},
		{"other order", `{"payload":{"a":1},"type":"A.BV1Request","requestId":7}`, wire.Request{RequestID: 7, Type: "A.BV1Request", Payload: payload}},
		{"white space", " {\n\"requestId\" : 7 , \"type\" : \"A.BV1Request\" , \"payload\" :\t{\"a\":1} } ", wire.Request{RequestID: 7, Type: "A.BV1Request", Payload: payload}},
		{"unknown members", `{"x":[{"requestId":9}],"requestId":7,"type":"A.BV1Request","payload":{"a":1},"y":null}`, wire.Request{RequestID: 7, Type: "A.BV1Request", Payload: payload}},
		{"snake case", `{"request_id":7,"type":"A.BV1Request","payload":{"a":1}}`, wire.Request{RequestID: 7, Type: "A.BV1Request", Payload: payload}},
		{"escaped names", `{"request\u0049d":7,"\u0074ype":"A.BV1\u0052equest","payload":{"a":1}}`, wire.Request{RequestID: 7, Type: "A.BV1Request", Payload: payload}},
		{"number as text", `{"requestId":"7","type":"A.BV1Request","payload":{"a":1}}`, wire.Request{RequestID: 7, Type: "A.BV1Request", Payload: payload}},
		{"number beyond 32 bits", `{"requestId":1767322800000,"type":"A.BV1Request"}`, wire.Request{RequestID: 1767322800000, Type: "A.BV1Request", Payload: []byte("{}")}},
		{"number beyond float precision", `{"requestId":9007199254740993,"type":"A.BV1Request"}`, wire.Request{RequestID: 9007199254740993, Type: "A.BV1Request", Payload: []byte("{}")}},
		{"negative number", `{"requestId":-1,"type":"A.BV1Request"}`, wire.Request{RequestID: -1, Type: "A.BV1Request", Payload: []byte("{}")}},
		{"no number", `{"type":"A.BV1Request","payload":{"a":1}}`, wire.Request{Type: "A.BV1Request", Payload: payload}},
		{"no payload", `{"requestId":7,"type":"A.BV1Request"}`, wire.Request{RequestID: 7, Type: "A.BV1Request", Payload: []byte("{}")}},
		{"null payload and number", `{"requestId":null,"type":"A.BV1Request","payload":null}`, wire.Request{Type: "A.BV1Request", Payload: []byte("{}")}},
		{"small first letter", `{"requestId":7,"type":"gameInstanceRpc.EndGameV1Request"}`, wire.Request{RequestID: 7, Type: "GameInstanceRpc.EndGameV1Request", Payload: []byte("{}")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.ParseRequest([]byte(tt.frame))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("request differs (-got +want):\n%s", diff)
			}
		})
	}
}

func TestParseRequestSaysWhatIsWrongAndWhichCallItWas(t *testing.T) {
	for _, tt := range []struct {
		name, frame string
		id          int64
		want        string
	}{
		{"nothing", ``, 0, "not valid JSON"},
		{"words", `hello`, 0, "not valid JSON"},
		{"half a frame", `{"requestId":7,"type":"A.B`, 7, "not valid JSON"},
		{"broken payload", `{"requestId":7,"type":"A.B","payload":{]}`, 7, "not valid JSON"},
		{"two frames", `{"requestId":7,"type":"A.B"}{}`, 7, "not valid JSON"},
		{"bad UTF-8 in the payload", "{\"requestId\":7,\"type\":\"A.B\",\"payload\":{\"a\":\"\xff\"}}", 7, "not valid JSON"},
		{"list", `[1]`, 0, "not an object"},
		{"text", `"hello"`, 0, "not an object"},
		{"null", `null`, 0, "not an object"},
		{"no type", `{"requestId":7,"payload":{}}`, 7, "type is missing"},
		{"null type", `{"requestId":7,"type":null}`, 7, "type is missing"},
		{"empty type", `{"requestId":7,"type":""}`, 7, "type is missing"},
		{"number for the type", `{"type":1,"requestId":7}`, 7, "type is not text"},
		{"word for the number", `{"requestId":"hunter2","type":"A.B"}`, 0, "requestId is not a whole number of 64 bits"},
		{"fraction for the number", `{"requestId":7.5,"type":"A.B"}`, 0, "requestId is not a whole number of 64 bits"},
		{"number beyond 64 bits", `{"requestId":9223372036854775808,"type":"A.B"}`, 0, "requestId is not a whole number of 64 bits"},
		{"number twice", `{"requestId":7,"requestId":8,"type":"A.B"}`, 7, "duplicate member"},
		{"number in two spellings", `{"requestId":7,"request_id":8,"type":"A.B"}`, 7, "duplicate member"},
		{"duplicate in the payload", `{"requestId":7,"type":"A.B","payload":{"a":{"b":1,"b":2}}}`, 7, "duplicate member"},
		{"too deep", `{"requestId":7,"type":"A.B","payload":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 65), 7, "nested too deep"},
		{"much too deep", `{"requestId":7,"type":"A.B","payload":` + strings.Repeat("[", 1<<16), 7, "nested too deep"},
		{"too deep before the number", `{"payload":` + strings.Repeat("[", 1<<16) + `,"requestId":7}`, 0, "nested too deep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.ParseRequest([]byte(tt.frame))
			var envelope *wire.EnvelopeError
			if !errors.As(err, &envelope) {
				t.Fatalf("ParseRequest = %+v, %v, want an EnvelopeError", got, err)
			}
			if text, want := err.Error(), "read envelope: "+tt.want; text != want {
				t.Errorf("error = %q, want %q", text, want)
			}
			if got.RequestID != tt.id {
				t.Errorf("RequestID = %d, want %d", got.RequestID, tt.id)
			}
		})
	}
}

func TestParseRequestLeavesTheKindOfThePayloadToItsType(t *testing.T) {
	for _, payload := range []string{`[]`, `"{}"`, `7`, `false`} {
		got, err := wire.ParseRequest([]byte(`{"type":"A.B","payload":` + payload + `,"requestId":7}`))
		if err != nil || string(got.Payload) != payload {
			t.Errorf("%s: got payload %s, %v", payload, got.Payload, err)
		}
	}
}

func TestParseRequestAcceptsTheDeepestFrame(t *testing.T) {
	frame := `{"requestId":7,"type":"A.B","payload":` + strings.Repeat(`{"a":`, 62) + "{}" + strings.Repeat("}", 63)
	if _, err := wire.ParseRequest([]byte(frame)); err != nil {
		t.Error(err)
	}
}

func TestPayloadSharesMemoryAndCannotGrowIntoTheFrame(t *testing.T) {
	frame := []byte(`{"payload":{"a":1},"type":"A.B"}`)
	r, err := wire.ParseRequest(frame)
	if err != nil {
		t.Fatal(err)
	}
	if &r.Payload[0] != &frame[11] {
		t.Error("the payload was copied")
	}
	_ = append(r.Payload, "XXXX"...)
	if want := `{"payload":{"a":1},"type":"A.B"}`; string(frame) != want {
		t.Errorf("frame = %s, want %s", frame, want)
	}
}

func TestResponseTypeKeepsTheNameThatWasAsked(t *testing.T) {
	for request, want := range map[string]string{
		"PartyRpc.CreateV1Request":                 "PartyRpc.CreateV1Response",
		"ServiceRequestRpc.RequestLogoutV1Request": "ServiceRequestRpc.RequestLogoutV1Response",
		"NotOurConvention":                         "NotOurConventionResponse",
		"PartyRpc.UpdatePartySelectionsV1Request":  "PartyRpc.UpdatePartySelectionsV1Response",
	} {
		if got := wire.ResponseType(request); got != want {
			t.Errorf("ResponseType(%s) = %s, want %s", request, got, want)
		}
	}
}
