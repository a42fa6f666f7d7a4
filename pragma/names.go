package pragma

import (
	"fmt"
	"reflect"
	"regexp"

	"github.com/openpragma/engine/internal/wire"
)

// The forms of names (wire §7, engine §10.1).
var (
	serviceName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	callName    = regexp.MustCompile(`^([A-Z][A-Za-z0-9]*\.)?[A-Z][A-Za-z0-9]*V[0-9]+$`)
	foreignCall = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+Request$`)
	httpPath    = regexp.MustCompile(`^(/[a-z][a-z0-9-]*)?/v1/`)
	noticeName  = regexp.MustCompile(`^([A-Z][A-Za-z0-9]*\.)?[A-Z][A-Za-z0-9]*V[0-9]+Notification$`)
)

// Int64 is a 64-bit integer as clients want it: written as text, read from text
// and from numbers (wire §5).
type Int64 = wire.Int64

// checkCall reports mistakes in the registration of a call.
func checkCall[Req, Resp any](m *Mount, call string, noHandler bool) {
	if !callName.MatchString(call) {
		m.Problem(fmt.Errorf("call %q must be named like CreateV1, without Request", call))
	}
	if noHandler {
		m.Problem(fmt.Errorf("call %s has no handler", call))
	}
	checkMessage[Req](m, call)
	checkMessage[Resp](m, call)
}

// checkMessage reports a type that cannot travel as a payload.
func checkMessage[T any](m *Mount, name string) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		m.Problem(fmt.Errorf("%s: a payload is a struct or a map, not %v", name, t))
		return
	}
	if _, err := wire.Marshal(new(T)); err != nil {
		m.Problem(fmt.Errorf("%s: %v cannot be sent: %w", name, t, err))
	}
}
