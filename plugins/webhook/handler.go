package webhook

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

// Handler takes the calls of the engine in a fleet that is written in Go. The
// functions are called for calls that are signed by a known key, several at a
// time, and again for the same allocation: they must recognise it. It must not be
// changed while it is used.
type Handler struct {
	Verifier
	// Start has a server started, or finds the one that was started for this
	// allocation already. Nil says that it is under way;
	// [gameinstance.ErrNoServerNeeded] that the game needs none;
	// [pragma.ErrUnavailable] that the engine shall try again; any other error
	// refuses, and the allocation has failed. An allocation that was ended before
	// must be refused.
	Start func(ctx context.Context, c *Call) error
	// End stops the server of an allocation, if there is one, and is told of some
	// that never were started. Nil means that nothing is done. Errors are as those
	// of Start.
	End func(ctx context.Context, c *Call) error
	// Logger gets what is refused and what fails. Nil means [slog.Default].
	Logger *slog.Logger
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	log := cmp.Or(h.Logger, slog.Default())
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody+1)
	c, err := h.Verify(r)
	switch {
	case errors.Is(err, ErrUnsigned), errors.Is(err, ErrTime):
		log.WarnContext(r.Context(), "call refused", "from", r.RemoteAddr, "err", err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	case err != nil:
		log.WarnContext(r.Context(), "call not understood", "from", r.RemoteAddr, "err", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.answer(w, r, log, c)
}

// answer makes the call and says what came of it.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, log *slog.Logger, c *Call) {
	fn := h.Start
	if c.Type == End {
		fn = h.End
		if fn == nil {
			fn = func(context.Context, *Call) error { return nil }
		}
	}
	err := errors.New("webhook: the handler has no Start")
	if fn != nil {
		err = fn(r.Context(), c)
	}
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case errors.Is(err, gameinstance.ErrNoServerNeeded):
		w.Header().Set("Content-Type", "application/json")
		_ = json.MarshalWrite(w, Answer{NoServerNeeded: true}) // who does not get it asks again
	case errors.Is(err, pragma.ErrUnavailable), r.Context().Err() != nil:
		log.WarnContext(r.Context(), "call put off", "call", c, "err", err)
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		log.WarnContext(r.Context(), "call refused", "call", c, "err", err)
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
}
