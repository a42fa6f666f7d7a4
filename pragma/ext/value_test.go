package ext_test

import (
	jsonv1 "encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/ext"
)

var (
	_ json.MarshalerTo     = ext.Value{}
	_ json.UnmarshalerFrom = (*ext.Value)(nil)
)

func parse(t testing.TB, text string) ext.Value {
	t.Helper()
	v, err := ext.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return v
}

func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

func TestZeroValueIsTheEmptyMessage(t *testing.T) {
	var zero ext.Value
	if !zero.IsEmpty() || zero.Err() != nil || zero.String() != "{}" || string(zero.Bytes()) != "{}" || zero.Len() != 2 {
		t.Errorf("zero = %v, IsEmpty %v, Err %v, Len %d", zero, zero.IsEmpty(), zero.Err(), zero.Len())
	}
	for _, text := range []string{"{}", " { \n} ", "null"} {
		if v := parse(t, text); !v.Equal(zero) || !v.IsEmpty() {
			t.Errorf("Parse(%q) is not the zero Value", text)
		}
	}
}

func TestTextTravelsOnUnchanged(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"order of members", `{"z":1,"a":2,"M":3}`},
		{"fraction of zeros", `{"n":1.0}`},
		{"number no float can hold", `{"n":1e400,"m":-1E-400}`},
		{"integer beyond 64 bits", `{"n":12345678901234567890,"m":-0}`},
		{"escapes that are not needed", `{"s":"\u0041\/\u00e9"}`},
		{"escapes that are needed", `{"s":"\"\\\n\u0000"}`},
		{"surrogate pair", `{"s":"\ud83d\ude00😀"}`},
		{"letters special to HTML and JavaScript", "{\"s\":\"<a>&\u2028\"}"},
		{"escaped member name", `{"\u0061":1}`},
		{"brackets and blanks in text", `{"s":"{ [ ] } \" "}`},
		{"null inside", `{"n":null,"l":[null,{}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := parse(t, tt.text)
			if got := v.String(); got != tt.text {
				t.Errorf("Parse(%s) = %s", tt.text, got)
			}
			type state struct {
				Ext ext.Value `json:"ext"`
			}
			want := `{"ext":` + tt.text + `}`
			plain, err := json.Marshal(state{v})
			if err != nil || string(plain) != want {
				t.Errorf("Marshal with default options = %s, %v, want %s", plain, err, want)
			}
			preserving, err := json.Marshal(state{v}, jsontext.PreserveRawStrings(true))
			if err != nil || string(preserving) != want {
				t.Errorf("Marshal that preserves strings = %s, %v, want %s", preserving, err, want)
			}
			var back state
			if err := json.Unmarshal(plain, &back); err != nil || !back.Ext.Equal(v) {
				t.Errorf("Unmarshal = %v, %v, want %v", back.Ext, err, v)
			}
		})
	}
}

func TestOnlyInsignificantWhiteSpaceIsDropped(t *testing.T) {
	v := parse(t, " {\t\"a b\" : [ 1 ,\r\n 2 ] , \"c\" : { } }\n")
	if got, want := v.String(), `{"a b":[1,2],"c":{}}`; got != want {
		t.Errorf("text = %s, want %s", got, want)
	}
	if v.Len() != len(v.Bytes()) {
		t.Errorf("Len() = %d, want %d", v.Len(), len(v.Bytes()))
	}
}

func TestNullAndMissingMemberReadAsEmpty(t *testing.T) {
	state := struct {
		A ext.Value  `json:"a"`
		B ext.Value  `json:"b"`
		C ext.Value  `json:"c,omitzero"`
		D *ext.Value `json:"d,omitzero"`
	}{A: ext.Of(map[string]int{"old": 1})}
	if err := json.Unmarshal([]byte(`{"a":null,"d":{}}`), &state); err != nil {
		t.Fatal(err)
	}
	if !state.A.IsEmpty() || !state.B.IsEmpty() {
		t.Errorf("A = %v, B = %v, want both empty", state.A, state.B)
	}
	got, err := json.Marshal(state)
	if want := `{"a":{},"b":{},"d":{}}`; err != nil || string(got) != want {
		t.Errorf("Marshal = %s, %v, want %s", got, err, want)
	}
}

func TestParseRefusesWhatIsNotOneUnambiguousObject(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"number", `7`, "decode ext.Value: want a JSON object"},
		{"text", `"secret"`, "decode ext.Value: want a JSON object"},
		{"list", `[{}]`, "decode ext.Value: want a JSON object"},
		{"true", `true`, "decode ext.Value: want a JSON object"},
		{"nothing", ``, "decode ext.Value: not valid JSON"},
		{"half an object", `{"secret":`, "decode ext.Value: at /secret: not valid JSON"},
		{"two objects", `{} {}`, "decode ext.Value: not valid JSON"},
		{"duplicate member", `{"a":{"b":1,"b":2}}`, "decode ext.Value: at /a/b: duplicate member"},
		{"duplicate member by escape", `{"a":1,"\u0061":2}`, "decode ext.Value: at /a: duplicate member"},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "decode ext.Value: at /a: not valid JSON"},
		{"lone surrogate", `{"a":"\ud800"}`, "decode ext.Value: at /a: not valid JSON"},
		{"NaN", `{"a":NaN}`, "decode ext.Value: at /a: not valid JSON"},
		{"comment", `{/**/}`, "decode ext.Value: not valid JSON"},
		{"too deep", nested(ext.MaxDepth + 1), "decode ext.Value: nested deeper than 64 levels"},
		{"too long", `{"a":"` + strings.Repeat("x", ext.MaxBytes) + `"}`, "decode ext.Value: longer than 1048576 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := ext.Parse([]byte(tt.text))
			var decode *ext.DecodeError
			if !errors.As(err, &decode) {
				t.Fatalf("Parse = %v, %v, want a DecodeError", v, err)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("error = %q, want %q", got, tt.want)
			}
			if !v.IsEmpty() {
				t.Errorf("value = %v, want the empty one", v)
			}
		})
	}
}

func TestParseAcceptsValuesAtTheLimits(t *testing.T) {
	deepest := nested(ext.MaxDepth)
	if got := parse(t, deepest).String(); got != deepest {
		t.Errorf("deepest value changed")
	}
	longest := `{"a":"` + strings.Repeat("x", ext.MaxBytes-len(`{"a":""}`)) + `"}`
	if got := parse(t, " "+longest+" ").Len(); got != ext.MaxBytes {
		t.Errorf("Len() = %d, want %d", got, ext.MaxBytes)
	}
}

func TestBracketsInTextDoNotCountAsNesting(t *testing.T) {
	text := strings.Repeat(`{[\"`, 100)
	v := ext.Of(map[string]string{"s": text})
	if err := v.Err(); err != nil {
		t.Errorf("Of: %v", err)
	}
	parse(t, v.String())
}

func TestAValueNeverChanges(t *testing.T) {
	text := []byte(`{"a":1}`)
	v, err := ext.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	text[5] = '9'
	v.Bytes()[5] = '8'
	if got := v.String(); got != `{"a":1}` {
		t.Errorf("value = %s after changing the texts around it", got)
	}
}

func TestEqualComparesTexts(t *testing.T) {
	a := parse(t, `{"x":1,"y":2}`)
	if !a.Equal(parse(t, ` {"x":1, "y":2} `)) {
		t.Error("white space makes a difference")
	}
	for _, other := range []string{`{"y":2,"x":1}`, `{"x":1.0,"y":2}`, `{}`} {
		if a.Equal(parse(t, other)) {
			t.Errorf("%v equals %s", a, other)
		}
	}
	if diff := cmp.Diff(a, parse(t, `{"x":1,"y":2}`)); diff != "" {
		t.Errorf("cmp does not use Equal: %s", diff)
	}
}

func TestStandardJSONKeepsTheMessage(t *testing.T) {
	type state struct {
		Ext ext.Value `json:"ext"`
	}
	text, err := jsonv1.Marshal(state{parse(t, `{"n":1e400}`)})
	if err != nil || string(text) != `{"ext":{"n":1e400}}` {
		t.Fatalf("Marshal = %s, %v", text, err)
	}
	var back state
	if err := jsonv1.Unmarshal(text, &back); err != nil || back.Ext.String() != `{"n":1e400}` {
		t.Errorf("Unmarshal = %v, %v", back.Ext, err)
	}
	if err := jsonv1.Unmarshal([]byte(`{"ext":[]}`), &back); err == nil {
		t.Error("a list was accepted")
	}
	if _, err := jsonv1.Marshal(state{ext.Of(1)}); err == nil {
		t.Error("a failed value was written")
	}
}
