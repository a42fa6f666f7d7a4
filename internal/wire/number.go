package wire

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Int64 is a 64-bit integer: written as text, read from text or a number. Some
// clients write whole numbers as 4.0; that is read too (wire §5).
type Int64 int64

// MarshalJSONTo implements [json.MarshalerTo].
func (n Int64) MarshalJSONTo(enc *jsontext.Encoder) error {
	text := append(enc.AvailableBuffer(), '"')
	text = strconv.AppendInt(text, int64(n), 10)
	return enc.WriteValue(append(text, '"'))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (n *Int64) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	read, err := readInt(dec, 64)
	if err == nil {
		*n = Int64(read)
	}
	return err
}

// Int32 is a 32-bit integer: written as a number, read from a number, also one
// like 4.0, or from text (wire §5).
type Int32 int32

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (n *Int32) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	read, err := readInt(dec, 32)
	if err == nil {
		*n = Int32(read)
	}
	return err
}

const (
	wantInt32 = mismatch("a whole number of 32 bits")
	wantInt64 = mismatch("a whole number of 64 bits")
)

func readInt(dec *jsontext.Decoder, bits int) (int64, error) {
	raw, err := dec.ReadValue()
	if err != nil {
		return 0, err
	}
	if raw.Kind() == 'n' {
		return 0, nil
	}
	if n, ok := parseInt(raw, bits); ok {
		return n, nil
	}
	if bits == 32 {
		return 0, wantInt32.not(raw.Kind())
	}
	return 0, wantInt64.not(raw.Kind())
}

// parseInt reads a JSON number or a JSON string that holds one.
func parseInt(raw jsontext.Value, bits int) (int64, bool) {
	var digits []byte
	switch raw.Kind() {
	case '"':
		digits = unquote(raw)
	case '0':
		digits = raw
	}
	if whole, fraction, found := bytes.Cut(digits, []byte(".")); found {
		if len(fraction) == 0 || len(bytes.Trim(fraction, "0")) != 0 {
			return 0, false
		}
		digits = whole
	}
	if len(digits) == 0 || digits[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits), 10, bits)
	if err != nil {
		return 0, false
	}
	return n, true
}

// unquote returns the contents of a JSON string; without escapes it shares
// memory with raw.
func unquote(raw jsontext.Value) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return nil // not reached: the decoder has checked the string
	}
	return text
}
