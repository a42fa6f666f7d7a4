package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// TestProtocolDocumentListsEveryCall keeps the last chapter of docs/protocol.md.
// UPDATE=1 writes it.
func TestProtocolDocumentListsEveryCall(t *testing.T) {
	const file, begin = "../../docs/protocol.md", "<!-- calls: written by UPDATE=1 go test ./cmd/pragma -run Protocol -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, got, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatalf("%s has no line %q", file, begin)
	}
	want := "\n" + chapterOfCalls(offered(t))
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(head+begin+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s is not up to date (-want +got):\n%s", file, diff)
	}
}

// offered returns every name that a server with all services has.
func offered(t *testing.T) []string {
	names := make(map[string]int)
	build := func() *pragma.Server {
		srv := backend(nil, store.Memory(), nil)
		srv.Store = nil
		return srv
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		for _, b := range []pragma.Backend{pragma.Social, pragma.Game} {
			resp, err := w.HTTP().Get("http://" + w.Address(pragma.Gateway{Backend: b, Type: pragma.Operator}) + "/v1/types")
			if err != nil {
				w.T.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				w.T.Fatalf("status %d, %v", resp.StatusCode, err)
			}
			if err := json.Unmarshal(body, &names); err != nil {
				w.T.Fatal(err)
			}
		}
	})
	return slices.Sorted(maps.Keys(names))
}

// chapterOfCalls says of every documented call whether it is offered, and names
// what is offered beyond.
func chapterOfCalls(names []string) string {
	var out, missing, more, told strings.Builder
	documented := make(map[string]bool)
	fmt.Fprint(&out, "| call | gateway |\n| --- | --- |\n")
	for _, c := range wire.DocumentedCalls() {
		documented[c.Name] = true
		if _, ok := slices.BinarySearch(names, c.Name+"Request"); ok {
			fmt.Fprintf(&out, "| `%s` | %s / %s |\n", c.Name, c.Backend, c.Session)
		} else {
			fmt.Fprintf(&missing, "- `%s`\n", c.Name)
		}
	}
	for _, name := range names {
		call, isCall := strings.CutSuffix(name, "Request")
		switch {
		case isCall && !documented[call]:
			fmt.Fprintf(&more, "- `%s`\n", call)
		case strings.HasSuffix(name, "Notification"):
			fmt.Fprintf(&told, "- `%s`\n", name)
		}
	}
	return "### Offered\n\n" + out.String() +
		"\n### Offered beyond the documentation\n\nOlder names of the same calls, and calls of this engine.\n\n" + more.String() +
		"\n### Notifications\n\n" + told.String() +
		"\n### Not offered\n\nThese are answered as an unknown type, with a text that says so. A studio may register them itself.\n\n" + missing.String()
}
