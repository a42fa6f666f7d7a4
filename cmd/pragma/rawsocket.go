package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// rawSocket is a socket without the client SDK, whose caches and goroutines
// would be measured too. One goroutine may read while another writes.
type rawSocket struct {
	ws     *websocket.Conn
	next   int64
	buf    bytes.Buffer
	forget func() bool
}

// dialRaw opens a socket. It is cut when ctx ends, so that a read comes back.
func dialRaw(ctx context.Context, address, token string) (*rawSocket, error) {
	opts := &websocket.DialOptions{HTTPHeader: http.Header{"Accept": {"application/json"}}}
	if token != "" {
		opts.HTTPHeader.Set("Authorization", "Bearer "+token)
	}
	ws, _, err := websocket.Dial(ctx, "ws://"+address+"/v1/rpc", opts)
	if err != nil {
		return nil, fmt.Errorf("open a socket to %s: %w", address, err)
	}
	ws.SetReadLimit(1 << 20)
	s := &rawSocket{ws: ws}
	s.forget = context.AfterFunc(ctx, func() { _ = ws.CloseNow() })
	return s, nil
}

// close cuts the connection. Closing again does nothing.
func (s *rawSocket) close() {
	s.forget()
	_ = s.ws.CloseNow()
}

// write sends one frame.
func (s *rawSocket) write(frame []byte) error {
	return s.ws.Write(context.Background(), websocket.MessageText, frame)
}

// read returns the next frame, which is good until the next read.
func (s *rawSocket) read() ([]byte, error) {
	_, r, err := s.ws.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	s.buf.Reset()
	_, err = s.buf.ReadFrom(r)
	return s.buf.Bytes(), err
}

// call makes a call and decodes its answer into out, unless that is nil. What
// comes before the answer is dropped.
func (s *rawSocket) call(name string, payload, out any) error {
	s.next++
	frame, err := wire.AppendRequest(nil, s.next, name+"Request", payload)
	if err != nil {
		return err
	}
	if err := s.write(frame); err != nil {
		return fmt.Errorf("call %s: %w", name, err)
	}
	for {
		text, err := s.read()
		if err != nil {
			return fmt.Errorf("call %s: %w", name, err)
		}
		f, err := wire.ParseFrame(text)
		switch {
		case err != nil:
			return fmt.Errorf("call %s: %w", name, err)
		case f.ServiceError != nil:
			return fmt.Errorf("call %s: refused: %v", name, f.ServiceError.DebugDetails)
		case f.Kind == wire.KindNotification:
		case out == nil:
			return nil
		default:
			return f.Decode(out)
		}
	}
}

// tokens are what a log-in gives a player.
type tokens struct{ game, social string }

// logIn logs a player in with the development provider, over HTTP alone.
func logIn(ctx context.Context, hc *http.Client, a pragma.Addresses, name string) (tokens, error) {
	who, err := wire.Marshal(map[string]string{"accountId": name, "displayName": name})
	if err != nil {
		return tokens{}, err
	}
	body, err := wire.Marshal(&wire.AuthenticateOrCreateV2Request{
		ProviderID: wire.IDProviderUnsafe, ProviderToken: string(who), GameShardID: developmentShard,
	})
	if err != nil {
		return tokens{}, err
	}
	url := "http://" + a[socialPlayers] + "/v1/account/authenticateorcreatev2"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return tokens{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := hc.Do(req)
	if err != nil {
		return tokens{}, fmt.Errorf("log %s in: %w", name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		return tokens{}, fmt.Errorf("log %s in: %s %s, %w", name, resp.Status, strings.TrimSpace(string(text)), err)
	}
	var answer wire.AuthenticateOrCreateV2Response
	if err := wire.UnmarshalReply(text, &answer); err != nil {
		return tokens{}, fmt.Errorf("log %s in: %w", name, err)
	}
	return tokens{answer.PragmaTokens.PragmaGameToken, answer.PragmaTokens.PragmaSocialToken}, nil
}

// developmentShard is the shard of a server without configuration (engine §11).
const developmentShard = "00000000-0000-0000-0000-000000000001"

// The gateways that game clients use.
var (
	gamePlayers   = pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}
	socialPlayers = pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}
)

// logInAll logs n players in, some at a time.
func logInAll(ctx context.Context, a pragma.Addresses, n int) ([]tokens, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: dialers}
	defer transport.CloseIdleConnections()
	hc := &http.Client{Transport: transport}
	return each(dialers, n, func(i int) (tokens, error) {
		return logIn(ctx, hc, a, fmt.Sprintf("player-%d", i))
	})
}

// dialAll opens one socket for each token, some at a time. Sockets that were
// opened are returned with the error.
func dialAll(ctx context.Context, address string, tokens []string) ([]*rawSocket, error) {
	sockets, err := each(dialers, len(tokens), func(i int) (*rawSocket, error) { return dialRaw(ctx, address, tokens[i]) })
	open := sockets[:0]
	for _, s := range sockets {
		if s != nil {
			open = append(open, s)
		}
	}
	return open, err
}

func closeAll(sockets []*rawSocket) {
	for _, s := range sockets {
		s.close()
	}
}
