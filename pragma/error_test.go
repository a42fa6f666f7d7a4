package pragma_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

var errFull = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_PartyFull", Message: "party is full"}

func TestErrorsAreComparedByReason(t *testing.T) {
	cause := errors.New("disk on fire")
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"itself", errFull, true},
		{"another message", errFull.With("four are enough"), true},
		{"with a cause", errFull.Wrap(cause), true},
		{"with a detail", errFull.WithDetail("Party.Full", ext.Value{}), true},
		{"wrapped", fmt.Errorf("join: %w", errFull), true},
		{"decoded elsewhere", &pragma.Error{Reason: "PartyService_PartyFull"}, true},
		{"another reason", pragma.ErrUnavailable, false},
		{"a title's reason of the same name", &pragma.Error{Reason: "PartyService_PartyFull", Title: true}, false},
		{"the cause", cause, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := errors.Is(tt.err, errFull); got != tt.want {
				t.Errorf("errors.Is = %v, want %v", got, tt.want)
			}
		})
	}
	if !errors.Is(errFull.Wrap(cause), cause) {
		t.Error("the cause is lost")
	}
}

func TestSharedErrorsAreNotChanged(t *testing.T) {
	_ = errFull.With("x").Wrap(errors.New("y")).WithDetail("z", ext.Value{})
	if errFull.Message != "party is full" || errFull.Type != "" || errors.Unwrap(errFull) != nil {
		t.Errorf("the shared error is now %+v", errFull)
	}
}

func ExampleError() {
	err := fmt.Errorf("join: %w", errFull.With("party is full: 4 of 4"))
	fmt.Println(errors.Is(err, errFull))
	fmt.Println(err)
	// Output:
	// true
	// join: PartyService_PartyFull: party is full: 4 of 4
}
