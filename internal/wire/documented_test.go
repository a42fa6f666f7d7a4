package wire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/wire"
)

func TestListOfDocumentedCallsIsWellFormed(t *testing.T) {
	calls := wire.DocumentedCalls()
	if len(calls) < 150 {
		t.Fatalf("got %d calls, want all", len(calls))
	}
	byName := func(a, b wire.DocumentedCall) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(calls, byName) {
		t.Error("the list is not sorted")
	}
	for _, c := range calls {
		if !wire.Documented(c.Name + "Request") {
			t.Errorf("%s is not documented", c.Name)
		}
		if !slices.Contains([]string{"game", "social", "both"}, c.Backend) || !slices.Contains([]string{"player", "partner", "operator"}, c.Session) {
			t.Errorf("%+v: unknown gateway", c)
		}
	}
}

func TestOtherTypesAreNotDocumented(t *testing.T) {
	for _, typ := range []string{
		"", "Request", "PartyRpc.CreateV1", "PartyRpc.CreateV1Response", "PartyRpc.CreateV1 gameRequest",
		"artyRpc.CreateV1Request", "PartyRpc.CreateV1Request\n", "GuildRpc.CreateV1Request", " Request", "\nRequest",
	} {
		if wire.Documented(typ) {
			t.Errorf("%q counts as documented", typ)
		}
	}
}
