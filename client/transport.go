package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/wire"
)

// transport is how a client reaches the network.
type transport struct {
	client  *http.Client
	own     *http.Transport // nil if the client belongs to the user
	timeout time.Duration
	maxBody int64
}

func newTransport(o *Options) *transport {
	t := &transport{client: o.HTTPClient, timeout: o.ConnectTimeout, maxBody: o.MaxFrame}
	if t.client == nil {
		t.own = &http.Transport{DialContext: o.Dial, TLSHandshakeTimeout: o.ConnectTimeout}
		if o.Dial == nil {
			t.own.Proxy = http.ProxyFromEnvironment
		}
		t.client = &http.Client{Transport: t.own}
	}
	return t
}

// release closes connections that wait for another HTTP request. Sockets are
// not among them.
func (t *transport) release() {
	if t.own != nil {
		t.own.CloseIdleConnections()
	}
}

// do sends a request and decodes the answer into out. A nil in sends no body.
func (t *transport) do(ctx context.Context, method, url, token string, in, out any) error {
	body, err := t.roundTrip(ctx, method, url, token, in)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	if err := wire.UnmarshalReply(body, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	return nil
}

func (t *transport) roundTrip(ctx context.Context, method, url, token string, in any) ([]byte, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = wire.Marshal(in); err != nil {
			return nil, err
		}
	}
	return t.send(ctx, method, url, token, body)
}

// send sends a request and returns the body of a 2xx answer.
func (t *transport) send(ctx context.Context, method, url, token string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, errConnectTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, t.maxBody))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, refusedHTTP(resp.StatusCode, answer)
	}
	return answer, nil
}

// refusedHTTP reads the refusal in the body of an answer without success.
func refusedHTTP(status int, body []byte) error {
	f, err := wire.ParseFrame(body)
	if err == nil && f.ServiceError != nil && f.ServiceError.Name() != wire.UnknownError {
		return refusal(f.ServiceError)
	}
	return &HTTPError{Status: status}
}

// baseURL completes an address such as "127.0.0.1:10000".
func baseURL(addr string) string {
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	return strings.TrimRight(addr, "/")
}

// socketURL returns where a backend's sockets are opened.
func socketURL(base string) string {
	return "ws" + strings.TrimPrefix(base, "http") + "/v1/rpc"
}
