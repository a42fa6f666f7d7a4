package wire

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Enum is a value of the enum K: written by name, read by name or number. What
// the enum does not have is read as 0 and written as the name of 0; existing
// clients do the same (wire §4, §5).
type Enum[K enumKind] int32

// An enumKind is a type that stands for one enum and knows its names.
type enumKind interface{ names() []enumName }

// An enumName is one value of an enum. Tables of them are in the order of their
// numbers and start with 0.
type enumName struct {
	number int32
	name   string
}

// String returns the name.
func (e Enum[K]) String() string {
	var kind K
	return nameOf(kind.names(), int32(e))
}

// MarshalJSONTo implements [json.MarshalerTo].
func (e Enum[K]) MarshalJSONTo(enc *jsontext.Encoder) error {
	text := append(enc.AvailableBuffer(), '"')
	text = append(text, e.String()...)
	return enc.WriteValue(append(text, '"'))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (e *Enum[K]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var kind K
	number, err := readEnum(dec, kind.names())
	if err == nil {
		*e = Enum[K](number)
	}
	return err
}

const wantEnum = mismatch("the name or number of an enum value")

// nameOf returns the name of a number, that of 0 if it is unknown.
func nameOf(table []enumName, number int32) string {
	for _, e := range table {
		if e.number == number {
			return e.name
		}
	}
	return table[0].name
}

// numberOf returns the number of a name, 0 if it is unknown.
func numberOf(table []enumName, name string) int32 {
	for _, e := range table {
		if e.name == name {
			return e.number
		}
	}
	return 0
}

func readEnum(dec *jsontext.Decoder, table []enumName) (int32, error) {
	raw, err := dec.ReadValue()
	if err != nil {
		return 0, err
	}
	switch raw.Kind() {
	case 'n':
		return 0, nil
	case '0', '"':
		if n, ok := parseInt(raw, 32); ok {
			return numberOf(table, nameOf(table, int32(n))), nil
		}
		if raw.Kind() == '"' {
			return numberOf(table, string(unquote(raw))), nil
		}
		return 0, nil
	}
	return 0, wantEnum.not(raw.Kind())
}

// readName reads an open enum, one to which a title adds names of its own: a
// name, or a number for which the table may have the name.
func readName(dec *jsontext.Decoder, table []enumName) (string, error) {
	raw, err := dec.ReadValue()
	if err != nil {
		return "", err
	}
	if raw.Kind() == 'n' {
		return "", nil
	}
	if n, ok := parseInt(raw, 32); ok {
		for _, e := range table {
			if int64(e.number) == n {
				return e.name, nil
			}
		}
		return strconv.FormatInt(n, 10), nil
	}
	if raw.Kind() == '"' {
		return string(unquote(raw)), nil
	}
	return "", wantEnum.not(raw.Kind())
}
