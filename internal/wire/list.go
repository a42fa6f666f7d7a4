package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// LenientList is a list that is also read from an empty object, as one
// documented sample writes it (wire §7.5). It is written as a list.
type LenientList[T any] []T

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (l *LenientList[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return json.UnmarshalDecode(dec, (*[]T)(l))
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	if dec.PeekKind() != '}' {
		return mismatch("a list").not('{')
	}
	*l = nil
	_, err := dec.ReadToken()
	return err
}
