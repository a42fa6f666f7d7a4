package ext_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/typepb"

	"github.com/openpragma/engine/pragma/ext"
)

type rank int32

type loadout struct {
	Slots   []int          `json:"slots"`
	Weights map[string]int `json:"weights"`
}

type player struct {
	Rank    rank      `json:"rank"`
	Name    string    `json:"displayName"`
	Coins   int64     `json:"coins,string"`
	Rating  float64   `json:"rating"`
	Flags   uint8     `json:"flags"`
	Loadout *loadout  `json:"loadout,omitzero"`
	Seen    time.Time `json:"seen,omitzero"`
}

func TestPlainStructSurvivesTheRoundTrip(t *testing.T) {
	want := player{
		Rank: 7, Name: "Zoë <1>", Coins: math.MaxInt64, Rating: 0.1, Flags: 255,
		Loadout: &loadout{Slots: []int{1, 2}, Weights: map[string]int{"b": 2, "a": 1}},
		Seen:    time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
	v := ext.Of(want)
	text := `{"rank":7,"displayName":"Zoë <1>","coins":"9223372036854775807","rating":0.1,"flags":255,` +
		`"loadout":{"slots":[1,2],"weights":{"a":1,"b":2}},"seen":"2026-01-02T03:04:05.000000006Z"}`
	if got := v.String(); got != text {
		t.Errorf("Of = %s\nwant %s", got, text)
	}
	got, err := ext.As[player](v)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("As(Of(x)) differs (-got +want):\n%s", diff)
	}
	pointer, err := ext.As[*player](ext.Of(&want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pointer, &want); diff != "" {
		t.Errorf("As(Of(&x)) differs (-got +want):\n%s", diff)
	}
}

func TestAsReadsWhatClientsSend(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       player
	}{
		{"empty", `{}`, player{}},
		{"null members", `{"rank":null,"displayName":null,"loadout":null}`, player{}},
		{"unknown members", `{"rank":1,"clan":{"deep":[1]}}`, player{Rank: 1}},
		{"snake case", `{"display_name":"Ann"}`, player{Name: "Ann"}},
		{"other case", `{"DisplayName":"Ann","RANK":2}`, player{Name: "Ann", Rank: 2}},
		{"numbers as text", `{"rank":"3","rating":"2.5","flags":"9"}`, player{Rank: 3, Rating: 2.5, Flags: 9}},
		{"whole number with a fraction", `{"rank":4.0,"coins":"5.0"}`, player{Rank: 4, Coins: 5}},
		{"64 bits as a number", `{"coins":9007199254740993}`, player{Coins: 9007199254740993}},
		{"64 bits as text", `{"coins":"9007199254740993"}`, player{Coins: 9007199254740993}},
		{"numbers as text further inside", `{"loadout":{"slots":["1",2],"weights":{"a":"3"}}}`,
			player{Loadout: &loadout{Slots: []int{1, 2}, Weights: map[string]int{"a": 3}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ext.As[player](parse(t, tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("As differs (-got +want):\n%s", diff)
			}
		})
	}
}

func TestAsRefusesWhatDoesNotFit(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"text for a number", `{"rank":"hunter2"}`, "decode ext_test.player: at /rank: want ext_test.rank, got text"},
		{"number for text", `{"displayName":8675309}`, "decode ext_test.player: at /displayName: want string, got a number"},
		{"fraction", `{"rank":4.5}`, "decode ext_test.player: at /rank: want ext_test.rank, got a number"},
		{"too large", `{"flags":"256"}`, "decode ext_test.player: at /flags: want uint8, got text"},
		{"negative for unsigned", `{"flags":-1}`, "decode ext_test.player: at /flags: want uint8, got a number"},
		{"hexadecimal text", `{"rank":"0x10"}`, "decode ext_test.player: at /rank: want ext_test.rank, got text"},
		{"infinite", `{"rating":"Inf"}`, "decode ext_test.player: at /rating: want float64, got text"},
		{"empty text for a number", `{"rank":""}`, "decode ext_test.player: at /rank: want ext_test.rank, got text"},
		{"object for a list", `{"loadout":{"slots":{}}}`, "decode ext_test.player: at /loadout/slots: want []int, got an object"},
		{"one member in two spellings", `{"rank":1,"Rank":2}`, "decode ext_test.player: at /Rank: duplicate member"},
		{"bad time", `{"seen":"hunter2"}`, "decode ext_test.player: at /seen: want time.Time, got text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ext.As[player](parse(t, tt.text))
			var decode *ext.DecodeError
			if !errors.As(err, &decode) {
				t.Fatalf("As = %+v, %v, want a DecodeError", got, err)
			}
			if text := err.Error(); text != tt.want {
				t.Errorf("error = %q, want %q", text, tt.want)
			}
			if diff := cmp.Diff(got, player{}); diff != "" {
				t.Errorf("As returned data beside the error:\n%s", diff)
			}
		})
	}
}

