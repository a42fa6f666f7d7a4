package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma/store"
)

// writer writes the lines of an export.
type writer struct {
	out   io.Writer
	sha   hash.Hash // of all that was written
	tally tally
	line  []byte
}

// newWriter writes the first line.
func newWriter(out io.Writer, created time.Time) (*writer, error) {
	w := &writer{out: out, sha: sha256.New()}
	// Two exports of the same records are different files.
	id := store.NewToken().String()
	line, err := json.Marshal(header{formatName, formatVersion, id, created.UTC().Truncate(time.Second)})
	if err != nil {
		return nil, err
	}
	return w, w.write(append(line, '\n'))
}

// record writes the next record in key order.
func (w *writer) record(r *store.Record) (err error) {
	if w.line, err = appendRecord(w.line[:0], r); err != nil {
		return err
	}
	w.tally.add(r)
	return w.write(w.line)
}

// end writes the last line.
func (w *writer) end() (Summary, error) {
	sum := w.tally.summary()
	line, err := json.Marshal(lastLine{&ending{sum, hex.EncodeToString(w.sha.Sum(nil))}})
	if err != nil {
		return Summary{}, err
	}
	return sum, w.write(append(line, '\n'))
}

func (w *writer) write(line []byte) error {
	w.sha.Write(line)
	if _, err := w.out.Write(line); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}
