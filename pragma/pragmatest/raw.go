package pragmatest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
)

// Tokens logs a player in with the UNSAFE provider, over plain HTTP, and returns
// his tokens. The name is both account and display name.
func (w *World) Tokens(name string) (game, social string) {
	w.T.Helper()
	return w.tokens(pragma.Player, name)
}

func (w *World) tokens(t pragma.SessionType, name string) (game, social string) {
	w.T.Helper()
	body := fmt.Sprintf(`{"providerId":"UNSAFE","providerToken":%q,"gameShardId":"00000000-0000-0000-0000-000000000001"}`,
		fmt.Sprintf(`{"accountId":%q,"displayName":%q}`, name, name))
	url := "http://" + w.Address(pragma.Gateway{Backend: pragma.Social, Type: t}) + "/v1/account/authenticateorcreatev2"
	resp, err := w.http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		w.fatal("log in %s: %v", name, err)
	}
	defer resp.Body.Close()
	var got struct {
		PragmaTokens struct{ PragmaGameToken, PragmaSocialToken string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != http.StatusOK {
		w.fatal("log in %s: status %d, %v", name, resp.StatusCode, err)
	}
	return got.PragmaTokens.PragmaGameToken, got.PragmaTokens.PragmaSocialToken
}

// PartnerTokens returns a pair of partner tokens, made by an operator.
func (w *World) PartnerTokens() (game, social string) {
	w.T.Helper()
	_, operator := w.tokens(pragma.Operator, "operator")
	c := w.Raw(pragma.Gateway{Backend: pragma.Social, Type: pragma.Operator}, operator)
	defer c.Close()
	got := c.Call("AccountRpc.CreatePartnerTokenV1", map[string]any{"gameShardId": "00000000-0000-0000-0000-000000000001", "name": "test"})
	game, _ = got["pragmaPartnerGameToken"].(string)
	social, _ = got["pragmaPartnerSocialToken"].(string)
	return game, social
}

// Raw opens a bare socket, for tests of the wire itself.
func (w *World) Raw(g pragma.Gateway, token string) *Raw {
	w.T.Helper()
	ws, resp, err := websocket.Dial(w.T.Context(), "ws://"+w.Address(g)+"/v1/rpc", &websocket.DialOptions{
		HTTPClient: w.http,
		HTTPHeader: http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/json"}},
	})
	if err != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		w.fatal("open %s: status %d: %v", g, status, err)
	}
	ws.SetReadLimit(8 << 20)
	c := &Raw{w: w, ws: ws, frames: make(chan Frame, rawFrames), done: make(chan struct{})}
	go c.pump()
	w.close = append(w.close, c.Close)
	return c
}

// Raw is a bare socket: it sends and reads frames, answers pings, and knows
// nothing else.
type Raw struct {
	w      *World
	ws     *websocket.Conn
	next   int
	frames chan Frame    // that came and nobody has looked at
	done   chan struct{} // closed when no more will come
	end    error         // why; set before done is closed
}

// rawFrames is how many frames may wait to be looked at; then the socket reads no
// more, as a slow client does.
const rawFrames = 8192

// pump reads until the end of the socket.
func (c *Raw) pump() {
	defer close(c.done)
	for {
		_, data, err := c.ws.Read(context.Background())
		f := Frame{Text: string(data)}
		if err == nil {
			err = json.Unmarshal(data, &f)
		}
		if err != nil {
			c.end = err
			return
		}
		c.frames <- f
	}
}

// Frame is a frame from the server; exactly one of its pointers is set.
type Frame struct {
	Text string `json:"-"` // as it came

	SequenceNumber int64
	Response       *struct {
		RequestID int64
		Type      string
		Payload   map[string]any
	}
	Notification *struct {
		Type    string
		Payload map[string]any
	}
	ServiceError *struct {
		RequestID       int64
		Status          string
		Error, ExtError string
		TraceID         string
		DebugDetails    []string
		// ApplicationError is nil if the refusal has none.
		ApplicationError *struct {
			Type    string
			Payload map[string]any
		}
	}
}

// String names the frame: its type, or its error.
func (f Frame) String() string {
	switch {
	case f.Response != nil:
		return f.Response.Type
	case f.Notification != nil:
		return f.Notification.Type
	case f.ServiceError != nil:
		return "error " + f.ServiceError.Error + f.ServiceError.ExtError
	}
	return "nothing"
}

// Send writes one text frame.
func (c *Raw) Send(frame string) {
	c.w.T.Helper()
	if err := c.ws.Write(c.w.T.Context(), websocket.MessageText, []byte(frame)); err != nil {
		c.w.fatal("send: %v", err)
	}
}

// Request sends a call with the next request id and does not wait.
func (c *Raw) Request(call string, payload any) {
	c.w.T.Helper()
	c.next++
	text, err := json.Marshal(payload)
	if err != nil {
		c.w.fatal("encode %s: %v", call, err)
	}
	c.Send(fmt.Sprintf(`{"requestId":%d,"type":"%sRequest","payload":%s}`, c.next, call, text))
}

// Read returns the next frame; it fails the test if none comes within a minute.
func (c *Raw) Read() Frame {
	c.w.T.Helper()
	f, ok := c.Poll(time.Minute)
	if !ok {
		c.w.fatal("no frame within a minute")
	}
	return f
}

// Poll returns the next frame, or false if none comes in time or the socket has
// ended.
func (c *Raw) Poll(wait time.Duration) (Frame, bool) {
	select {
	case f := <-c.frames:
		return f, true
	default: // what came before the end is still there
	}
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	select {
	case f := <-c.frames:
		return f, true
	case <-c.done:
	case <-timeout.C:
	}
	select {
	case f := <-c.frames:
		return f, true
	default:
		return Frame{}, false
	}
}

// Call makes a call and returns its answer's payload. Notifications that come
// before are dropped; an error fails the test.
func (c *Raw) Call(call string, payload any) map[string]any {
	c.w.T.Helper()
	c.Request(call, payload)
	for {
		switch f := c.Read(); {
		case f.Response != nil:
			return f.Response.Payload
		case f.ServiceError != nil:
			c.w.fatal("%s: %s %v", call, f, f.ServiceError.DebugDetails)
		}
	}
}

// Try makes a call and returns its answer's payload, or the name of the error that
// refused it. Notifications that come before are dropped.
func (c *Raw) Try(call string, payload any) (got map[string]any, refused string) {
	c.w.T.Helper()
	c.Request(call, payload)
	for {
		switch f := c.Read(); {
		case f.Response != nil:
			return f.Response.Payload, ""
		case f.ServiceError != nil:
			return nil, f.ServiceError.Error + f.ServiceError.ExtError
		}
	}
}

// Closed waits for the end of the socket, dropping frames, and returns the close
// code, or -1 if it was cut without one.
func (c *Raw) Closed() int {
	for {
		select {
		case <-c.frames:
		case <-c.done:
			return int(websocket.CloseStatus(c.end))
		}
	}
}

// Cut breaks the connection without a close frame.
func (c *Raw) Cut() { _ = c.ws.CloseNow() }

// Close closes the socket with code 1000, unless it is closed already.
func (c *Raw) Close() { _ = c.ws.Close(websocket.StatusNormalClosure, "") }
