package ext

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of one Value. Text beyond them is refused with a [DecodeError], a Go
// value beyond them becomes a Value whose Err is an [EncodeError].
const (
	// MaxBytes is the longest text of a Value without insignificant white space.
	MaxBytes = 1 << 20
	// MaxDepth is how deep objects and arrays of a Value may nest; {} has depth 1.
	MaxDepth = 64
)

// Value is a studio's message: the text of one JSON object. The zero Value is
// the empty message {}. A Value never changes, so it may be copied and shared
// between goroutines. Compare values with Equal.
//
// In JSON a Value stands as the object itself, in wire and in state structs;
// null and a missing member read as the empty message. The tag option omitzero
// leaves an empty one out.
type Value struct {
	raw  []byte // compact, valid, never written to; nil means {}
	fail *EncodeError
}

// Parse reads a Value from JSON text: one object, or null for the empty
// message. The error is a [DecodeError]. The text is copied.
func Parse(text []byte) (Value, error) {
	var v Value
	if err := json.Unmarshal(text, &v); err != nil {
		return Value{}, newDecodeError("ext.Value", err)
	}
	return v, nil
}

// IsEmpty reports whether v is the empty message {}.
func (v Value) IsEmpty() bool { return v.raw == nil && v.fail == nil }

// Err returns why [Of] could not make the value: nil or an [EncodeError]. Such a
// Value cannot be encoded, so a commit or a message that contains it fails with
// this error; Err is for those who want to know earlier.
func (v Value) Err() error {
	if v.fail == nil { // a nil *EncodeError must not become a non-nil error
		return nil
	}
	return v.fail
}

// Equal reports whether both values have the same text. Other spellings of the
// same data, such as another order of members, are not equal.
func (v Value) Equal(w Value) bool {
	return v.fail == w.fail && bytes.Equal(v.raw, w.raw)
}

// Len returns the length of the text in bytes; it is 2 for the empty message.
func (v Value) Len() int { return len(v.text()) }

// Bytes returns a copy of the text. It is nil if Err is not.
func (v Value) Bytes() []byte {
	if v.fail != nil {
		return nil
	}
	return bytes.Clone(v.text())
}

// String returns the text, or the error of a Value that has one.
func (v Value) String() string {
	if v.fail != nil {
		return v.fail.Error()
	}
	return string(v.text())
}

var emptyText = []byte("{}")

func (v Value) text() []byte {
	if v.raw == nil {
		return emptyText
	}
	return v.raw
}

// MarshalJSONTo implements [json.MarshalerTo]. The text is written as it is, also
// by an encoder that would spell strings its own way; only the options that ask
// for white space or for escapes for HTML and JavaScript have an effect.
func (v Value) MarshalJSONTo(enc *jsontext.Encoder) error {
	if v.fail != nil {
		return v.fail
	}
	if v.raw == nil {
		return enc.WriteValue(emptyText)
	}
	keeps, _ := json.GetOption(enc.Options(), jsontext.PreserveRawStrings)
	if keeps {
		return enc.WriteValue(v.raw)
	}
	text := jsontext.Value(v.raw)
	return json.MarshalEncode(enc, &text, jsontext.PreserveRawStrings(true))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]; see [Parse].
func (v *Value) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch raw.Kind() {
	case 'n':
		*v = Value{}
		return nil
	case '{':
		if raw, err = compact(raw); err != nil {
			return err
		}
		*v = valueOf(raw)
		return nil
	}
	return errNotObject
}

// MarshalJSON implements the interface of encoding/json, which would otherwise
// write {} for every Value. Prefer json v2: encoding/json escapes <, > and &.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.fail != nil {
		return nil, v.fail
	}
	return v.Bytes(), nil
}

// UnmarshalJSON implements the interface of encoding/json; see [Parse].
func (v *Value) UnmarshalJSON(text []byte) error {
	parsed, err := Parse(text)
	if err == nil {
		*v = parsed
	}
	return err
}

// valueOf takes ownership of a compact object.
func valueOf(object []byte) Value {
	if len(object) == len(emptyText) {
		return Value{}
	}
	return Value{raw: object}
}
