package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/store"
)

func TestValidateNamesWhatIsWrong(t *testing.T) {
	a := store.Key{Kind: "party", ID: "a"}
	secret := []byte("secret")
	for _, c := range []struct {
		name string
		b    store.Batch
		want error
		says string
	}{
		{"zero batch", store.Batch{}, nil, ""},
		{"only a check", store.Batch{Checks: []store.Check{{Key: a}}}, nil, ""},
		{"no kind", store.Batch{Puts: []store.Put{{Key: store.Key{ID: "a"}, Body: secret}}}, store.ErrBadKey, "kind is empty"},
		{"no id", store.Batch{Deletes: []store.Check{{Key: store.Key{Kind: "party"}, Expect: 1}}}, store.ErrBadKey, "id is empty"},
		{"NUL", store.Batch{Checks: []store.Check{{Key: store.Key{Kind: "party", ID: "a\x00b"}}}}, store.ErrBadKey, `"party/a\x00b": id contains a NUL byte`},
		{"long id", store.Batch{Checks: []store.Check{{Key: store.Key{Kind: "party", ID: strings.Repeat("x", 5000)}}}}, store.ErrBadKey, "id has 5000 bytes, the limit is 128"},
		{"broken id", store.Batch{Checks: []store.Check{{Key: store.Key{Kind: "party", ID: "\xff"}}}}, store.ErrBadKey, "id is not valid UTF-8"},
		{"twice", store.Batch{Puts: []store.Put{{Key: a, Body: secret}}, Checks: []store.Check{{Key: a}}}, store.ErrBadBatch, "key party/a appears twice"},
		{"negative", store.Batch{Puts: []store.Put{{Key: a, Expect: -2, Body: secret}}}, store.ErrBadBatch, "expects revision -2"},
		{"delete of nothing", store.Batch{Deletes: []store.Check{{Key: a}}}, store.ErrBadBatch, "delete of key party/a"},
		{"large body", store.Batch{Puts: []store.Put{{Key: a, Body: make([]byte, store.MaxBodyBytes+1)}}}, store.ErrTooLarge, "body of party/a: 1048577 bytes, the limit is 1048576"},
		{"many keys", store.Batch{Checks: make([]store.Check, store.MaxBatchKeys+1)}, store.ErrTooLarge, "keys of a batch: 4097"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.b.Validate()
			if !errors.Is(err, c.want) {
				t.Fatalf("Validate() = %v, want %v", err, c.want)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") || len(err.Error()) > 200 {
				t.Errorf("Validate() = %q, want a short text with %q and no body", err, c.says)
			}
		})
	}
}

func TestStepsAreInKeyOrder(t *testing.T) {
	k := func(kind, id string) store.Key { return store.Key{Kind: kind, ID: id} }
	b := store.Batch{
		Puts:    []store.Put{{Key: k("b", "2"), Expect: 4, Body: []byte("x")}, {Key: k("a", "9")}},
		Deletes: []store.Check{{Key: k("b", "1"), Expect: 3}},
		Checks:  []store.Check{{Key: k("B", "1"), Expect: 7}},
	}
	got, err := b.Steps()
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Step{
		{Op: store.OpCheck, Key: k("B", "1"), Expect: 7},
		{Op: store.OpPut, Key: k("a", "9")},
		{Op: store.OpDelete, Key: k("b", "1"), Expect: 3},
		{Op: store.OpPut, Key: k("b", "2"), Expect: 4, Body: []byte("x")},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("Steps() is wrong (-got +want):\n%s", diff)
	}
}

func TestConflictErrorNamesTheRecord(t *testing.T) {
	err := error(&store.ConflictError{Key: store.Key{Kind: "party", ID: "a"}, Have: 3, Expect: 2})
	if got, want := err.Error(), "store: revision conflict: party/a has revision 3, expected 2"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrUnknown) {
		t.Error("a ConflictError matches only ErrConflict")
	}
}

func TestTokensAreDifferentAndReadable(t *testing.T) {
	a, b := store.NewToken(), store.NewToken()
	if a == b || a.IsZero() || len(a.String()) != 32 {
		t.Errorf("tokens %s and %s, want two different ones of 32 digits", a, b)
	}
	if !(store.Token{}).IsZero() {
		t.Error("the zero token is not zero")
	}
}

// FuzzKey compares Validate with what it promises, and stores what it accepts.
func FuzzKey(f *testing.F) {
	for _, id := range []string{"a", "", " ", "a\x00", "\xff", "é", strings.Repeat("x", 128), strings.Repeat("x", 129)} {
		f.Add("party", id)
		f.Add(id, "a")
	}
	f.Fuzz(func(t *testing.T, kind, id string) {
		fine := func(s string, limit int) bool {
			return s != "" && len(s) <= limit && utf8.ValidString(s) && !strings.Contains(s, "\x00")
		}
		k := store.Key{Kind: kind, ID: id}
		want := fine(kind, store.MaxKindBytes) && fine(id, store.MaxIDBytes)
		if err := k.Validate(); (err == nil) != want {
			t.Fatalf("Validate(%q) = %v, want valid: %t", k, err, want)
		}
		d := store.NewMemory()
		err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{{Key: k}}})
		if (err == nil) != want {
			t.Fatalf("Commit() of %q = %v, want valid: %t", k, err, want)
		}
		if !want {
			return
		}
		var ids []string
		for r := range d.List(t.Context(), store.Query{Kind: kind, Prefix: id}) {
			ids = append(ids, r.ID)
		}
		if !slices.Equal(ids, []string{id}) {
			t.Errorf("List() yields %q, want %q", ids, id)
		}
	})
}
