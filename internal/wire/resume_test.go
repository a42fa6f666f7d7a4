package wire_test

import (
	"testing"

	"github.com/openpragma/engine/internal/wire"
)

func TestResumptionsAreReadAsWritten(t *testing.T) {
	id, err := wire.ParseUUID("47eaa099-2cb6-416d-86dc-283cf0480ff9")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]wire.Resumption{
		"new": {},
		"47eaa099-2cb6-416d-86dc-283cf0480ff9/-1":  {Stream: id, Last: -1},
		"47eaa099-2cb6-416d-86dc-283cf0480ff9/120": {Stream: id, Last: 120},
	} {
		got, ok := wire.ParseResumption(text)
		if !ok || got != want {
			t.Errorf("ParseResumption(%q) = %v, %t; want %v", text, got, ok, want)
		}
		if back := got.String(); back != text {
			t.Errorf("String() = %q, want %q", back, text)
		}
	}
}

func TestOtherReconnectHeadersAskForNothing(t *testing.T) {
	for _, text := range []string{"", " ", "yes", "NEW", "47eaa099-2cb6-416d-86dc-283cf0480ff9", "/3", "x/3",
		"00000000-0000-0000-0000-000000000000/3", "47eaa099-2cb6-416d-86dc-283cf0480ff9/", "47eaa099-2cb6-416d-86dc-283cf0480ff9/-2",
		"47eaa099-2cb6-416d-86dc-283cf0480ff9/1.5", "47eaa099-2cb6-416d-86dc-283cf0480ff9/9223372036854775807", "47eaa099-2cb6-416d-86dc-283cf0480ff9/3/4"} {
		if got, ok := wire.ParseResumption(text); ok {
			t.Errorf("ParseResumption(%q) = %v, want nothing", text, got)
		}
	}
}
