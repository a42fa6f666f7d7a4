package escstest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Options say how a platform is.
type Options struct {
	// GameID and Secret are the credentials that it wants. An empty one is not
	// looked at.
	GameID string
	Secret string
	// Memory has it listen on pipes instead of TCP.
	Memory bool
	// Address is where it listens on TCP. Empty means any free port of this machine.
	Address string
	// DuplicateCode has it answer a repeated key with an error of this code in a
	// 200. Empty means that it answers as it did the first time.
	DuplicateCode string
}

// ESCS is a running platform. Its methods may be called by any number of
// goroutines.
type ESCS struct {
	// URL is where it takes results.
	URL string
	// BaseURL is where it takes everything else.
	BaseURL string

	o      Options
	pipes  *pipes // nil: TCP
	server *http.Server
	served sync.WaitGroup

	mu            sync.Mutex
	secret        string
	script        []Fault
	always        *Fault
	requests      []Request
	taken         map[string]bool // by idempotency key
	confirmations []Confirmation
}

// maxBody is the longest body that is read, in bytes.
const maxBody = 4 << 20

// Start starts a platform. Close it when it is not needed any more.
func Start(o Options) (*ESCS, error) {
	e := &ESCS{o: o, secret: o.Secret, taken: make(map[string]bool)}
	var l net.Listener
	if o.Memory {
		e.pipes = newPipes()
		l = e.pipes
	} else {
		var err error
		if l, err = net.Listen("tcp", cmp.Or(o.Address, "127.0.0.1:0")); err != nil {
			return nil, err
		}
	}
	e.BaseURL = "http://" + l.Addr().String()
	e.URL = e.BaseURL + "/rpc/SubmitSetResults"
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /tournaments/{tournament}/rounds/{round}/game-server-confirmation", e.confirm)
	mux.HandleFunc("/", e.submit)
	e.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	e.served.Go(func() { _ = e.server.Serve(l) }) // ends with Close
	return e, nil
}

// Close stops the platform. Requests under way are cut.
func (e *ESCS) Close() {
	_ = e.server.Close() // nothing is left to do about it
	e.served.Wait()
}

// Transport returns a new transport to the platform. Who gets it closes its idle
// connections; a server does that for its own.
func (e *ESCS) Transport() *http.Transport { return e.pipes.transport() }

// Script has the next requests meet these faults, one each, after those that are
// in the script already. A zero [Fault] lets one through.
func (e *ESCS) Script(faults ...Fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.script = append(e.script, faults...)
}

// Always has every request that finds the script empty meet a fault.
func (e *ESCS) Always(f Fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.always = &f
}

// Recover ends what was asked for with Script and Always.
func (e *ESCS) Recover() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.script, e.always = nil, nil
}

// Rotate exchanges the secret: the former one gets 401 from now on.
func (e *ESCS) Rotate(secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secret = secret
}

// note writes a request down and returns what is to happen to it.
func (e *ESCS) note(r *http.Request, body []byte) (n int, f Fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.script) > 0 {
		f, e.script = e.script[0], e.script[1:]
	} else if e.always != nil {
		f = *e.always
	}
	e.requests = append(e.requests, Request{
		At: time.Now(), Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Body: body,
		Key: r.Header.Get("Idempotency-Key"), Result: read(body), Fault: f.Name,
	})
	return len(e.requests) - 1, f
}

// answered notes an answer that is about to be written.
func (e *ESCS) answered(n int, f *Fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.requests[n]
	r.Status, r.Told = f.Status, r.Accepted && f.success()
}

// submit takes results.
func (e *ESCS) submit(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		cut()
	}
	n, f := e.note(r, body)
	good := e.judge(n)
	if f.Accept && good.Status == http.StatusOK {
		good = e.take(n)
	}
	if !wait(r.Context(), &f) {
		cut()
	}
	switch {
	case f.Cut:
	case f.Status == 0:
		if good.Status == http.StatusOK && !f.Accept {
			good = e.take(n)
		}
		f = good
	case f.Accept && good.Status != http.StatusOK:
		f = good
	}
	if !f.Cut && !f.Half {
		e.answered(n, &f)
	}
	f.answer(w)
}

// wait does the waiting of a fault. It reports whether the sender is still there.
func wait(ctx context.Context, f *Fault) bool {
	if f.Hang {
		<-ctx.Done()
		return false
	}
	if f.Delay == 0 {
		return true
	}
	t := time.NewTimer(f.Delay)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// judge returns what the platform says to a request if nothing goes wrong, before
// it is taken.
func (e *ESCS) judge(n int) Fault {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.requests[n].Result
	switch {
	case e.requests[n].Method != http.MethodPost:
		return Status(http.StatusMethodNotAllowed)
	case r == nil:
		return Status(http.StatusBadRequest)
	case e.o.GameID != "" && r.GameID != e.o.GameID, e.secret != "" && r.SecretKey != e.secret:
		return Status(http.StatusUnauthorized)
	}
	return Fault{Status: http.StatusOK, Body: `{"result":{}}`}
}

// take keeps a result, unless one with its key is kept already.
func (e *ESCS) take(n int) Fault {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.requests[n]
	r.Accepted, r.Duplicate = true, e.taken[r.Key]
	e.taken[r.Key] = true
	if r.Duplicate && e.o.DuplicateCode != "" {
		return ErrorInBody(e.o.DuplicateCode, "the set has a result already")
	}
	return Fault{Status: http.StatusOK, Body: `{"result":{}}`}
}

// confirm takes the word of a game server for a round.
func (e *ESCS) confirm(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		cut()
	}
	n, f := e.note(r, body)
	if !wait(r.Context(), &f) {
		cut()
	}
	if f.Status == 0 && !f.Cut {
		f = e.takeConfirmation(r, body)
	}
	if !f.Cut && !f.Half {
		e.answered(n, &f)
	}
	f.answer(w)
}

func (e *ESCS) takeConfirmation(r *http.Request, body []byte) Fault {
	var said struct {
		IsValid *bool    `json:"isValid"`
		Score   *float64 `json:"score"`
	}
	err := json.Unmarshal(body, &said)
	if err == nil && said.IsValid == nil {
		err = errors.New("isValid is missing")
	}
	if err != nil {
		return Status(http.StatusBadRequest)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.secret != "" && r.Header.Get("escs-game-secret-key") != e.secret {
		return Status(http.StatusUnauthorized)
	}
	e.confirmations = append(e.confirmations, Confirmation{
		TournamentID: r.PathValue("tournament"), RoundID: r.PathValue("round"), IsValid: *said.IsValid, Score: said.Score,
	})
	return Fault{Status: http.StatusOK, Body: `{}`}
}
