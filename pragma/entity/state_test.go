package entity_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/entity"
)

// guildV1 is what an older node knows of a guild.
type guildV1 struct {
	Name    string            `json:"name"`
	Members map[string]member `json:"members"`
}

type member struct {
	Rank int `json:"rank"`
	entity.Unknown
}

func TestMembersOfANewerVersionAreKept(t *testing.T) {
	n := newNode(t, memory(t))
	k := entity.OfHost(n.engine, n, "guild", entity.Options[guildV1]{})
	put(t, n.driver, "guild", "g", `{"name":"old","motto":"forward","members":{"ann":{"rank":1,"since":2}},"nested":{"a":[1]}}`)
	if err := k.Update(t.Context(), "g", func(_ *entity.Tx, s *guildV1) error {
		s.Name = "new"
		m := s.Members["ann"]
		m.Rank++
		s.Members["ann"] = m
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := `{"name":"new","members":{"ann":{"rank":2,"since":2}},"motto":"forward","nested":{"a":[1]}}`
	if got := string(record(t, n.driver, "guild", "g").Body); got != want {
		t.Errorf("body:\n%s\nwant\n%s", got, want)
	}
}

func TestDeletedEntityLeavesItsUnknownMembers(t *testing.T) {
	n := newNode(t, memory(t))
	k := entity.OfHost(n.engine, n, "guild", entity.Options[guildV1]{})
	put(t, n.driver, "guild", "g", `{"name":"old","motto":"forward"}`)
	if err := k.Update(t.Context(), "g", func(tx *entity.Tx, _ *guildV1) error {
		if err := k.Delete(tx, "g"); err != nil {
			return err
		}
		s, err := k.New(tx, "g")
		if err == nil {
			s.Name = "other"
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := string(record(t, n.driver, "guild", "g").Body); got != `{"name":"other","members":{}}` {
		t.Errorf("body = %s", got)
	}
}

// level writes its own JSON, so there is no place for unknown members.
type level int

func (l level) MarshalJSONTo(enc *jsontext.Encoder) error { return json.MarshalEncode(enc, int(l)) }

func TestStatesNeedNotBeStructs(t *testing.T) {
	n := newNode(t, memory(t))
	counts := entity.OfHost(n.engine, n, "counts", entity.Options[map[string]int]{})
	levels := entity.OfHost(n.engine, n, "level", entity.Options[level]{})
	if n.problems != nil {
		t.Fatal(n.problems)
	}
	if err := counts.Upsert(t.Context(), "x", func(tx *entity.Tx, s *map[string]int) error {
		*s = map[string]int{"b": 2, "a": 1}
		l, err := levels.InOrNew(tx, "x")
		if err == nil {
			*l = 7
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := string(record(t, n.driver, "counts", "x").Body); got != `{"a":1,"b":2}` {
		t.Errorf("counts = %s", got)
	}
	if l, err := levels.Read(t.Context(), "x"); err != nil || *l != 7 {
		t.Errorf("level = %v, %v; want 7", l, err)
	}
}

func TestStateThatCannotBeEncodedIsRefused(t *testing.T) {
	type box struct {
		Any any `json:"any"`
	}
	n := newNode(t, memory(t))
	k := entity.OfHost(n.engine, n, "box", entity.Options[box]{})
	err := k.Create(t.Context(), "b", func(_ *entity.Tx, s *box) error {
		s.Any = func() {}
		return nil
	})
	if err == nil || record(t, n.driver, "box", "b").Rev != 0 {
		t.Errorf("Create = %v, want an error and no record", err)
	}
}
