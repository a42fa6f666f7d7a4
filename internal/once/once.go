// Package once remembers what has been used, for as long as it could be used again.
package once

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

var (
	// ErrUsed is something that was used before.
	ErrUsed = errors.New("already used")
	// ErrFull is a set that cannot remember more now.
	ErrFull = errors.New("too much to remember")
)

// A Set remembers things until they expire. It is safe for concurrent use.
type Set struct {
	limit int

	mu   sync.Mutex
	seen map[[sha256.Size]byte]time.Time // when it may be forgotten
	next time.Time                       // when forgetting is worth a look again
}

// NewSet returns a set that remembers at most limit things at a time.
func NewSet(limit int) *Set {
	return &Set{limit: limit, seen: make(map[[sha256.Size]byte]time.Time)}
}

// Use marks what as used until the given time. It returns [ErrUsed] if it is
// marked already, and [ErrFull] rather than forget something too early.
func (s *Set) Use(what string, until time.Time) error {
	key, now := sha256.Sum256([]byte(what)), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if end, ok := s.seen[key]; ok && now.Before(end) {
		return ErrUsed
	}
	if len(s.seen) >= s.limit {
		s.forget(now)
	}
	if len(s.seen) >= s.limit {
		return ErrFull
	}
	s.seen[key] = until
	return nil
}

// forget drops what has expired, at most once a second: a full set must not make
// every call look at all of it.
func (s *Set) forget(now time.Time) {
	if now.Before(s.next) {
		return
	}
	s.next = now.Add(time.Second)
	for key, end := range s.seen {
		if !now.Before(end) {
			delete(s.seen, key)
		}
	}
}
