package wire_test

import (
	"testing"

	"github.com/openpragma/engine/internal/wire"
)

// golden returns the compact text of the first frame with this title.
func golden(b *testing.B, title string) []byte {
	b.Helper()
	for _, f := range goldenFrames(b) {
		if f.title != title {
			continue
		}
		text, err := again(title, f.text)
		if err != nil {
			b.Fatal(err)
		}
		return text
	}
	b.Fatalf("no frame %s", title)
	return nil
}

func BenchmarkParseRequest(b *testing.B) {
	for _, title := range []string{"PlayerSessionRpc.HeartbeatV1Request", "PartyRpc.CreateV1Request"} {
		b.Run(title, func(b *testing.B) {
			frame := golden(b, title)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.ParseRequest(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	body, err := wire.AppendNotification(nil, "PartyRpc.RemovedV1Notification", &wire.PartyRemovedV1Notification{})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.AppendFrame(dst[:0], 123456, body)
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	f, err := wire.ParseFrame(golden(b, "PartyRpc.CreateV1Response"))
	if err != nil {
		b.Fatal(err)
	}
	var party wire.PartyCreateV1Response
	if err := f.Decode(&party); err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 4096)
	for _, bm := range []struct {
		name    string
		payload any
	}{{"empty", nil}, {"party", &party}} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.AppendResponse(dst[:0], 7, "PartyRpc.CreateV1Response", bm.payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	r, err := wire.ParseRequest(golden(b, "PartyRpc.CreateV1Request"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(r.Payload)))
	b.ReportAllocs()
	for b.Loop() {
		var req wire.PartyCreateV1Request
		if err := wire.Unmarshal(r.Payload, &req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseFrame(b *testing.B) {
	frame := golden(b, "PartyRpc.CreateV1Response")
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := wire.ParseFrame(frame)
		if err != nil {
			b.Fatal(err)
		}
		var party wire.PartyCreateV1Response
		if err := f.Decode(&party); err != nil {
			b.Fatal(err)
		}
	}
}
