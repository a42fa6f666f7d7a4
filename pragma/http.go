package pragma

import (
	"errors"
	"io"
	"net/http"

	"github.com/openpragma/engine/internal/wire"
)

// maxHTTPBody bounds the body of a plain HTTP request.
const maxHTTPBody = 64 << 10

// ReadHTTP reads the JSON body of a plain HTTP request by the rules of wire §5.
// It is for handlers registered with [Mount.HandleHTTP]. The error is for
// [Mount.RefuseHTTP].
func ReadHTTP[Req any](w http.ResponseWriter, r *http.Request) (*Req, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHTTPBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, ErrMalformed.With("cannot read the body").Wrap(err)
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

// RefuseHTTP writes err as a serviceError envelope with an HTTP status. What the
// client may not know goes to the log.
func (m *Mount) RefuseHTTP(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, wire.AppendFrame(nil, 0, m.side.errorBody(&wire.Request{}, err)))
}