func TestOfMakesFailureVisible(t *testing.T) {
	loop := map[string]any{}
	deep := loop
	for range ext.MaxDepth {
		next := map[string]any{}
		deep["a"] = next
		deep = next
	}
	for _, tt := range []struct {
		name string
		v    ext.Value
		want string
	}{
		{"channel", ext.Of(struct{ C chan int }{make(chan int)}), "encode struct { C chan int }"},
		{"number", ext.Of(7), "encode int: want a JSON object"},
		{"list", ext.Of([]int{1}), "encode []int: want a JSON object"},
		{"not a number", ext.Of(player{Rating: math.NaN()}), "encode ext_test.player"},
		{"invalid UTF-8", ext.Of(player{Name: "\xff"}), "encode ext_test.player"},
		{"too deep", ext.Of(loop), "encode map[string]interface {}: nested deeper than 64 levels"},
		{"too long", ext.Of(player{Name: strings.Repeat("x", ext.MaxBytes)}), "encode ext_test.player: longer than 1048576 bytes"},
		{"failed value inside", ext.Of(struct{ V ext.Value }{ext.Of(7)}), "encode struct { V ext.Value }"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var encode *ext.EncodeError
			err := tt.v.Err()
			if !errors.As(err, &encode) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("Err() = %v, want an EncodeError %q", err, tt.want)
			}
			if tt.v.IsEmpty() || tt.v.Equal(ext.Value{}) || tt.v.Bytes() != nil {
				t.Error("a failed value passes for an empty one")
			}
			if _, err := json.Marshal(tt.v); !errors.As(err, &encode) {
				t.Errorf("Marshal = %v, want the EncodeError", err)
			}
			if _, err := ext.As[player](tt.v); !errors.As(err, &encode) {
				t.Errorf("As = %v, want the EncodeError", err)
			}
		})
	}
}

func TestOfNothingIsEmpty(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    ext.Value
	}{
		{"nil pointer", ext.Of[*player](nil)},
		{"nil message", ext.Of[*typepb.Field](nil)},
		{"nil map", ext.Of[map[string]int](nil)},
		{"struct without fields", ext.Of(struct{}{})},
		{"empty value", ext.Of(ext.Value{})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.v.Err(); err != nil || !tt.v.IsEmpty() {
				t.Errorf("value = %v, Err %v, want empty", tt.v, err)
			}
		})
	}
}

func TestGeneratedMessageSurvivesTheRoundTrip(t *testing.T) {
	want := &descriptorpb.UninterpretedOption{
		IdentifierValue:  proto.String("x"),
		PositiveIntValue: proto.Uint64(math.MaxUint64),
		DoubleValue:      proto.Float64(0.5),
	}
	v := ext.Of(want)
	if got, text := v.String(), `{"name":[],"identifierValue":"x","positiveIntValue":"18446744073709551615","doubleValue":0.5}`; got != text {
		t.Errorf("Of = %s, want %s", got, text)
	}
	got, err := ext.As[*descriptorpb.UninterpretedOption](v)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, want) {
		t.Errorf("As(Of(m)) = %v, want %v", got, want)
	}
	plain, err := ext.As[descriptorpb.UninterpretedOption](v)
	if err != nil || !proto.Equal(&plain, want) {
		t.Errorf("As by value = %v, %v, want %v", &plain, err, want)
	}
}

