package cluster

import (
	"errors"
	"fmt"
	"strings"
)

// The errors of a bus. Drivers return them wrapped or bare; test with
// errors.Is.
var (
	// ErrClosed means that this node has left the cluster.
	ErrClosed = errors.New("cluster: bus is closed")
	// ErrNoServer means that nobody serves the subject, so nothing was done.
	ErrNoServer = errors.New("cluster: nobody serves this subject")
	// ErrServed means that this node serves the subject already.
	ErrServed = errors.New("cluster: this node serves the subject already")
	// ErrSubject means that a subject breaks the rules of [CheckSubject].
	ErrSubject = errors.New("cluster: subject is not valid")
	// ErrTooLarge means that a message or an answer is longer than [MaxData].
	ErrTooLarge = errors.New("cluster: data is too large")
	// ErrNoHandler means that Subscribe or Serve was called with a nil function.
	ErrNoHandler = errors.New("cluster: handler is nil")
)

// MaxErrorText is how many bytes of a server's error reach the requester.
const MaxErrorText = 1 << 10

// ServerError is what a requester gets when the server returned an error. It is
// the text alone, in every driver, so that nobody relies on a cause that does
// not travel.
type ServerError struct {
	Subject string
	Text    string // cut to MaxErrorText bytes
}

// Error names the subject and the server's text.
func (e *ServerError) Error() string {
	return fmt.Sprintf("cluster: server of %s: %s", e.Subject, e.Text)
}

// NewServerError returns what a requester shall get for an error of a server.
// It is for drivers.
func NewServerError(subject string, err error) *ServerError {
	text := err.Error()
	if len(text) > MaxErrorText {
		text = strings.ToValidUTF8(text[:MaxErrorText], "")
	}
	return &ServerError{Subject: subject, Text: text}
}

// CheckSubject returns [ErrSubject] unless subject is one or more names joined
// by dots, each made of ASCII letters, digits, '-' and '_', and together at
// most [MaxSubject] bytes. It is for drivers, and for those who build subjects
// from ids.
func CheckSubject(subject string) error {
	if len(subject) > MaxSubject {
		return fmt.Errorf("%w: %d bytes, not at most %d", ErrSubject, len(subject), MaxSubject)
	}
	last := byte('.')
	for i := range len(subject) {
		c := subject[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		case c == '.' && last != '.':
		default:
			return fmt.Errorf("%w: %q", ErrSubject, subject)
		}
		last = c
	}
	if last == '.' {
		return fmt.Errorf("%w: %q", ErrSubject, subject)
	}
	return nil
}

// CheckMessage returns the error of [CheckSubject], or [ErrTooLarge] if data is
// longer than [MaxData]. It is for drivers.
func CheckMessage(subject string, data []byte) error {
	if err := CheckSubject(subject); err != nil {
		return err
	}
	if len(data) > MaxData {
		return fmt.Errorf("%w: %d bytes to %s, not at most %d", ErrTooLarge, len(data), subject, MaxData)
	}
	return nil
}
