package gameinstance

import (
	"errors"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// AwaitsServer reports whether an instance still waits for the server of an
// allocation. The commit of tx fails if that changes before.
//
// It is for providers that keep requests until a server asks for work, such as
// package fleet.
func (s *Service) AwaitsServer(tx *entity.Tx, game pragma.GameInstanceID, allocation pragma.AllocationID) (bool, error) {
	h, err := s.awaiting(tx, game, allocation)
	return h != nil, err
}

// AssignServer gives an instance that waits for the server of an allocation to a
// server that asked for work. From the commit of tx on that server may link it,
// also with a token that was made for another allocation, until the instance
// stops waiting, and act on it until it unlinks (engine §6.5). Others are not kept
// from linking it.
//
// It reports false, and changes nothing, if the instance no longer waits or its
// time to get a server is over. The commit of tx fails if the instance changes
// before.
func (s *Service) AssignServer(tx *entity.Tx, game pragma.GameInstanceID, allocation pragma.AllocationID, server *pragma.PartnerSession) (bool, error) {
	h, err := s.awaiting(tx, game, allocation)
	if h == nil || err != nil || !h.AllocateBy.After(tx.Now()) {
		return false, err
	}
	if !server.AllocationID.IsZero() {
		h.Allocation.Partner = server.PartnerID
	}
	return true, nil
}

// awaiting returns the instance if it waits, or nil.
func (s *Service) awaiting(tx *entity.Tx, game pragma.GameInstanceID, allocation pragma.AllocationID) (*head, error) {
	h, err := s.heads.In(tx, game.String())
	switch {
	case errors.Is(err, entity.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !h.waitsFor(allocation) || h.Allocation.Failed:
		return nil, nil
	}
	return h, nil
}
