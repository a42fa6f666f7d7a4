package jsonbench

import (
	jsonv1 "encoding/json"
	"testing"

	"github.com/go-json-experiment/json"
)

// BenchmarkRead decodes an envelope, then its payload, as the gateway does.
func BenchmarkRead(b *testing.B) {
	frame, err := json.Marshal(request[party[rawV2]]{RequestID: 7, Type: "PartyRpc.CreateV1Request", Payload: sampleParty[rawV2]()})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("lib=v1", func(b *testing.B) {
		b.SetBytes(int64(len(frame)))
		b.ReportAllocs()
		for b.Loop() {
			var req request[rawV1]
			var p party[rawV1]
			if err := jsonv1.Unmarshal(frame, &req); err != nil {
				b.Fatal(err)
			}
			if err := jsonv1.Unmarshal(req.Payload, &p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("lib=v2", func(b *testing.B) {
		b.SetBytes(int64(len(frame)))
		b.ReportAllocs()
		for b.Loop() {
			var req request[rawV2]
			var p party[rawV2]
			if err := json.Unmarshal(frame, &req, readLikeEngine); err != nil {
				b.Fatal(err)
			}
			if err := json.Unmarshal(req.Payload, &p, readLikeEngine); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkWrite encodes a party inside its envelope.
func BenchmarkWrite(b *testing.B) {
	b.Run("lib=v1", func(b *testing.B) {
		msg := request[party[rawV1]]{RequestID: 7, Type: "PartyRpc.CreateV1Response", Payload: sampleParty[rawV1]()}
		b.ReportAllocs()
		for b.Loop() {
			out, err := jsonv1.Marshal(&msg)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(out)))
		}
	})
	b.Run("lib=v2", func(b *testing.B) {
		msg := request[party[rawV2]]{RequestID: 7, Type: "PartyRpc.CreateV1Response", Payload: sampleParty[rawV2]()}
		b.ReportAllocs()
		for b.Loop() {
			out, err := json.Marshal(&msg)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(out)))
		}
	})
}
