package ext

import (
	"encoding"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readNumber reads Go numbers from a JSON number or from text that holds one. It
// leaves all other types, and number types that decode themselves, to json.
func readNumber(dec *jsontext.Decoder, v any) error {
	target := reflect.ValueOf(v).Elem()
	kind := target.Kind()
	if kind < reflect.Int || kind > reflect.Float64 || kind == reflect.Uintptr || decodesItself(v) {
		return errors.ErrUnsupported
	}
	got := dec.PeekKind()
	if got != '"' && got != '0' {
		return errors.ErrUnsupported
	}
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if !setNumber(target, token.String()) {
		return &json.SemanticError{GoType: target.Type(), JSONKind: got}
	}
	return nil
}

func decodesItself(v any) bool {
	switch v.(type) {
	case json.UnmarshalerFrom, json.Unmarshaler, encoding.TextUnmarshaler:
		return true
	}
	return false
}

func setNumber(target reflect.Value, text string) bool {
	if !isNumber(text) {
		return false
	}
	bits := target.Type().Bits()
	switch {
	case target.CanInt():
		n, err := strconv.ParseInt(whole(text), 10, bits)
		target.SetInt(n)
		return err == nil
	case target.CanUint():
		n, err := strconv.ParseUint(whole(text), 10, bits)
		target.SetUint(n)
		return err == nil
	default:
		f, err := strconv.ParseFloat(text, bits)
		target.SetFloat(f)
		return err == nil
	}
}

// isNumber reports whether text is a number as JSON spells it. Package strconv
// alone would also take inf, 0x10 and +1.
func isNumber(text string) bool {
	v := jsontext.Value(text)
	return v.Kind() == '0' && v.IsValid() && !strings.ContainsAny(text, " \t\r\n")
}

// whole drops a fraction of zeros: some clients write whole numbers as 4.0.
func whole(text string) string {
	if digits, fraction, found := strings.Cut(text, "."); found && strings.Trim(fraction, "0") == "" {
		return digits
	}
	return text
}
