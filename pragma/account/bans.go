package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// BanID names one ban.
type BanID = pragma.ID[banKind]

type banKind struct{}

// Ban keeps an account out (engine §2.7). A ban of all shards refuses every
// log-in and every refresh of tokens, as player and as operator. A ban of one
// shard withholds the game token, in a log-in and in a refresh; the social one is
// given. Sessions that are open and tokens that are valid stay so.
type Ban struct {
	ID       BanID
	SocialID pragma.SocialID
	// GameShardID is the shard the ban was made for. Nothing depends on it if
	// AllGameShards is set.
	GameShardID   pragma.GameShardID
	AllGameShards bool
	// Start is in whole milliseconds. The ban ends Duration after it by itself; a
	// Duration of zero means never.
	Start    time.Time
	Duration time.Duration
	// Reason is for the player, Comment for the studio alone.
	Reason, Comment string
	// Revoked is set for good by [Service.RevokeBan].
	Revoked bool
}

// BanRequest says who is to be banned, from what, for how long.
type BanRequest struct {
	SocialID pragma.SocialID
	// ThisShardOnly bans from this server's game shard. Without it the account is
	// banned from all shards.
	ThisShardOnly bool
	// Duration is in whole milliseconds, the rest is cut off; zero is for ever.
	Duration time.Duration
	// Reason is shown to the player, Comment is not: up to 1,000 bytes each.
	Reason, Comment string
}

// Limits of bans.
const (
	maxBans    = 50 // kept of one account; those that are over make room
	maxBanText = 1000
)

// ban is a [Ban] in the state of its account. The account of a ban id is found
// by "account-ban".
type ban struct {
	ID        BanID              `json:"id"`
	Shard     pragma.GameShardID `json:"shard,omitzero"`
	AllShards bool               `json:"allShards"`
	Start     time.Time          `json:"start"`
	Millis    int64              `json:"durationInMillis"`
	Reason    string             `json:"reason"`
	Comment   string             `json:"comment"`
	Revoked   bool               `json:"revoked"`
	entity.Unknown
}

func (b *ban) duration() time.Duration { return time.Duration(b.Millis) * time.Millisecond }

func (b *ban) inForce(now time.Time) bool {
	return !b.Revoked && (b.Millis == 0 || now.Before(b.Start.Add(b.duration())))
}

func (b *ban) public(id pragma.SocialID) *Ban {
	return &Ban{
		ID: b.ID, SocialID: id, GameShardID: b.Shard, AllGameShards: b.AllShards,
		Start: b.Start, Duration: b.duration(), Reason: b.Reason, Comment: b.Comment, Revoked: b.Revoked,
	}
}

// errForbidden marks refusals of somebody who proved who he is (wire §16.8).
var errForbidden = errors.New("forbidden")

// refuseBanned returns an error if the account is banned from all shards.
func (s *state) refuseBanned(now time.Time) error {
	for i := range s.Bans {
		if b := &s.Bans[i]; b.AllShards && b.inForce(now) {
			until := ""
			if b.Millis != 0 {
				until = " until " + b.Start.Add(b.duration()).Format(time.RFC3339)
			}
			return ErrUnauthorized.With("this account is banned%s", until).Wrap(errForbidden)
		}
	}
	return nil
}

// bannedFrom reports whether the account is banned from one shard.
func (s *state) bannedFrom(shard pragma.GameShardID, now time.Time) bool {
	return slices.ContainsFunc(s.Bans, func(b ban) bool {
		return !b.AllShards && b.Shard == shard && b.inForce(now)
	})
}

