package account

import (
	"context"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// handlePartnerTokens registers the operators' calls about partner tokens (wire
// §16.6).
func (s *Service) handlePartnerTokens(m *pragma.Mount) {
	pragma.HandleOperator(m, "CreatePartnerTokenV1", s.createPartnerToken)
	pragma.HandleOperator(m, "ListPartnerTokensOperatorV1", s.listPartnerTokens)
	pragma.HandleOperator(m, "RevokePartnerTokenOperatorV1", s.revokePartnerToken)
}

// Bounds of what a partner token says, so that it stays short enough to be read.
const (
	maxPartnerName  = 100 // bytes
	maxAllowedTypes = 32
	maxTypeName     = 128     // bytes
	maxTokenHours   = 1 << 20 // far beyond every configured life
)

// createPartnerToken makes a pair of tokens for a trusted server. They are shown
// once; what is kept is a record of them.
func (s *Service) createPartnerToken(ctx context.Context, o *pragma.OperatorSession, req *wire.AccountCreatePartnerTokenV1Request) (*wire.AccountCreatePartnerTokenV1Response, error) {
	session, err := s.newPartner(req)
	if err != nil {
		return nil, err
	}
	err = s.m.Audit(ctx, o, "create partner token", slog.Any("partnerTokenId", session.PartnerID), slog.String("name", req.Name),
		slog.Any("allowedTypes", session.AllowedTypes), slog.Int("expirationHours", int(req.ExpirationHours)))
	if err != nil {
		return nil, err
	}
	life := time.Duration(min(req.ExpirationHours, maxTokenHours)) * time.Hour
	game, social, err := s.m.CreatePartnerTokens(ctx, session, o.SocialID, life)
	if err != nil {
		return nil, err
	}
	return &wire.AccountCreatePartnerTokenV1Response{
		PragmaPartnerGameToken: game, PragmaPartnerSocialToken: social, PartnerTokenID: wire.UUID(session.PartnerID),
	}, nil
}

// newPartner reads what a pair of tokens is to say. The types it may call are
// those of either backend of this server, by their full names; the same name
// twice counts once.
func (s *Service) newPartner(req *wire.AccountCreatePartnerTokenV1Request) (*pragma.PartnerSession, error) {
	if _, err := s.knownShard(req.GameShardID); err != nil {
		return nil, err
	}
	tooLong := func(typ string) bool { return len(typ) > maxTypeName }
	unknown := func(typ string) bool { return !s.m.KnowsCall(typ) }
	switch {
	case req.ExpirationHours < 0:
		return nil, ErrBadRequest.With("expirationHours is negative")
	case len(req.Name) > maxPartnerName || !utf8.ValidString(req.Name):
		return nil, ErrBadRequest.With("name is longer than %d bytes", maxPartnerName)
	case len(req.AllowedTypes) > maxAllowedTypes || slices.ContainsFunc(req.AllowedTypes, tooLong):
		return nil, ErrBadRequest.With("allowedTypes has more than %d names, or one of more than %d bytes", maxAllowedTypes, maxTypeName)
	case slices.ContainsFunc(req.AllowedTypes, unknown):
		return nil, ErrBadRequest.With("allowedTypes has a name that is no call of this server: want full request types such as GameInstanceRpc.LinkV1Request")
	}
	session := &pragma.PartnerSession{
		PartnerID:   pragma.NewID[pragma.PartnerID](),
		Name:        req.Name,
		GameShardID: s.m.ShardID(),
	}
	if len(req.AllowedTypes) > 0 { // many clients write a list that they did not set as []
		slices.Sort(req.AllowedTypes)
		session.AllowedTypes = slices.Compact(req.AllowedTypes)
	}
	return session, nil
}

// listPartnerTokens shows the pairs that operators have made, the latest first.
// Those of game servers that were started for an allocation are not among them.
func (s *Service) listPartnerTokens(ctx context.Context, _ *pragma.OperatorSession, req *wire.AccountListPartnerTokensOperatorV1Request) (*wire.AccountListPartnerTokensOperatorV1Response, error) {
	all, err := s.m.ListPartnerTokens(ctx)
	if err != nil {
		return nil, err
	}
	start, end, err := req.Of(len(all))
	if err != nil {
		return nil, ErrBadRequest.With("%v", err)
	}
	resp := &wire.AccountListPartnerTokensOperatorV1Response{Count: wire.Int64(len(all))}
	for _, p := range all[start:end] {
		resp.PartnerTokens = append(resp.PartnerTokens, wire.OperatorPartnerTokenInfo{
			PartnerTokenID:          wire.UUID(p.PartnerID),
			Name:                    p.Name,
			GameShardID:             wire.UUID(p.GameShardID),
			AllowedTypes:            p.AllowedTypes,
			CreatedBySocialID:       wire.UUID(p.CreatedBy),
			CreatedTimestampMillis:  timestamp(p.Created),
			ExpiresTimestampMillis:  timestamp(p.Expires),
			LastUsedTimestampMillis: timestamp(p.LastUsed),
			Revoked:                 p.Revoked,
		})
	}
	return resp, nil
}

// timestamp returns 0 for what has not happened.
func timestamp(t time.Time) wire.Int64 {
	if t.IsZero() {
		return 0
	}
	return wire.Int64(t.UnixMilli())
}

// revokePartnerToken makes both tokens of a pair worthless. To do it again
// changes nothing.
func (s *Service) revokePartnerToken(ctx context.Context, o *pragma.OperatorSession, req *wire.AccountRevokePartnerTokenOperatorV1Request) (*wire.Empty, error) {
	id := pragma.PartnerID(req.PartnerTokenID)
	if id.IsZero() {
		return nil, ErrBadRequest.With("partnerTokenId is missing")
	}
	pair, err := s.m.PartnerTokens(ctx, id)
	if err != nil {
		return nil, err
	}
	if pair == nil {
		return nil, ErrNotFound.With("no such partner token")
	}
	if err := s.m.Audit(ctx, o, "revoke partner token", slog.Any("partnerTokenId", id), slog.String("name", pair.Name)); err != nil {
		return nil, err
	}
	return nil, s.m.RevokePartner(ctx, id)
}
