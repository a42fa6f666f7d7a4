package ext

import (
	"errors"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Of makes a Value of a plain struct, a map or a generated message, with the
// rules of the package documentation. A nil pointer makes the empty message.
//
// Types made of ordinary fields always encode. If v does not (a channel, a list
// at the top, a failing MarshalJSON, more than [MaxBytes]), the Value has an
// error: Err returns it, and whatever contains the Value cannot be committed or
// sent. It never turns into an empty or a shortened message.
func Of[T any](v T) Value {
	text, err := json.Marshal(&v, writing)
	if err == nil {
		err = check(text)
	}
	switch {
	case err != nil:
		return Value{fail: &EncodeError{Type: reflect.TypeFor[T]().String(), Err: err}}
	case text[0] == 'n':
		return Value{}
	}
	return valueOf(text)
}

func check(text []byte) error {
	if text[0] != '{' && text[0] != 'n' {
		return errNotObject
	}
	return checkLimits(text)
}

// As decodes v as a T, with the rules of the package documentation. T is a plain
// struct, a map, a generated message or a pointer to one of these; a pointer is
// never nil without an error. The empty message decodes as the zero T.
//
// An error is a [DecodeError] if the message does not fit T, which the server
// answers as an invalid argument, or the [EncodeError] that v carries.
func As[T any](v Value) (T, error) {
	var out T
	if v.fail != nil {
		return out, v.fail
	}
	err := json.Unmarshal(v.text(), &out, reading)
	var mismatch *json.SemanticError
	if errors.As(err, &mismatch) {
		// Rarely needed, and slower for every field: numbers that came as text.
		var again T
		if err = json.Unmarshal(v.text(), &again, readingNumbers); err == nil {
			return again, nil
		}
	}
	if err != nil {
		var zero T
		return zero, newDecodeError(reflect.TypeFor[T]().String(), err)
	}
	return out, nil
}

// The options below are never changed.
var (
	writing = json.JoinOptions(
		json.Deterministic(true),
		jsontext.PreserveRawStrings(true),
		json.WithMarshalers(json.MarshalToFunc(writeProto)),
	)
	reading = json.JoinOptions(
		json.MatchCaseInsensitiveNames(true),
		json.WithUnmarshalers(json.UnmarshalFromFunc(readProto)),
	)
	readingNumbers = json.JoinOptions(
		json.MatchCaseInsensitiveNames(true),
		json.WithUnmarshalers(json.JoinUnmarshalers(
			json.UnmarshalFromFunc(readProto),
			json.UnmarshalFromFunc(readNumber),
		)),
	)
)

// writeProto writes generated messages, also those inside a plain struct.
func writeProto(enc *jsontext.Encoder, m proto.Message) error {
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return err
	}
	return enc.WriteValue(text)
}

func readProto(dec *jsontext.Decoder, m proto.Message) error {
	text, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if text.Kind() == 'n' {
		proto.Reset(m)
		return nil
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, m); err != nil {
		return &json.SemanticError{GoType: reflect.TypeOf(m).Elem(), Err: err}
	}
	return nil
}
