package ext_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/ext"
)

// FuzzParse checks that a value which was accepted keeps its text through every
// way a message can take, and that decoding it ends in data or a typed error.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, ` { "a" : [ 1.0 , "\u0041" ] } `, `{"rank":"7","displayName":null}`,
		`{"a":1,"a":2}`, `{"a":"\ud800"}`, `{"s":"} ] \" \\"}`, `{"n":1e400}`, nested(ext.MaxDepth), nested(ext.MaxDepth + 1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ext.Parse(text)
		var decode *ext.DecodeError
		if err != nil {
			if !errors.As(err, &decode) || !v.IsEmpty() {
				t.Fatalf("Parse = %v, %v", v, err)
			}
			return
		}
		want := jsontext.Value(bytes.Clone(text))
		if err := want.Compact(); err != nil {
			t.Fatalf("accepted what json refuses: %v", err)
		}
		if got := v.String(); got != string(want) && string(want) != "null" {
			t.Fatalf("Parse = %s, want %s", got, want)
		}
		encoded, err := json.Marshal([]ext.Value{v})
		if err != nil || string(encoded) != "["+v.String()+"]" {
			t.Fatalf("Marshal = %s, %v, want [%s]", encoded, err, v)
		}
		var back []ext.Value
		if err := json.Unmarshal(encoded, &back); err != nil || !back[0].Equal(v) {
			t.Fatalf("Unmarshal = %v, %v", back, err)
		}
		p, err := ext.As[player](v)
		if err != nil && !errors.As(err, &decode) {
			t.Fatalf("As = %v", err)
		}
		if err == nil && ext.Of(p).Err() != nil && p.Seen.IsZero() {
			t.Fatalf("Of(As(v)) = %v", ext.Of(p).Err())
		}
	})
}
