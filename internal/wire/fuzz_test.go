package wire_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/internal/wire"
)

func addGoldenFrames(f *testing.F) {
	for _, frame := range goldenFrames(f) {
		f.Add(frame.text)
		for _, text := range frame.alsoRead {
			f.Add(text)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	addGoldenFrames(f)
	f.Add([]byte(`{"type":1,"payload":[],"requestId":"7","request_id":8}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := bytes.Clone(frame)
		r, err := wire.ParseRequest(frame)
		if !bytes.Equal(frame, before) {
			t.Fatal("the frame was changed")
		}
		var envelope *wire.EnvelopeError
		if err != nil {
			if !errors.As(err, &envelope) {
				t.Fatalf("error = %v", err)
			}
			return
		}
		if r.Type == "" || jsontext.Value(r.Payload).Kind() != '{' || !jsontext.Value(r.Payload).IsValid() {
			t.Fatalf("accepted %+v", r)
		}
		text, err := wire.AppendRequest(nil, r.RequestID, r.Type, jsontext.Value(r.Payload))
		if err != nil {
			t.Fatal(err)
		}
		again, err := wire.ParseRequest(text)
		if err != nil || again.RequestID != r.RequestID || again.Type != r.Type {
			t.Fatalf("read again = %+v, %v, want %+v", again, err, r)
		}
	})
}

func FuzzParseFrame(f *testing.F) {
	addGoldenFrames(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		frame, err := wire.ParseFrame(text)
		if err != nil {
			var decode *wire.DecodeError
			if !errors.As(err, &decode) {
				t.Fatalf("error = %v", err)
			}
			return
		}
		if (frame.ServiceError == nil) == (frame.Kind == wire.KindServiceError) {
			t.Fatalf("frame = %+v", frame)
		}
		if frame.ServiceError != nil {
			body, err := wire.AppendServiceError(nil, frame.ServiceError)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := wire.ParseFrame(wire.AppendFrame(nil, frame.SequenceNumber, body)); err != nil {
				t.Fatal(err)
			}
			return
		}
		var party wire.PartyDetailsV1Notification
		if err := frame.Decode(&party); err == nil {
			if _, err := wire.AppendNotification(nil, frame.Type, &party); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzLenientTypes checks that what was read is written in the one canonical form.
func FuzzLenientTypes(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"id":"` + anID + `","long":"-0","short":"4.0","reason":4,"provider":1,"list":{}}`,
		`{"id":"","long":9223372036854775807,"short":-2147483648,"reason":"KICKED","provider":"X","list":[{"a":1}]}`,
		`{"ID":null,"long":1e3,"short":0.5,"reason":"0003","list":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var v lenient
		if err := wire.Unmarshal(text, &v); err != nil {
			var decode *wire.DecodeError
			if !errors.As(err, &decode) {
				t.Fatalf("error = %v", err)
			}
			return
		}
		once, err := wire.Marshal(&v)
		if err != nil {
			t.Fatal(err)
		}
		var back lenient
		if err := wire.Unmarshal(once, &back); err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		twice, err := wire.Marshal(&back)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("written again = %s, %v, want %s", twice, err, once)
		}
	})
}

// FuzzMessages decodes arbitrary payloads as every message.
func FuzzMessages(f *testing.F) {
	for _, frame := range goldenFrames(f) {
		if r, err := wire.ParseRequest(frame.text); err == nil {
			f.Add(r.Payload)
		} else if in, err := wire.ParseFrame(frame.text); err == nil {
			f.Add(in.Payload)
		}
	}
	all := messages()
	f.Fuzz(func(t *testing.T, payload []byte) {
		for name, newMessage := range all {
			v := newMessage()
			if err := wire.Unmarshal(payload, v); err != nil {
				continue
			}
			text, err := wire.Marshal(v)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := wire.UnmarshalReply(text, newMessage()); err != nil {
				t.Fatalf("%s: %s: %v", name, text, err)
			}
		}
	})
}
