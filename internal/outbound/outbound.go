package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// MaxBody is the longest answer that is read, in bytes.
const MaxBody = 1 << 20

// ErrTooLarge is an answer longer than [MaxBody].
var ErrTooLarge = errors.New("the answer is too large")

// errSlow is the cause of a context that ended by [Within].
var errSlow = errors.New("no answer in time")

// NewClient returns a client over base; nil means a transport of its own, with
// connections bounded in number and the proxy that the environment names. Close
// its idle connections when it is not needed any more.
func NewClient(base http.RoundTripper) *http.Client {
	if base == nil {
		base = newTransport()
	}
	return &http.Client{
		Transport:     limited{base},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// NewTLSClient is [NewClient] with a transport of its own that uses t, such as one
// with a client certificate. The transport owns t from now on. A connection that
// has died without a word is noticed within half a minute.
func NewTLSClient(t *tls.Config) *http.Client {
	base := newTransport()
	base.TLSClientConfig = t
	base.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
	return NewClient(base)
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  10 * time.Second,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    16,
		MaxConnsPerHost:        128,
		MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
	}
}

// limited refuses bodies that are too long.
type limited struct{ base http.RoundTripper }

func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > MaxBody {
		_ = resp.Body.Close() // nothing of it was wanted
		return nil, ErrTooLarge
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, MaxBody)
	return resp, nil
}

// CloseIdleConnections has [http.Client.CloseIdleConnections] reach the base.
func (l limited) CloseIdleConnections() {
	if c, ok := l.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// An Answer is a complete answer to a request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// maxWait bounds [Answer.RetryAfter], which a broken clock can make absurd.
const maxWait = 24 * time.Hour

// RetryAfter returns how long the service asks to be left alone, by its header
// Retry-After in seconds or as a date. ok is false if it does not say. A date that
// is over is no wait at all.
func (a *Answer) RetryAfter() (d time.Duration, ok bool) {
	text := a.Header.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, maxWait), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return min(max(time.Until(at), 0), maxWait), true
}

// Do sends req and reads the whole answer, whatever its status. The error does
// not name the address.
func Do(c *http.Client, req *http.Request) (*Answer, error) {
	resp, err := c.Do(req)
	if err != nil {
		return nil, plain(req.Context(), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, plain(req.Context(), err)
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// plain drops the address from an error of package http, and says what ended ctx.
func plain(ctx context.Context, err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, tooLarge.Limit)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// Within returns a context that ends after d, or earlier if ctx has a deadline:
// then a quarter of its time is left for the caller to say what went wrong.
func Within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(end)/4*3)
	}
	return context.WithTimeoutCause(ctx, d, errSlow)
}

// CheckURL returns why text cannot be the address of a service: it must be an
// absolute https URL without user, query and fragment. If loopback is set, http
// will do for a service on this machine.
func CheckURL(text string, loopback bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.Hostname() == "":
		return errors.New("want an address such as https://example.com")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return errors.New("must have no user, query or fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && loopback && onThisMachine(u.Hostname()):
		return nil
	}
	return errors.New("must be https; http is for services on this machine, in development")
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