// Ban bans an account from now on and tells the player if he is connected
// (engine §2.5). A log-in that begins after Ban has returned is refused. An
// account may have several bans at a time. The error is [ErrNotFound] for an unknown
// account and [ErrBadRequest] for values that cannot be, or if 50 bans of the
// account are in force. Of bans that are over, the latest are kept. It is safe
// for concurrent use.
func (s *Service) Ban(ctx context.Context, r *BanRequest) (*Ban, error) {
	switch {
	case r.SocialID.IsZero():
		return nil, ErrBadRequest.With("no account is named")
	case r.Duration < 0 || r.Duration > 0 && r.Duration < time.Millisecond:
		return nil, ErrBadRequest.With("the duration of a ban is 0 or at least a millisecond")
	case len(r.Reason) > maxBanText || len(r.Comment) > maxBanText:
		return nil, ErrBadRequest.With("reason and comment may have %d bytes each", maxBanText)
	}
	b := ban{
		ID: pragma.NewID[BanID](), Shard: s.m.ShardID(), AllShards: !r.ThisShardOnly,
		Millis: r.Duration.Milliseconds(), Reason: r.Reason, Comment: r.Comment,
	}
	err := s.accounts.all.Update(ctx, r.SocialID.String(), func(tx *entity.Tx, acc *state) error {
		b.Start = tx.Now().Truncate(time.Millisecond)
		if err := s.accounts.forgetBan(tx, acc); err != nil {
			return err
		}
		acc.Bans = append(acc.Bans, b)
		tx.After(func(ctx context.Context) {
			s.m.NotifyAccounts(ctx, s.banned.Of(&wire.AccountBanV1Notification{Ban: wireBan(b.public(r.SocialID), false)}), r.SocialID)
		})
		return own(tx, s.accounts.bans, b.ID.String(), r.SocialID)
	})
	if err != nil {
		return nil, accountError("ban account", err)
	}
	return b.public(r.SocialID), nil
}

// forgetBan makes room for one more ban.
func (a *accounts) forgetBan(tx *entity.Tx, acc *state) error {
	if len(acc.Bans) < maxBans {
		return nil
	}
	i := slices.IndexFunc(acc.Bans, func(b ban) bool { return !b.inForce(tx.Now()) })
	if i < 0 {
		return ErrBadRequest.With("%d bans of this account are in force", len(acc.Bans))
	}
	id := acc.Bans[i].ID
	acc.Bans = slices.Delete(acc.Bans, i, i+1)
	return a.bans.Delete(tx, id.String())
}

// RevokeBan ends a ban for good and returns it; one that is over already stays
// so. The error is [ErrNotFound] for an unknown ban. The player is not told. It
// is safe for concurrent use.
func (s *Service) RevokeBan(ctx context.Context, id BanID) (*Ban, error) {
	o, err := s.accounts.bans.Read(ctx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrNotFound.With("no such ban")
	}
	if err != nil {
		return nil, fmt.Errorf("find ban: %w", err)
	}
	var revoked *Ban
	err = s.accounts.all.Update(ctx, o.SocialID.String(), func(_ *entity.Tx, acc *state) error {
		i := slices.IndexFunc(acc.Bans, func(b ban) bool { return b.ID == id })
		if i < 0 { // forgotten since
			return ErrNotFound.With("no such ban")
		}
		acc.Bans[i].Revoked = true
		revoked = acc.Bans[i].public(acc.SocialID)
		return nil
	})
	if err != nil {
		return nil, accountError("revoke ban", err)
	}
	return revoked, nil
}

// Bans returns the bans of an account in the order they were made, also those
// that are over or revoked. The error is [ErrNotFound] for an unknown account.
// It is safe for concurrent use.
func (s *Service) Bans(ctx context.Context, id pragma.SocialID) ([]Ban, error) {
	acc, err := s.accounts.all.Read(ctx, id.String())
	if err != nil {
		return nil, accountError("read account", err)
	}
	bans := make([]Ban, len(acc.Bans))
	for i := range acc.Bans {
		bans[i] = *acc.Bans[i].public(id)
	}
	return bans, nil
}

