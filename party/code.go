package party

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// code is the record of an invite code: whose it is, or until when it rests
// after its party was closed. That a code is given out once is the uniqueness of
// the record.
type code struct {
	PartyID pragma.PartyID `json:"partyId,omitzero"`
	FreeAt  time.Time      `json:"freeAt,omitzero"`
}

const (
	codeSigns = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // without I, O, 0 and 1
	codeLen   = 6
	codeRest  = 24 * time.Hour // before a code is given out again
	codeTries = 16             // with a tenth of all codes taken, 16 fail once in 10^16
)

func codeDue(c *code) time.Time { return c.FreeAt }

// freeCode forgets a code that has rested.
func (s *Service) freeCode(tx *entity.Tx, id string, _ *code) error { return s.codes.Delete(tx, id) }

// newCode makes a code from random bytes.
func newCode(random func(b []byte)) string {
	var b [codeLen]byte
	random(b[:])
	for i := range b {
		b[i] = codeSigns[int(b[i])%len(codeSigns)] // 256 is a multiple of 32
	}
	return string(b[:])
}

// cleanCode reads a code as people type it.
func cleanCode(text string) string { return strings.ToUpper(strings.TrimSpace(text)) }

func validCode(text string) bool {
	return len(text) == codeLen && strings.Trim(text, codeSigns) == ""
}

// giveCode gives a new party its code.
func (c *change) giveCode() error {
	for range codeTries {
		text := newCode(func(b []byte) { _, _ = rand.Read(b) }) // never fails
		rec, err := c.codes.New(c.tx, text)
		if errors.Is(err, entity.ErrExists) {
			continue
		}
		if err != nil {
			return err
		}
		rec.PartyID, c.st.InviteCode = c.st.ID, text
		return nil
	}
	return pragma.ErrUnavailable.With("no free invite code")
}

// retireCode lets the code of a closed party rest.
func (c *change) retireCode() error {
	rec, err := c.codes.In(c.tx, c.st.InviteCode)
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err == nil {
		*rec = code{FreeAt: c.tx.Now().Add(codeRest)}
	}
	return err
}

// Guessing codes is worth nothing: a player may fail ten times a minute.
const (
	maxGuesses    = 10
	guessWindow   = time.Minute
	guessesPruned = 1 << 14 // players in memory before the old ones are dropped
)

// guesses counts failed joins by code. It lives in memory: a restart, or another
// node, gives a guesser ten more. The zero value is ready.
type guesses struct {
	mu sync.Mutex // guards failed
	// failed has the times of a player's last failures, the oldest first.
	failed map[pragma.PlayerID][]time.Time
}

// allowed reports whether a player may try a code.
func (g *guesses) allowed(id pragma.PlayerID, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	recent := g.failed[id]
	return len(recent) < maxGuesses || now.Sub(recent[len(recent)-maxGuesses]) >= guessWindow
}

// fail counts a failure.
func (g *guesses) fail(id pragma.PlayerID, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed == nil || len(g.failed) >= guessesPruned {
		g.prune(now)
	}
	recent := g.failed[id]
	if len(recent) >= maxGuesses {
		recent = recent[len(recent)-maxGuesses+1:]
	}
	g.failed[id] = append(recent[:len(recent):len(recent)], now)
}

// prune keeps those who failed lately. g.mu is held.
func (g *guesses) prune(now time.Time) {
	kept := make(map[pragma.PlayerID][]time.Time)
	for id, recent := range g.failed {
		if now.Sub(recent[len(recent)-1]) < guessWindow {
			kept[id] = recent
		}
	}
	g.failed = kept
}
