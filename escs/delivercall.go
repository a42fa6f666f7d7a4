package escs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
)

// outcome says what an attempt to send has led to.
type outcome string

const (
	outcomeTaken        outcome = "taken"
	outcomeAgain        outcome = "again"        // not now, or nobody knows
	outcomeRefused      outcome = "refused"      // and always will be
	outcomeUnauthorized outcome = "unauthorized" // nothing of us is wanted with these credentials
	outcomeStopped      outcome = "stopped"      // by us, because the server ends
)

// verdict is what became of an attempt.
type verdict struct {
	outcome outcome
	part    string // which submission it was
	last    bool   // none is left after it
	// wait is what the platform asks to be left alone for, if asked.
	wait  time.Duration
	asked bool
	// text says what went wrong, answer is the body that said so. No secrets.
	text, answer string
}

const (
	// maxAnswer is the longest body of an answer that is read, in bytes.
	maxAnswer = 1 << 20
	// keptAnswer and keptError are how much of it, and of an error, is kept.
	keptAnswer = 4 << 10
	keptError  = 400

	headerIdempotencyKey = "Idempotency-Key"
)

// newTransport returns the transport of a service that was given none.
func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxConnsPerHost, t.MaxIdleConnsPerHost = 32, 16
	return t
}

// newClient returns a client that follows no redirect, so that no secret goes to
// somebody else. It reads answers of any size; call reads as much as it needs.
func newClient(base http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     base,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is an answer of the platform, read as far as we do.
type reply struct {
	outbound.Answer
	cut bool // there was more
}

// call makes one request. The error does not name the address, in which there may
// be a secret.
func call(c *http.Client, req *http.Request) (*reply, error) {
	resp, err := c.Do(req)
	if err != nil {
		return nil, withoutAddress(req.Context(), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, withoutAddress(req.Context(), err)
	}
	r := &reply{Answer: outbound.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}}
	if r.cut = len(body) > maxAnswer; r.cut {
		r.Body = body[:maxAnswer]
	}
	return r, nil
}

func withoutAddress(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// judge says what an answer to a submission means (escs F21 to F24). already are
// the codes by which the platform says that it has the results.
func judge(r *reply, already []string) verdict {
	good := r.Status >= 200 && r.Status < 300
	said, readable := readError(r.Body)
	text := fmt.Sprintf("status %d", r.Status)
	if said != nil {
		text = fmt.Sprintf("%s: %s", text, said)
	}
	v := verdict{text: text, answer: string(r.Body)}
	switch {
	case said != nil && said.code != "" && slices.Contains(already, said.code):
		v.outcome = outcomeTaken
	case good && said != nil:
		v.outcome = outcomeRefused
	case good && (r.cut || !readable):
		// There may be an error in what is missing. To ask again is safe: a platform
		// that has taken the results recognises the key.
		v.outcome, v.text = outcomeAgain, text+" with a body that cannot be read to its end"
	case good:
		v.outcome, v.text, v.answer = outcomeTaken, "", ""
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden:
		v.outcome = outcomeUnauthorized
	case r.Status == http.StatusRequestTimeout, r.Status == http.StatusTooEarly, r.Status == http.StatusTooManyRequests, r.Status >= 500:
		v.outcome = outcomeAgain
		v.wait, v.asked = r.RetryAfter()
	case r.Status >= 400:
		v.outcome = outcomeRefused
	default: // a redirect, which would carry the secret to somebody else
		v.outcome = outcomeAgain
	}
	return v
}

// platformError is what stands under error in an answer.
type platformError struct{ code, message string }

func (e *platformError) String() string {
	return strings.TrimSpace(cmp.Or(e.code, "error") + " " + e.message)
}

// readError returns the error in a body, nil if there is none. readable is false
// for an object that is broken, in which there may be one.
func readError(body []byte) (e *platformError, readable bool) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) == 0 || body[0] != '{' {
		return nil, true
	}
	lenient := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var whole struct {
		Error jsontext.Value `json:"error"`
	}
	if json.Unmarshal(body, &whole, lenient) != nil {
		return nil, false
	}
	switch text := string(whole.Error); text {
	case "", "null", "false", `""`:
		return nil, true
	}
	e = new(platformError)
	switch whole.Error.Kind() {
	case '"', '0':
		e.code = plainText(whole.Error)
	case '{':
		var said struct {
			Code    jsontext.Value `json:"code"`
			Message jsontext.Value `json:"message"`
		}
		_ = json.Unmarshal(whole.Error, &said, lenient) // it has been read once
		e.code, e.message = plainText(said.Code), plainText(said.Message)
	}
	return e, true
}

// plainText returns a text or a number as text, and nothing of anything else.
func plainText(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return ""
		}
		return string(text)
	case '0':
		return string(v)
	}
	return ""
}

// hide takes a secret out of a text that came from outside, in the forms in which
// it may have been sent, and shortens the text to at most n bytes.
func hide(text string, secret pragma.Secret, n int) string {
	if plain := secret.Reveal(); plain != "" {
		forms := []string{plain, url.QueryEscape(plain), url.PathEscape(plain)}
		if quoted, err := json.Marshal(plain); err == nil {
			forms = append(forms, strings.Trim(string(quoted), `"`))
		}
		for _, form := range forms {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	if len(text) > n {
		text = text[:n]
	}
	text = strings.ToValidUTF8(text, "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
