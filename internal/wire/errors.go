package wire

import (
	"errors"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// DecodeError says that a text is not the message it was read as: the sender's
// mistake, answered with Serialization_Error (wire §16.8).
//
// Its text names members and kinds, never contents, so it is safe to send and
// to log. The cause may repeat contents; it is there by [errors.Unwrap] only.
type DecodeError struct {
	// Path is where the trouble is, as a JSON pointer (RFC 6901). It is empty
	// for the message itself.
	Path string
	// Want is what should stand there, in words.
	Want string
	// Got is the kind of JSON value found there; empty if there was none.
	Got string
	// Err is the cause; it may be nil.
	Err error
}

// Error implements error.
func (e *DecodeError) Error() string {
	var b strings.Builder
	b.WriteString("decode message: ")
	if e.Path != "" {
		b.WriteString("at " + e.Path + ": ")
	}
	b.WriteString("want " + e.Want)
	if e.Got != "" {
		b.WriteString(", got " + e.Got)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// A mismatch is what the types of this package answer when a value does not
// fit: the words for what they want.
type mismatch string

func (m mismatch) Error() string { return "want " + string(m) }

// not returns the error for a value of kind got.
func (m mismatch) not(got jsontext.Kind) error {
	return &json.SemanticError{JSONKind: got, Err: m}
}

func newDecodeError(err error) *DecodeError {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return &DecodeError{
			Path: shorten(string(semantic.JSONPointer)),
			Want: wantOf(semantic),
			Got:  kindName(semantic.JSONKind),
			Err:  err,
		}
	}
	out := &DecodeError{Want: "valid JSON", Err: err}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		out.Path = shorten(string(syntactic.JSONPointer))
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		out.Want = "each member once"
	}
	return out
}

func wantOf(err *json.SemanticError) string {
	var want mismatch
	if errors.As(err, &want) {
		return string(want)
	}
	if err.GoType == nil {
		return "another value"
	}
	switch err.GoType.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	default:
		return "a number"
	}
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "text"
	case '0':
		return "a number"
	case '{', '}':
		return "an object"
	case '[', ']':
		return "a list"
	}
	return ""
}

// shorten keeps a hostile member name from filling a log.
func shorten(path string) string {
	const most = 100
	if len(path) <= most {
		return path
	}
	return strings.ToValidUTF8(path[:most], "") + "…"
}
