package ext_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/typepb"

	"github.com/openpragma/engine/pragma/ext"
)

const benchText = `{"rank":7,"displayName":"Ann","coins":"120","rating":0.5,"flags":3,"loadout":{"slots":[1,2,3],"weights":{"a":1}}}`

func BenchmarkAs(b *testing.B) {
	for _, bm := range []struct{ name, text string }{
		{"plain", benchText},
		{"numbers as text", `{"rank":"7","displayName":"Ann","coins":"120","rating":0.5,"flags":3}`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			v := parse(b, bm.text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ext.As[player](v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("generated", func(b *testing.B) {
		v := parse(b, `{"kind":"TYPE_INT32","number":3,"jsonName":"a"}`)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ext.As[*typepb.Field](v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOf(b *testing.B) {
	p, err := ext.As[player](parse(b, benchText))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if v := ext.Of(p); v.Err() != nil {
			b.Fatal(v.Err())
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(benchText)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ext.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	v := parse(b, benchText)
	for _, bm := range []struct {
		name string
		opts json.Options
	}{
		{"default options", json.DefaultOptionsV2()},
		{"preserving strings", jsontext.PreserveRawStrings(true)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := json.Marshal(&v, bm.opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
