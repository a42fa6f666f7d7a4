package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/openpragma/engine/pragma/store"
)

// Summary counts what an export or a store holds.
type Summary struct {
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"` // of all bodies
	Kinds   []Kind `json:"kinds"` // in byte order
}

// Kind counts the records of one kind.
type Kind struct {
	Name    string `json:"kind"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"` // of the bodies
	// Checksum is the SHA-256 of the records in id order, in hexadecimal. Of each
	// record it covers id, revision, token, timer and body. Two stores that hold
	// the same records of the kind have the same one.
	Checksum string `json:"sha256"`
}

// tally makes a Summary of records that come in key order.
type tally struct {
	sum Summary
	sha hash.Hash // of the last kind
	buf []byte
}

// add counts a record.
func (t *tally) add(r *store.Record) {
	if n := len(t.sum.Kinds); n == 0 || t.sum.Kinds[n-1].Name != r.Kind {
		t.finish()
		t.sum.Kinds = append(t.sum.Kinds, Kind{Name: r.Kind})
		t.sha = sha256.New()
	}
	kind := &t.sum.Kinds[len(t.sum.Kinds)-1]
	kind.Records++
	kind.Bytes += int64(len(r.Body))
	t.sum.Records++
	t.sum.Bytes += int64(len(r.Body))

	// What has no fixed length has its length before it, so that no two
	// different records give the same bytes.
	b := binary.BigEndian.AppendUint32(t.buf[:0], uint32(len(r.ID)))
	b = append(b, r.ID...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Rev))
	b = append(b, r.Token[:]...)
	if r.Due.IsZero() {
		b = append(b, 0)
	} else {
		b = append(b, 1)
		b = binary.BigEndian.AppendUint64(b, uint64(r.Due.UnixMicro()))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Body)))
	t.buf = append(b, r.Body...)
	t.sha.Write(t.buf)
}

// finish completes the last kind.
func (t *tally) finish() {
	if n := len(t.sum.Kinds); n > 0 && t.sum.Kinds[n-1].Checksum == "" {
		t.sum.Kinds[n-1].Checksum = hex.EncodeToString(t.sha.Sum(nil))
	}
}

// summary returns what was counted.
func (t *tally) summary() Summary {
	t.finish()
	return t.sum
}

// Progress is told how far a long piece of work is, after every few hundred
// records, by the goroutine that does it. phase is a word such as "import"; total
// is 0 if it is not known.
type Progress func(phase string, done, total int64)

// progressEvery is the number of records between two reports, where they come one
// by one.
const progressEvery = 500

// count reports every 500th record.
func (p Progress) count(phase string, done, total int64) {
	if done%progressEvery == 0 {
		p.report(phase, done, total)
	}
}

func (p Progress) report(phase string, done, total int64) {
	if p != nil {
		p(phase, done, total)
	}
}