func TestGeneratedMessageIsWrittenLikeTheRestOfTheWire(t *testing.T) {
	v := ext.Of(&typepb.Field{Kind: typepb.Field_TYPE_INT32, JsonName: "a"})
	want := `{"kind":"TYPE_INT32","cardinality":"CARDINALITY_UNKNOWN","number":0,"name":"","typeUrl":"",` +
		`"oneofIndex":0,"packed":false,"options":[],"jsonName":"a","defaultValue":""}`
	if got := v.String(); got != want {
		t.Errorf("Of = %s\nwant %s", got, want)
	}
}

func TestGeneratedMessageReadsWhatClientsSend(t *testing.T) {
	want := &typepb.Field{Kind: typepb.Field_TYPE_INT32, Number: 3, JsonName: "a"}
	for _, tt := range []struct{ name, text string }{
		{"camel case", `{"kind":"TYPE_INT32","number":3,"jsonName":"a"}`},
		{"snake case", `{"kind":"TYPE_INT32","number":3,"json_name":"a"}`},
		{"number as text, enum by number", `{"kind":5,"number":"3","jsonName":"a"}`},
		{"unknown members and null", `{"kind":5,"number":3.0,"jsonName":"a","new":{},"name":null}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ext.As[*typepb.Field](parse(t, tt.text))
			if err != nil || !proto.Equal(got, want) {
				t.Errorf("As = %v, %v, want %v", got, err, want)
			}
		})
	}
}

func TestGeneratedMessageRefusesOneMemberInTwoSpellings(t *testing.T) {
	_, err := ext.As[*typepb.Field](parse(t, `{"jsonName":"a","json_name":"b"}`))
	var decode *ext.DecodeError
	if !errors.As(err, &decode) {
		t.Errorf("error = %v, want a DecodeError", err)
	}
}

func TestGeneratedMessageRefusesWhatDoesNotFit(t *testing.T) {
	got, err := ext.As[*typepb.Field](parse(t, `{"number":"hunter2"}`))
	var decode *ext.DecodeError
	if !errors.As(err, &decode) || got != nil {
		t.Fatalf("As = %v, %v, want nil and a DecodeError", got, err)
	}
	if got, want := err.Error(), "decode *typepb.Field: want typepb.Field"; got != want {
		t.Errorf("error = %q, want %q", got, want)
	}
}

func TestGeneratedMessageMayStandInAPlainStruct(t *testing.T) {
	type mixed struct {
		Field *typepb.Field     `json:"field"`
		None  *typepb.Field     `json:"none"`
		Any   *structpb.Struct  `json:"any"`
		Slice []*typepb.Option  `json:"slice"`
		Count int               `json:"count"`
		Notes map[string]string `json:"notes"`
	}
	want := mixed{
		Field: &typepb.Field{Name: "f"},
		Any:   &structpb.Struct{Fields: map[string]*structpb.Value{"k": structpb.NewNumberValue(1)}},
		Slice: []*typepb.Option{{Name: "o"}},
		Count: 2,
		Notes: map[string]string{},
	}
	got, err := ext.As[mixed](ext.Of(want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want, cmp.Comparer(func(a, b proto.Message) bool { return proto.Equal(a, b) })); diff != "" {
		t.Errorf("round trip differs (-got +want):\n%s", diff)
	}
}

func TestAsMapKeepsEveryMember(t *testing.T) {
	got, err := ext.As[map[string]any](parse(t, `{"a":1,"b":{"c":"x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": 1.0, "b": map[string]any{"c": "x"}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("As differs (-got +want):\n%s", diff)
	}
}

func TestPathInErrorIsShort(t *testing.T) {
	name := strings.Repeat("ü", 5000)
	_, err := ext.As[map[string]bool](parse(t, `{"`+name+`":7}`))
	if text := err.Error(); len(text) > 300 || !strings.Contains(text, "…") {
		t.Errorf("error has %d bytes: %.200s", len(text), text)
	}
}
