package wire

import (
	_ "embed"
	"strings"
)

// documented has a line for every call of the documentation, built here or not:
// its name, backend and session type (wire §7, §16).
//
//go:embed documented.txt
var documented string

// Documented reports whether a request type is one of the documented ones. A
// server without the service that has it says so to the client.
func Documented(requestType string) bool {
	name, ok := strings.CutSuffix(requestType, "Request")
	return ok && !strings.ContainsAny(name, "\n ") && strings.Contains(documented, "\n"+name+" ")
}

// A DocumentedCall is one call of the documentation.
type DocumentedCall struct {
	Name    string // without Request or Response
	Backend string // game, social or both
	Session string // player, partner or operator
}

// DocumentedCalls returns all of them, in the order of their names.
func DocumentedCalls() []DocumentedCall {
	var calls []DocumentedCall
	for line := range strings.Lines(documented) {
		if part := strings.Fields(line); len(part) == 3 {
			calls = append(calls, DocumentedCall{part[0], part[1], part[2]})
		}
	}
	return calls
}
