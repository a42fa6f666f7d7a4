package entity

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Unknown keeps JSON members that this version of the program does not know.
// The top level of every state keeps them anyway; embed Unknown in the structs
// inside it whose members may come from a newer version too.
type Unknown struct {
	Members jsontext.Value `json:",embed"`
}

// document is what is encoded: the state and the members it does not know.
type document[T any] struct {
	State   T              `json:",embed"`
	Unknown jsontext.Value `json:",embed"`
}

// codec turns documents into bodies and back.
type codec[T any] struct {
	plain bool // T has a JSON form of its own and cannot keep unknown members
}

// newCodec finds out how T is encoded, and encodes its zero value.
func newCodec[T any]() (codec[T], []byte, error) {
	var c codec[T]
	zero, err := c.encode(new(document[T]))
	if err == nil {
		return c, zero, nil
	}
	c.plain = true
	zero, perr := c.encode(new(document[T]))
	if perr != nil {
		return c, nil, fmt.Errorf("its zero state has no JSON form: %w", perr)
	}
	return c, zero, nil
}

// encode returns the same bytes for equal states: batches compare them.
func (c codec[T]) encode(doc any) ([]byte, error) {
	d := doc.(*document[T])
	if c.plain {
		return json.Marshal(&d.State, json.Deterministic(true))
	}
	return json.Marshal(d, json.Deterministic(true))
}

// decode returns a new document; of no body, the zero one.
func (c codec[T]) decode(body []byte) (any, error) {
	d := new(document[T])
	if len(body) == 0 {
		return d, nil
	}
	if c.plain {
		return d, json.Unmarshal(body, &d.State)
	}
	return d, json.Unmarshal(body, d)
}

func stateOf[T any](doc any) *T { return &doc.(*document[T]).State }
