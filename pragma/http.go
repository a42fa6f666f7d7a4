package pragma

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/openpragma/engine/internal/wire"
)

// post answers one call over HTTP. The session is looked at last, so that a
// client that sends slowly has no head start over a log-in that takes over.
func (g *gateway) post(w http.ResponseWriter, r *http.Request) {
	if !isJSON(r.Header.Get("Content-Type")) {
		g.refuse(w, 0, errContentType)
		return
	}
	who, err := g.identify(r)
	if err != nil {
		g.refuse(w, 0, err)
		return
	}
	limits := g.side.core.session.Load()
	body, err := readBody(w, r, limits.frame(g.id.Type))
	if err != nil {
		g.refuse(w, 0, err)
		return
	}
	perSecond, burst := limits.rate(g.id.Type)
	req, err := wire.ParseRequest(body)
	switch {
	case !g.rates.allow(who.id(), perSecond, burst, time.Now()):
		err = ErrRateLimited
	case err != nil:
		err = ErrMalformed.With("%v", err)
	case who.player != nil:
		err = g.side.sessions.touch(r.Context(), who.player)
	case who.partner != nil: // once more: the body may have taken its time
		err = g.side.core.partners.check(r.Context(), who.partner)
	}
	if err != nil {
		g.refuse(w, req.RequestID, err)
		return
	}
	if !g.side.core.calls.begin() {
		g.refuse(w, req.RequestID, ErrShuttingDown)
		return
	}
	defer g.side.core.calls.done()
	answer, err := g.side.dispatch(r.Context(), g.id.Type, who, &req)
	writeFrame(w, callStatus(err), answer)
}

// callStatus is the HTTP status of a call that was dispatched: existing clients
// read the body of 200 alone, so only what they cannot act on has another one
// (wire §1.2, §16.8).
func callStatus(err error) int {
	if err == nil {
		return http.StatusOK
	}
	switch e := asError(err); {
	case e.HTTPStatus != 0:
		return e.HTTPStatus
	case e.Is(ErrRateLimited):
		return http.StatusTooManyRequests
	case e.Code == Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// refuse answers an HTTP request that did not become a call (wire §16.8).
func (g *gateway) refuse(w http.ResponseWriter, requestID int64, err error) {
	writeFrame(w, refusalStatus(err), g.side.errorBody(&wire.Request{RequestID: requestID}, err))
}

func refusalStatus(err error) int {
	switch e := asError(err); {
	case errors.Is(err, errNotJSON):
		return http.StatusUnsupportedMediaType
	case e.Is(ErrWrongSessionType):
		return http.StatusForbidden
	case e.Code == Unauthenticated:
		return http.StatusUnauthorized
	case e.Is(ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case e.Code == InvalidArgument:
		return http.StatusBadRequest
	case e.Code == ResourceExhausted:
		return http.StatusTooManyRequests
	case e.Code == Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

var (
	errNotJSON     = errors.New("not JSON")
	errContentType = ErrMalformed.With("Content-Type must be application/json").Wrap(errNotJSON)
)

// writeFrame writes a frame; over HTTP its number is 0 (wire §4).
func writeFrame(w http.ResponseWriter, status int, body []byte) {
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, status, wire.AppendFrame(nil, 0, body))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody is left to tell
}

func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, ErrMalformed.With("cannot read the body").Wrap(err)
	}
	return body, nil
}

// maxHTTPBody bounds the body of a plain HTTP request.
const maxHTTPBody = 64 << 10

// ReadHTTP reads the JSON body of a plain HTTP request by the rules of wire §5,
// up to 64 KiB of it. It is for handlers registered with [Mount.HandleHTTP]. The
// error is [ErrTooLarge] or [ErrMalformed], also for a Content-Type that is not
// JSON, and is for [Mount.RefuseHTTP]. No Content-Type counts as JSON.
func ReadHTTP[Req any](w http.ResponseWriter, r *http.Request) (*Req, error) {
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, errContentType
	}
	body, err := readBody(w, r, maxHTTPBody)
	if err != nil {
		return nil, err
	}
	req := new(Req)
	if err := wire.Unmarshal(body, req); err != nil {
		return nil, ErrMalformed.With("%v", err).Wrap(err)
	}
	return req, nil
}

// AnswerHTTP writes v as the JSON body of a successful answer.
func (m *Mount) AnswerHTTP(w http.ResponseWriter, v any) {
	body, err := wire.Marshal(v)
	if err != nil {
		m.RefuseHTTP(w, http.StatusInternalServerError, err)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// RefuseHTTP writes err as a serviceError envelope with an HTTP status; that of a
// body [ReadHTTP] did not read because of its Content-Type is 415 anyway. What the
// client may not know goes to the log.
func (m *Mount) RefuseHTTP(w http.ResponseWriter, status int, err error) {
	if errors.Is(err, errNotJSON) {
		status = http.StatusUnsupportedMediaType
	}
	writeFrame(w, status, m.side.errorBody(&wire.Request{}, err))
}

// rates limits something for each of many ids: calls over HTTP by session,
// handshakes by address. The zero value is ready.
type rates struct {
	mu    sync.Mutex
	by    map[[16]byte]*rate.Limiter
	sweep int // how many to have before those that are full again are dropped
}

// allow reports whether one more call may be made now. Limiters whose burst is
// whole again say nothing and are dropped, so that memory follows the callers of
// the last moments.
func (r *rates) allow(id [16]byte, perSecond rate.Limit, burst int, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.by[id]
	if l == nil {
		if len(r.by) >= r.sweep {
			for id, l := range r.by {
				if l.TokensAt(now) >= float64(l.Burst()) {
					delete(r.by, id)
				}
			}
			r.sweep = max(1024, 2*len(r.by))
		}
		if r.by == nil {
			r.by = make(map[[16]byte]*rate.Limiter)
		}
		l = rate.NewLimiter(perSecond, burst)
		r.by[id] = l
	}
	if l.Limit() != perSecond || l.Burst() != burst {
		l.SetLimitAt(now, perSecond)
		l.SetBurstAt(now, burst)
	}
	return l.AllowN(now, 1)
}

// empty reports whether allow would refuse now.
func (r *rates) empty(id [16]byte, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.by[id]
	return l != nil && l.TokensAt(now) < 1
}
