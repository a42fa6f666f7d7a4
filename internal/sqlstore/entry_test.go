package sqlstore_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// story tells what a group makes of its records.
func story(es sqlstore.Entries) map[string]string {
	told := make(map[string]string)
	for i := range es {
		e := &es[i]
		switch {
		case e.Guard():
			told[e.Key.ID] = "guard"
		case e.Written && e.Rev == 0:
			told[e.Key.ID] = "delete"
		case e.Written && e.Stored == 0:
			told[e.Key.ID] = "create"
		case e.Written:
			told[e.Key.ID] = "update"
		case e.Watched:
			told[e.Key.ID] = "check"
		default:
			told[e.Key.ID] = "nothing"
		}
	}
	return told
}

func TestAGroupIsDecidedBatchByBatch(t *testing.T) {
	group := groupOf(t,
		[]store.Step{put("a", 3), check("b", 2), put("n", 0)},
		[]store.Step{put("a", 4), remove("c", 1)},
		[]store.Step{put("a", 3), put("x", 0)}, // somebody of the group was faster
		[]store.Step{check("g", 0), put("n", 1)},
		[]store.Step{put("t", 0)},
		[]store.Step{remove("t", 1)}, // created and gone
	)
	es := sqlstore.Collect(group)
	for id, rev := range map[string]int64{"a": 3, "b": 2, "c": 1} {
		es.Find(key(id)).Found(rev)
	}
	results := make([]error, len(group))
	es.Apply(group, results)
	want := map[string]string{"a": "update", "b": "check", "c": "delete", "g": "guard", "n": "create", "t": "guard", "x": "nothing"}
	if diff := cmp.Diff(story(es), want); diff != "" {
		t.Errorf("the group becomes (-got +want):\n%s", diff)
	}
	if a := es.Find(key("a")); a.Rev != 5 || a.Token != (store.Token{2}) {
		t.Errorf("a has revision %d of batch %v, want 5 of the second", a.Rev, a.Token[0])
	}
	for i, err := range results {
		var want error
		if i == 2 {
			want = &store.ConflictError{Key: key("a"), Have: 5, Expect: 3}
		}
		if diff := cmp.Diff(err, want); diff != "" {
			t.Errorf("result %d (-got +want):\n%s", i, diff)
		}
	}
}

func TestAGuessTakesTheFirstBatchAtItsWord(t *testing.T) {
	group := groupOf(t, []store.Step{put("a", 7), check("b", 0)}, []store.Step{put("a", 8), put("c", 2)})
	es := sqlstore.Assume(group)
	for id, want := range map[string]int64{"a": 7, "b": 0, "c": 2} {
		if got := es.Find(key(id)).Stored; got != want {
			t.Errorf("%s is thought to have revision %d, want %d", id, got, want)
		}
	}
	results := make([]error, len(group))
	if es.Apply(group, results); results[0] != nil || results[1] != nil {
		t.Errorf("results are %v, want none", results)
	}
}
