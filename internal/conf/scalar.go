package conf

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// scalar decodes a bool, a number or a string.
func (d *decoder) scalar(path string, n *node, v reflect.Value) {
	switch k := v.Kind(); {
	case k == reflect.Bool:
		b, err := strconv.ParseBool(n.text)
		if isLetter := len(n.text) == 1; err != nil || !n.is(boolean) || isLetter {
			d.want(path, n, "true or false")
			return
		}
		v.SetBool(b)
	case v.CanInt():
		i, err := strconv.ParseInt(n.text, 0, v.Type().Bits())
		if err != nil || !n.is(integer) {
			d.want(path, n, intRange(n, v))
			return
		}
		v.SetInt(i)
	case v.CanUint():
		u, err := strconv.ParseUint(n.text, 0, v.Type().Bits())
		if err != nil || !n.is(integer) {
			d.want(path, n, intRange(n, v))
			return
		}
		v.SetUint(u)
	case v.CanFloat():
		d.float(path, n, v)
	case k == reflect.String:
		d.string(path, n, v)
	default:
		d.add(n.pos, path, "type %v is not supported", v.Type())
	}
}

// is tells whether n may be read as kind k; a substituted text may be anything.
func (n *node) is(k kind) bool { return n.kind == k || n.kind == text && n.secret }

func (d *decoder) float(path string, n *node, v reflect.Value) {
	f, err := strconv.ParseFloat(n.text, v.Type().Bits())
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || !n.is(float) && !n.is(integer) {
		d.want(path, n, "a number")
		return
	}
	v.SetFloat(f)
}

// string takes only texts: 1.10 read as a version would otherwise become 1.1 in
// the next tool that touches the file.
func (d *decoder) string(path string, n *node, v reflect.Value) {
	switch {
	case n.kind == text:
		v.SetString(n.text)
	case v.Type() == secretType:
		d.add(n.pos, path, "want a text; put it into quotes")
	case n.kind == integer, n.kind == float, n.kind == boolean:
		d.add(n.pos, path, "want a text, got %s; put it into quotes", describe(n))
	default:
		d.want(path, n, "a text")
	}
}

// intRange names the range only if the value is an integer, but outside.
func intRange(n *node, v reflect.Value) string {
	_, err := strconv.ParseFloat(n.text, 64)
	bits := v.Type().Bits()
	switch outside := n.kind == integer || n.secret && err == nil; {
	case !outside:
		return "an integer"
	case v.CanInt():
		return fmt.Sprintf("an integer between %d and %d", int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits))
	}
	return fmt.Sprintf("an integer between 0 and %d", uint64(math.MaxUint64)>>(64-bits))
}

// any decodes into map[string]any, []any, string, int64, float64, bool or nil.
func (d *decoder) any(path string, n *node, v reflect.Value) {
	if v.NumMethod() > 0 {
		d.add(n.pos, path, "type %v is not supported", v.Type())
		return
	}
	switch n.kind {
	case null:
		v.SetZero()
	case mapping:
		decodeAs[map[string]any](d, path, n, v)
	case sequence:
		decodeAs[[]any](d, path, n, v)
	case integer:
		decodeAs[int64](d, path, n, v)
	case float:
		decodeAs[float64](d, path, n, v)
	case boolean:
		decodeAs[bool](d, path, n, v)
	case text:
		v.Set(reflect.ValueOf(n.text))
	}
}

// decodeAs decodes n as a T into an interface. A default of the same type is
// decoded over.
func decodeAs[T any](d *decoder, path string, n *node, v reflect.Value) {
	old, _ := v.Interface().(T)
	value := reflect.ValueOf(&old).Elem()
	d.value(path, n, value)
	v.Set(value)
}
