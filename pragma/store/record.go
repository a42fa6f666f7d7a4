package store

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// Limits of keys, bodies and batches. They are the same for every driver.
const (
	// MaxKindBytes is the greatest length of a kind.
	MaxKindBytes = 64
	// MaxIDBytes is the greatest length of an id, and of a prefix or cursor.
	MaxIDBytes = 128
	// MaxBodyBytes is the greatest length of one body, 1 MiB.
	MaxBodyBytes = 1 << 20
	// MaxBatchKeys is the greatest number of keys in one batch or one Get.
	MaxBatchKeys = 4096
	// MaxBatchBytes is the greatest sum of all bodies of one batch, 16 MiB.
	MaxBatchBytes = 16 << 20
)

// Key names a record. Both parts are valid UTF-8 without a NUL byte, not empty,
// at most [MaxKindBytes] and [MaxIDBytes] long, and compared byte for byte.
type Key struct{ Kind, ID string }

// String returns the key as "kind/id", for logs and errors.
func (k Key) String() string { return k.Kind + "/" + k.ID }

// Compare orders keys by kind, then by id, both as bytes. It returns -1, 0 or 1.
func (k Key) Compare(other Key) int {
	if k.Kind != other.Kind {
		if k.Kind < other.Kind {
			return -1
		}
		return 1
	}
	switch {
	case k.ID < other.ID:
		return -1
	case k.ID > other.ID:
		return 1
	}
	return 0
}

// Token names one commit. Every put leaves it in its record, so that a caller
// whose commit had an unknown outcome can look for it. The zero token names no
// commit.
type Token [16]byte

// NewToken returns a random token.
func NewToken() Token {
	var t Token
	rand.Read(t[:]) // never fails: see crypto/rand
	return t
}

// IsZero reports whether the token names no commit.
func (t Token) IsZero() bool { return t == Token{} }

// String returns the token as 32 hexadecimal digits.
func (t Token) String() string { return hex.EncodeToString(t[:]) }

// Record is one stored value as it was when it was read.
type Record struct {
	Key

	// Rev counts the commits that put this record, beginning with 1. It is 0 if
	// the record does not exist; then all fields but Key are zero.
	Rev int64
	// Token names the commit that made this revision.
	Token Token
	// Due is when the record wants to be found by Driver.Due, in UTC and with a
	// precision of one microsecond. The zero time means never.
	Due time.Time
	// Body is the value. It belongs to the caller, who may change it. An empty
	// body may be read back as nil.
	Body []byte
}

// Exists reports whether the record exists.
func (r *Record) Exists() bool { return r.Rev != 0 }

// TruncateDue returns t as every driver stores it: in UTC, with the part below
// one microsecond cut off. The zero time stays zero.
func TruncateDue(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}
