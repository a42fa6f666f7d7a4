package escstest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fault is what goes wrong with one request. The zero value is no fault at all.
// Make one by the functions that return one, or fill in what is needed.
type Fault struct {
	// Name is how the fault is called in the ledger.
	Name string
	// Delay is waited before anything else is done.
	Delay time.Duration
	// Hang waits until the sender has gone, and then does nothing.
	Hang bool
	// Cut breaks the connection without an answer.
	Cut bool
	// Accept has the request taken before it meets the fault: the platform keeps
	// the result, and the sender does not learn it.
	Accept bool
	// Status and Body are the answer, RetryAfter its header of that name. Half
	// says that the connection breaks in the middle of the body.
	Status     int
	Body       string
	RetryAfter string
	Half       bool
}

// Status answers with a status and an error in the body.
func Status(status int) Fault {
	return Fault{
		Name: fmt.Sprint("status ", status), Status: status,
		Body: fmt.Sprintf(`{"error":{"code":%d,"message":%q}}`, status, http.StatusText(status)),
	}
}

// RetryAfter is [Status] with the header Retry-After: seconds, or a date.
func RetryAfter(status int, header string) Fault {
	f := Status(status)
	f.Name, f.RetryAfter = fmt.Sprintf("%s, retry after %s", f.Name, header), header
	return f
}

// Hang leaves the sender without an answer until it gives up.
func Hang() Fault { return Fault{Name: "hangs", Hang: true} }

// Late is no fault but slow: the request is taken and answered after d.
func Late(d time.Duration) Fault { return Fault{Name: fmt.Sprint("late by ", d), Delay: d} }

// LateAnswer takes the request at once, and then waits for d before it answers.
// The platform has the result even if the sender gives up meanwhile.
func LateAnswer(d time.Duration) Fault {
	return Fault{Name: fmt.Sprintf("takes it, answers after %v", d), Delay: d, Accept: true, Status: http.StatusOK, Body: `{"result":{}}`}
}

// LoseAnswer takes the request and breaks the connection instead of an answer.
func LoseAnswer() Fault { return Fault{Name: "takes it, loses the answer", Accept: true, Cut: true} }

// LoseHalf is [LoseAnswer] in the middle of the body.
func LoseHalf() Fault {
	return Fault{Name: "takes it, loses half of the answer", Accept: true, Half: true, Status: http.StatusOK, Body: `{"result":{}}`}
}

// Cut breaks the connection before the request is taken.
func Cut() Fault { return Fault{Name: "cut", Cut: true} }

// ErrorInBody answers 200 with an error in the body.
func ErrorInBody(code, message string) Fault {
	return Fault{
		Name: "200 with error " + code, Status: http.StatusOK,
		Body: fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message),
	}
}

// NotJSON answers with a page instead of JSON.
func NotJSON(status int) Fault {
	return Fault{Name: fmt.Sprint("no JSON, status ", status), Status: status, Body: "<html>sorry</html>"}
}

// Huge answers with a body of n bytes.
func Huge(status, n int) Fault {
	return Fault{
		Name: fmt.Sprintf("%d bytes, status %d", n, status), Status: status,
		Body: `{"result":"` + strings.Repeat("x", max(0, n-13)) + `"}`,
	}
}

// success reports whether the answer says that a submission was taken.
func (f *Fault) success() bool {
	var said map[string]jsontext.Value
	return f.Status >= 200 && f.Status < 300 && json.Unmarshal([]byte(f.Body), &said) == nil && said["error"] == nil
}

// cut breaks the connection of a request.
func cut() { panic(http.ErrAbortHandler) }

// answer writes the answer of the fault, or breaks the connection.
func (f *Fault) answer(w http.ResponseWriter) {
	if f.Cut {
		cut()
	}
	w.Header().Set("Content-Type", "application/json")
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Half {
		w.Header().Set("Content-Length", fmt.Sprint(len(f.Body)))
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body[:len(f.Body)/2]) // the sender may have gone
		_ = http.NewResponseController(w).Flush()
		cut()
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}
