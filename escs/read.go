package escs

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// The kinds of records.
const (
	setKind    = "escs-set"    // by the id of the set
	playerKind = "escs-player" // by player id
	gameKind   = "escs-game"   // by the id of the game
)

// read returns a record as it is in the store now. What an entity's cache has may
// be older if another node has changed it, and a player who is told that there is
// no set would be told so again.
func read[T any](ctx context.Context, s *Service, kind, id string) (*T, error) {
	recs, err := s.m.Store().Get(ctx, store.Key{Kind: kind, ID: id})
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", kind, id, err)
	}
	if !recs[0].Exists() {
		return nil, entity.ErrNotFound
	}
	state := new(T)
	if err := json.Unmarshal(recs[0].Body, state); err != nil {
		return nil, fmt.Errorf("decode %s: %w", recs[0].Key, err)
	}
	return state, nil
}

// readSet returns a set, or [entity.ErrNotFound].
func (s *Service) readSet(ctx context.Context, id string) (*set, error) {
	return read[set](ctx, s, setKind, id)
}

// setOfGame returns the set that a game was made for, or nil if it was made for
// none, or if the set has had another game since.
func (s *Service) setOfGame(ctx context.Context, id pragma.GameInstanceID) (*set, error) {
	game, err := read[gameSet](ctx, s, gameKind, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	st, err := s.readSet(ctx, game.SetID)
	if errors.Is(err, entity.ErrNotFound) {
		return nil, nil
	}
	if err != nil || st.GameInstanceID != id {
		return nil, err
	}
	return st, nil
}
