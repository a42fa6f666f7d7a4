package client

import (
	"context"

	"github.com/openpragma/engine/internal/wire"
)

// AuthCode returns a new one-time code by which a third party, such as a
// tournament platform, may learn who the player is (escs E1). It is valid for
// some minutes. Show it to nobody else. At most ten are made in a minute, then
// the error is [pragma.ErrRateLimited]; otherwise errors are as for [Call].
func (p *Player) AuthCode(ctx context.Context) (string, error) {
	req := &wire.AuthCodeAuthCodeV1Request{PlayerID: p.ID().String()}
	resp, err := invoke[wire.AuthCodeAuthCodeV1Response](ctx, p.social, "AuthCodeRpc.AuthCodeV1", req, nil)
	if err != nil {
		return "", err
	}
	return resp.AuthCode, nil
}
