package entity_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/entity"
)

func TestListPagesInOrderOfIds(t *testing.T) {
	_, k := bank(t, memory(t))
	for _, id := range []string{"x/3", "x/1", "y/1", "x/2"} {
		mustCreate(t, k, id, 1)
	}
	var got []string
	for item, err := range k.List(t.Context(), "x/", "x/1") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item.ID)
	}
	if diff := cmp.Diff(got, []string{"x/2", "x/3"}); diff != "" {
		t.Errorf("ids (-got +want):\n%s", diff)
	}
}

func TestUndecodableEntityDoesNotHideTheOthers(t *testing.T) {
	n, k := bank(t, memory(t))
	put(t, n.driver, "account", "b", `{"balance":"much"}`)
	mustCreate(t, k, "c", 1)
	good, bad := 0, ""
	for item, err := range k.List(t.Context(), "", "") {
		if err != nil {
			bad += item.ID
			continue
		}
		good += item.State.Balance
	}
	if good != 11 || bad != "b" {
		t.Errorf("good ones sum up to %d, bad %q; want 11 and b", good, bad)
	}
	if _, err := k.Read(t.Context(), "b"); err == nil {
		t.Error("Read decoded it")
	}
	if err := k.Update(t.Context(), "b", add(1)); err == nil {
		t.Error("Update decoded it")
	}
}

func TestMistakesInRegistrationAreReported(t *testing.T) {
	never := func(*account) time.Time { return time.Time{} }
	for _, c := range []struct {
		name     string
		register func(n *node)
	}{
		{"same kind twice", func(n *node) { accounts(n); accounts(n) }},
		{"no name", func(n *node) { entity.OfHost(n.engine, n, "", entity.Options[account]{}) }},
		{"state without JSON form", func(n *node) {
			entity.OfHost(n.engine, n, "x", entity.Options[struct{ F func() }]{})
		}},
		{"due without a function", func(n *node) { entity.OfHost(n.engine, n, "x", entity.Options[account]{Due: never}) }},
		{"function without due", func(n *node) {
			entity.OfHost(n.engine, n, "x", entity.Options[account]{OnDue: func(*entity.Tx, string, *account) error { return nil }})
		}},
		{"lane without deliver", func(n *node) {
			entity.NewLaneHost(n.engine, n, "x", entity.LaneOptions[int, int]{})
		}},
		{"same lane twice", func(n *node) {
			o := entity.LaneOptions[int, int]{Deliver: func(context.Context, *entity.Call[int]) (int, error) { return 0, nil }}
			entity.NewLaneHost(n.engine, n, "x", o)
			entity.NewLaneHost(n.engine, n, "x", o)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, memory(t))
			c.register(n)
			if len(n.problems) != 1 {
				t.Errorf("problems = %v, want one", n.problems)
			}
		})
	}
}
