package account

import (
	"context"
	"log/slog"
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// A call that partners and operators make alike, under two names.
type bothCall[Req, Resp any] func(ctx context.Context, audit auditor, req *Req) (*Resp, error)

// An auditor notes what is about to be changed, or refuses an operator who may
// not change anything; see [pragma.Mount.Audit]. Partners may do what their token
// allows.
type auditor func(ctx context.Context, attrs ...slog.Attr) error

// action is a bothCall with what it does, in words for the audit log.
type action[Req, Resp any] struct {
	does string
	call bothCall[Req, Resp]
}

// act is a call that changes something, look one that does not.
func act[Req, Resp any](does string, call bothCall[Req, Resp]) action[Req, Resp] {
	return action[Req, Resp]{does, call}
}

func look[Req, Resp any](call func(context.Context, *Req) (*Resp, error)) action[Req, Resp] {
	return action[Req, Resp]{call: func(ctx context.Context, _ auditor, req *Req) (*Resp, error) { return call(ctx, req) }}
}

// onBoth registers <name>PartnerV1 and <name>OperatorV1.
func onBoth[Req, Resp any](s *Service, m *pragma.Mount, name string, a action[Req, Resp]) {
	pragma.HandlePartner(m, name+"PartnerV1", func(ctx context.Context, _ *pragma.PartnerSession, req *Req) (*Resp, error) {
		return a.call(ctx, func(context.Context, ...slog.Attr) error { return nil }, req)
	})
	onOperator(s, m, name, a)
}

// onOperator registers <name>OperatorV1.
func onOperator[Req, Resp any](s *Service, m *pragma.Mount, name string, a action[Req, Resp]) {
	pragma.HandleOperator(m, name+"OperatorV1", func(ctx context.Context, o *pragma.OperatorSession, req *Req) (*Resp, error) {
		return a.call(ctx, func(ctx context.Context, attrs ...slog.Attr) error {
			return s.m.Audit(ctx, o, a.does, attrs...)
		}, req)
	})
}

// idsOf returns the ids of a request, each once, in their order.
func idsOf[I ~[16]byte](list []wire.UUID) []I {
	ids := make([]I, 0, len(list))
	seen := make(map[wire.UUID]bool, len(list))
	for _, id := range list {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, I(id))
		}
	}
	return ids
}

func wireIDs[I ~[16]byte](ids []I) []wire.UUID {
	list := make([]wire.UUID, len(ids))
	for i, id := range ids {
		list[i] = wire.UUID(id)
	}
	return list
}

// accountsOf returns the accounts that a request names: at least one and at
// most a number, each once.
func accountsOf(list []wire.UUID, most int) ([]pragma.SocialID, error) {
	ids := idsOf[pragma.SocialID](list)
	switch {
	case len(ids) == 0 || slices.Contains(ids, pragma.SocialID{}):
		return nil, ErrBadRequest.With("pragmaSocialIds names no account, or has an empty id")
	case len(ids) > most:
		return nil, ErrBadRequest.With("pragmaSocialIds names %d accounts, one call takes %d", len(ids), most)
	}
	return ids, nil
}
