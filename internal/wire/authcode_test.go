package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/wire"
)

// FuzzAuthCodeRequest reads any payload as the request that redeems a code: it is
// refused with a reason that tells nothing of it, or read as something that means
// the same when it is written in the first form.
func FuzzAuthCodeRequest(f *testing.F) {
	for _, frame := range goldenFrames(f) {
		if frame.title != "AuthCodeRpc.GetPlayerWithAuthCodeV1Request" {
			continue
		}
		for _, text := range append([][]byte{frame.text}, frame.alsoRead...) {
			if r, err := wire.ParseRequest(text); err == nil {
				f.Add(r.Payload)
			}
		}
	}
	for _, text := range []string{
		`{}`, ``, `null`, `[]`, `{"code":null,"application":null}`, `{"code":"a","authCode":"b"}`, `{"application":{"_id":"a","id":"b"}}`,
		`{"application":[]}`, `{"application":{"_id":{}}}`, `{"secretKey":"x","application":{"secret_key":"y"}}`, `{"code":1e999}`,
		`{"CODE":"a","Code":"a"}`, `{"__code":"a"}`, `{"application":{"ID":"a","Id":"b"}}`, "{\"code\":\"\xff\"}", `{"code":"\ud800"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var r wire.AuthCodeGetPlayerWithAuthCodeV1Request
		if err := wire.Unmarshal(payload, &r); err != nil {
			var decode *wire.DecodeError
			if !errors.As(err, &decode) {
				t.Fatalf("error = %v", err)
			}
			return
		}
		text, err := wire.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		var again wire.AuthCodeGetPlayerWithAuthCodeV1Request
		if err := wire.Unmarshal(text, &again); err != nil || again != r {
			t.Fatalf("read again = %+v, %v, want %+v", again, err, r)
		}
	})
}

func TestAuthCodeRequestThatContradictsItselfIsRefused(t *testing.T) {
	for name, payload := range map[string]string{
		"codes":           `{"code":"hush-a","authCode":"hush-b"}`,
		"ids":             `{"applicationId":"hush-a","application":{"_id":"hush-b"}}`,
		"ids in one form": `{"application":{"_id":"hush-a","id":"hush-b"}}`,
		"secrets":         `{"secretKey":"hush-a","application":{"secretKey":"hush-b"}}`,
		"spellings":       `{"secretKey":"hush-a","secret_key":"hush-a"}`,
	} {
		var r wire.AuthCodeGetPlayerWithAuthCodeV1Request
		err := wire.Unmarshal([]byte(payload), &r)
		if _, ok := errors.AsType[*wire.DecodeError](err); !ok || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}
