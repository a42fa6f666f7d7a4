package transfer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma/store"
)

// Reader reads an export. It holds one line in memory. It is used by one
// goroutine.
type Reader struct {
	in       *bufio.Reader
	number   int64 // of the last line read
	sha      hash.Hash
	tally    tally
	last     store.Key
	head     header
	checksum string // of the whole file, when it was verified
}

// NewReader reads the first line. Its error matches [ErrDamaged] or [ErrVersion],
// or is one of r.
func NewReader(r io.Reader) (*Reader, error) {
	reader := &Reader{in: bufio.NewReaderSize(r, 64<<10), sha: sha256.New()}
	line, err := reader.next()
	if err != nil {
		return nil, err
	}
	// A newer version may have other members; its number must be readable.
	var head header
	if err := json.Unmarshal(line, &head); err != nil || head.Format != formatName {
		return nil, reader.damaged(errors.New("the file is not an export of a store"))
	}
	switch {
	case head.Version > formatVersion:
		return nil, fmt.Errorf("%w: version %d, this is %d", ErrVersion, head.Version, formatVersion)
	case head.Version < 1:
		return nil, reader.damaged(fmt.Errorf("version %d", head.Version))
	}
	reader.head = head
	reader.sha.Write(line)
	return reader, nil
}

// Created returns when the export was made.
func (r *Reader) Created() time.Time { return r.head.Created }

// Records yields the records in key order. Only a loop that ends without an
// error has seen a complete and unchanged export: what it yields before may
// already be wrong. An error is yielded once, with a zero record; it matches
// [ErrDamaged] or is one of the underlying reader. Bodies belong to the caller.
func (r *Reader) Records() iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for {
			line, err := r.next()
			if err != nil {
				yield(store.Record{}, err)
				return
			}
			if bytes.HasPrefix(line, []byte(endPrefix)) {
				if err := r.end(line); err != nil {
					yield(store.Record{}, err)
				}
				return
			}
			rec, err := r.record(line)
			if err != nil {
				yield(store.Record{}, r.damaged(err))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// Summary returns what the export holds. It is complete when the loop over
// Records has ended.
func (r *Reader) Summary() Summary { return r.tally.summary() }

// Checksum returns the SHA-256 of the export, in hexadecimal, when the loop over
// Records has ended without an error; before that it is empty.
func (r *Reader) Checksum() string { return r.checksum }

func (r *Reader) record(line []byte) (store.Record, error) {
	rec, err := parseRecord(line[:len(line)-1])
	switch {
	case err != nil:
		return store.Record{}, err
	case rec.Key == store.ImportMark():
		return store.Record{}, errors.New("the mark of an import is among the records")
	case rec.Key.Compare(r.last) <= 0:
		return store.Record{}, fmt.Errorf("%s comes after %s", rec.Key, r.last)
	}
	r.last = rec.Key
	r.sha.Write(line)
	r.tally.add(&rec)
	return rec, nil
}

// end compares the last line with what came before.
func (r *Reader) end(line []byte) error {
	var last lastLine
	if err := json.Unmarshal(line, &last, json.RejectUnknownMembers(true)); err != nil || last.End == nil {
		return r.damaged(errors.New("the last line cannot be read"))
	}
	got, want := r.tally.summary(), last.End.Summary
	sum := hex.EncodeToString(r.sha.Sum(nil))
	switch {
	case got.Records != want.Records:
		return r.damaged(fmt.Errorf("the file has %d records, it was written with %d", got.Records, want.Records))
	case sum != last.End.Checksum:
		return r.damaged(errors.New("the checksum is another one: the file was changed"))
	case got.Bytes != want.Bytes || !slices.Equal(got.Kinds, want.Kinds):
		return r.damaged(errors.New("counts or checksums of kinds are others: the file was changed"))
	}
	if _, err := r.in.ReadByte(); err == nil {
		return r.damaged(errors.New("something follows the last line"))
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	r.checksum = sum
	return nil
}

// next returns a line with its end; it is valid until the next call.
func (r *Reader) next() ([]byte, error) {
	r.number++
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) <= maxLine {
			line, err = r.in.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	switch {
	case len(line) > maxLine:
		return nil, r.damaged(errors.New("the line is too long"))
	case errors.Is(err, io.EOF):
		return nil, r.damaged(errors.New("the file ends here, without its last line: it was cut short"))
	case err != nil:
		return nil, fmt.Errorf("read line %d: %w", r.number, err)
	}
	return line, nil
}

func (r *Reader) damaged(err error) error {
	return fmt.Errorf("%w: line %d: %w", ErrDamaged, r.number, err)
}
