package webhook

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma"
)

// Errors of [Verifier.Verify].
var (
	// ErrUnsigned is a call without a signature of a known key.
	ErrUnsigned = errors.New("webhook: not signed by a known key")
	// ErrTime is a call that was signed outside of the window: it is repeated by
	// somebody else, or a clock is wrong.
	ErrTime = errors.New("webhook: signed too long ago, or in the future")
	// ErrMalformed is a signed call that cannot be understood, or one that is too
	// large.
	ErrMalformed = errors.New("webhook: not a call")
)

// DefaultWindow is the window of a [Verifier] that names none.
const DefaultWindow = 5 * time.Minute

// MaxBody is the longest body a [Verifier] reads, in bytes.
const MaxBody = 1 << 20

// Verifier tells calls of the engine from others, on the side of the fleet. It may
// be used by any number of goroutines and must not be changed meanwhile.
type Verifier struct {
	// Secrets are the known secrets by key id. Have two while they are exchanged.
	Secrets map[string]pragma.Secret
	// Window is how far the time of a signature may be from now, in either
	// direction. Zero means [DefaultWindow]. Within it, a call that somebody has
	// recorded is accepted again; it is the same allocation still, see the package
	// documentation.
	Window time.Duration
}

// Verify reads the body of a request and returns the call in it. The error is
// [ErrUnsigned], [ErrTime], [ErrMalformed], or one of reading the body; answer the
// first two with 401 and the third with 400. Nothing of a request is believed
// before its signature was found good.
func (v *Verifier) Verify(r *http.Request) (*Call, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("webhook: read body: %w", err)
	}
	if len(body) > MaxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxBody)
	}
	timestamp := r.Header.Get(HeaderTimestamp)
	if !v.signed(r.Header.Get(HeaderSignature), timestamp, body) {
		return nil, ErrUnsigned
	}
	if !v.timely(timestamp) {
		return nil, ErrTime
	}
	return parse(body, r.Header.Get(HeaderIdempotencyKey))
}

// signed reports whether one of the signatures is good.
func (v *Verifier) signed(header, timestamp string, body []byte) bool {
	list := strings.SplitN(header, ",", maxSignatures+1)
	for _, one := range list[:min(len(list), maxSignatures)] {
		id, text, _ := strings.Cut(strings.TrimSpace(one), "=")
		mac, err := hex.DecodeString(text)
		secret := v.Secrets[id].Reveal()
		if err == nil && len(secret) >= minSecret && hmac.Equal(mac, signature(secret, timestamp, body)) {
			return true
		}
	}
	return false
}

// timely reports whether the time of a signature is in the window.
func (v *Verifier) timely(timestamp string) bool {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return false
	}
	window := v.Window
	if window <= 0 {
		window = DefaultWindow
	}
	return time.Since(time.Unix(seconds, 0)).Abs() <= window
}

// parse reads a body that is ours.
func parse(body []byte, key string) (*Call, error) {
	var c Call
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, fmt.Errorf("%w: the body cannot be read", ErrMalformed) // err may quote a token
	}
	switch {
	case c.Type != Start && c.Type != End:
		return nil, fmt.Errorf("%w: type %.20q", ErrMalformed, c.Type)
	case c.AllocationID == (pragma.AllocationID{}), c.GameInstanceID == (pragma.GameInstanceID{}):
		return nil, fmt.Errorf("%w: an id is missing", ErrMalformed)
	case key != c.IdempotencyKey():
		return nil, fmt.Errorf("%w: the header %s is of another call", ErrMalformed, HeaderIdempotencyKey)
	}
	return &c, nil
}
