package client

import (
	"time"

	"github.com/openpragma/engine/internal/wire"
)

// A refused refresh is tried again this often, with this pause (wire §2.5).
const (
	maxRefreshRetries = 5
	refreshRetry      = time.Minute
)

// refreshAfter plans the next exchange of tokens; zero plans none.
func (p *Player) refreshAfter(d time.Duration) {
	if d > 0 {
		p.after(d, p.refreshTokens)
	}
}

// resumeRefresh catches up on a refresh that was due while the connection was down.
func (p *Player) resumeRefresh() {
	p.mu.Lock()
	due := p.refreshDue
	p.refreshDue = false
	p.mu.Unlock()
	if due {
		p.refreshTokens()
	}
}

// refreshTokens asks for new tokens. Without a connection it leaves that to the
// next one.
func (p *Player) refreshTokens() {
	tokens := p.Tokens()
	req := &wire.AccountRefreshTokensV1Request{
		PragmaTokens: wire.PragmaTokens{PragmaGameToken: tokens.Game, PragmaSocialToken: tokens.Social},
	}
	err := p.social.post("AccountRpc.RefreshTokensV1", req, func(f *wire.Frame, err error) {
		p.refreshed(f, err)
	})
	if err != nil {
		p.refreshLater()
	}
}

func (p *Player) refreshLater() {
	p.mu.Lock()
	p.refreshDue = true
	p.mu.Unlock()
	if p.social.Connected() { // it came back, or has too many calls in flight
		p.after(time.Second, p.resumeRefresh)
	}
}

// refreshed takes the answer with the new tokens and hands them to the sessions.
func (p *Player) refreshed(f *wire.Frame, err error) {
	if isBreak(err) {
		p.refreshLater()
		return
	}
	var answer wire.AccountRefreshTokensV1Response
	var id *claims
	if err == nil {
		err = f.Decode(&answer)
	}
	tokens := Tokens{Game: answer.PragmaTokens.PragmaGameToken, Social: answer.PragmaTokens.PragmaSocialToken}
	if err == nil {
		id, err = readClaims(tokens.Game)
	}
	if err != nil {
		p.refreshRefused(err)
		return
	}
	p.mu.Lock()
	p.tokens = tokens
	p.refusals = 0
	p.mu.Unlock()
	p.useToken(p.game, tokens.Game)
	p.useToken(p.social, tokens.Social)
	p.refreshAfter(id.refreshIn())
}

func (p *Player) refreshRefused(err error) {
	p.mu.Lock()
	p.refusals++
	n := p.refusals
	p.mu.Unlock()
	p.log.Warn("cannot refresh tokens", "try", n, "err", err)
	if n <= maxRefreshRetries {
		p.refreshAfter(refreshRetry)
	}
}

// useToken tells a session its new token; the next socket is opened with it anyway.
func (p *Player) useToken(c *Conn, token string) {
	c.setToken(token)
	req := &wire.PlayerSessionRefreshV1Request{Token: token}
	err := c.post("PlayerSessionRpc.SessionRefreshV1", req, func(_ *wire.Frame, err error) {
		if err != nil && !isBreak(err) {
			p.log.Warn("new token refused", "backend", string(c.backend), "err", err)
		}
	})
	if err != nil {
		p.log.Debug("new token waits for a connection", "backend", string(c.backend), "err", err)
	}
}
