package ext

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Reasons for which a text is not a Value. They are the Err of a [DecodeError]
// or an [EncodeError].
var (
	errNotObject = errors.New("want a JSON object")
	errTooLong   = fmt.Errorf("longer than %d bytes", MaxBytes)
	errTooDeep   = fmt.Errorf("nested deeper than %d levels", MaxDepth)
)

// DecodeError says that a message does not fit the type it was read as. It is
// the sender's mistake: the server answers it as an invalid argument.
//
// The text of the error names types and members, never what they contain, so it
// is safe to send and to log. The cause, which may repeat contents, is there by
// [errors.Unwrap] only.
type DecodeError struct {
	// Type is the Go type that was wanted.
	Type string
	// Path is where in the message the trouble is, as a JSON pointer (RFC 6901);
	// it is empty for the message itself and for generated messages.
	Path string
	// Problem is the trouble in words, without contents.
	Problem string
	// Err is the cause.
	Err error
}

// Error implements error.
func (e *DecodeError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("decode %s: %s", e.Type, e.Problem)
	}
	return fmt.Sprintf("decode %s: at %s: %s", e.Type, e.Path, e.Problem)
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// EncodeError says that [Of] could not encode a Go value, for example because it
// holds a channel, is not an object in JSON or is too large. It is a mistake of
// the program, not of a client.
type EncodeError struct {
	// Type is the Go type that was given.
	Type string
	// Err is the cause.
	Err error
}

// Error implements error.
func (e *EncodeError) Error() string { return fmt.Sprintf("encode %s: %v", e.Type, e.Err) }

// Unwrap returns the cause.
func (e *EncodeError) Unwrap() error { return e.Err }

func newDecodeError(wanted string, err error) *DecodeError {
	out := &DecodeError{Type: wanted, Problem: "does not fit the type", Err: err}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		out.Path = shorten(string(semantic.JSONPointer))
		out.Problem = problem(semantic)
		return out
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		out.Path = shorten(string(syntactic.JSONPointer))
		out.Problem = "not valid JSON"
		if errors.Is(err, jsontext.ErrDuplicateName) {
			out.Problem = "duplicate member"
		}
	}
	return out
}

// problem words the mismatch without the value, which json's own text repeats.
func problem(err *json.SemanticError) string {
	for _, known := range []error{errNotObject, errTooLong, errTooDeep} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	var b strings.Builder
	if err.GoType != nil {
		fmt.Fprintf(&b, "want %s", err.GoType)
	} else {
		b.WriteString("want something else")
	}
	if kind := kindName(err.JSONKind); kind != "" {
		fmt.Fprintf(&b, ", got %s", kind)
	}
	return b.String()
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