// handleBans registers the calls about bans (wire §7.9, §16.7).
func (s *Service) handleBans(m *pragma.Mount) {
	s.banned = pragma.PlayerNotice[wire.AccountBanV1Notification](m, "BanV1Notification")
	pragma.HandlePlayer(m, "GetBansV1", s.ownBans)
	onBoth(s, m, "BanAccount", act("ban account", s.banAccount))
	onBoth(s, m, "RevokeBanAccount", act("revoke ban", s.revokeBan))
	onBoth(s, m, "GetBansBySocialId", look(s.getBans))
}

func (s *Service) ownBans(ctx context.Context, p *pragma.PlayerSession, _ *wire.Empty) (*wire.AccountGetBansV1Response, error) {
	bans, err := s.Bans(ctx, p.SocialID)
	return wireBans(bans, false), err
}

func (s *Service) getBans(ctx context.Context, req *wire.AccountGetBansBySocialIDV1Request) (*wire.AccountGetBansV1Response, error) {
	bans, err := s.Bans(ctx, pragma.SocialID(req.PragmaSocialID))
	return wireBans(bans, true), err
}

// longestBan is what a [time.Duration] can hold, some 292 years.
const longestBan = math.MaxInt64 / int64(time.Millisecond)

func (s *Service) banAccount(ctx context.Context, audit auditor, req *wire.AccountBanAccountV1Request) (*wire.AccountBanAccountV1Response, error) {
	r := &BanRequest{
		SocialID: pragma.SocialID(req.PragmaSocialID),
		// Whoever does not say wants the account gone everywhere (engine §2.7).
		ThisShardOnly: req.AllGameShards != nil && !*req.AllGameShards,
		Duration:      time.Duration(req.DurationInMillis) * time.Millisecond,
		Reason:        req.BanReason,
		Comment:       req.Comment,
	}
	if shard := pragma.GameShardID(req.GameShardID); !shard.IsZero() && shard != s.m.ShardID() {
		return nil, ErrNotFound.With("no such game shard")
	}
	if req.DurationInMillis < 0 || int64(req.DurationInMillis) > longestBan {
		return nil, ErrBadRequest.With("durationInMillis must be from 0 to %d", longestBan)
	}
	if err := audit(ctx, slog.String("account", r.SocialID.String()), slog.Bool("thisShardOnly", r.ThisShardOnly), slog.Duration("duration", r.Duration)); err != nil {
		return nil, err
	}
	b, err := s.Ban(ctx, r)
	if err != nil {
		return nil, err
	}
	return &wire.AccountBanAccountV1Response{Ban: wireBan(b, true)}, nil
}

func (s *Service) revokeBan(ctx context.Context, audit auditor, req *wire.AccountRevokeBanAccountV1Request) (*wire.AccountRevokeBanAccountV1Response, error) {
	if err := audit(ctx, slog.String("ban", req.BanID.String())); err != nil {
		return nil, err
	}
	b, err := s.RevokeBan(ctx, BanID(req.BanID))
	if err != nil {
		return nil, err
	}
	return &wire.AccountRevokeBanAccountV1Response{Ban: wireBan(b, true)}, nil
}

func wireBans(bans []Ban, comment bool) *wire.AccountGetBansV1Response {
	resp := &wire.AccountGetBansV1Response{}
	for i := range bans {
		resp.Bans = append(resp.Bans, wireBan(&bans[i], comment))
	}
	return resp
}

func wireBan(b *Ban, comment bool) wire.Ban {
	w := wire.Ban{
		BanID:                wire.UUID(b.ID),
		PragmaSocialID:       wire.UUID(b.SocialID),
		GameShardID:          wire.UUID(b.GameShardID),
		AllGameShards:        b.AllGameShards,
		StartTimestampMillis: wire.Int64(b.Start.UnixMilli()),
		DurationInMillis:     wire.Int64(b.Duration.Milliseconds()),
		BanReason:            b.Reason,
		Revoked:              b.Revoked,
	}
	if comment {
		w.Comment = &b.Comment
	}
	return w
}
