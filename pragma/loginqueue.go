package pragma

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/internal/token"
	"github.com/openpragma/engine/internal/wire"
)

// loginQueue answers the log-in queue's endpoints (wire §1.2). Everybody is let
// in at once.
type loginQueue struct {
	core *core
	last atomic.Int64
}

// passTokenLife is how long a pass token may be used to log in.
const passTokenLife = 10 * time.Minute

func (q *loginQueue) mount(m *Mount) {
	for _, pattern := range []string{"GET /v1/loginqueue/getinqueuev1", "POST /v1/loginqueue/getinqueuev1", "POST /v1/loginqueue/checkticketv1"} {
		m.HandleHTTP(Player, pattern, http.HandlerFunc(q.enter))
	}
}

func (q *loginQueue) enter(w http.ResponseWriter, r *http.Request) {
	ticket := strconv.FormatInt(q.last.Add(1), 10)
	pass, err := q.core.tokens.sign(token.Claims{Subject: ticket, TicketNumber: ticket, IsAllowedIn: "true"}, passTokenLife)
	var body []byte
	if err == nil {
		body, err = wire.Marshal(&wire.LoginQueueTicket{Token: pass, IsAllowedIn: true, PollNextDuration: 1000})
	}
	if err != nil {
		q.core.log.ErrorContext(r.Context(), "cannot answer the log-in queue", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, body)
}
