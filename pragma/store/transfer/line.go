package transfer

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/store"
)

// What the first line says.
const (
	formatName    = "pragma-store-export"
	formatVersion = 1
)

// maxLine bounds a line, its end included: a full body as base64, or in JSON
// beside the greatest key, each byte of which may be escaped by six.
const maxLine = 4*(store.MaxBodyBytes+2)/3 + 6*(store.MaxKindBytes+store.MaxIDBytes) + 1024

// header is the first line.
type header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
}

// lastLine is the last one.
type lastLine struct {
	End *ending `json:"end"`
}

type ending struct {
	Summary  `json:",inline"`
	Checksum string `json:"sha256"` // of all bytes before this line
}

// endPrefix is how the last line begins, and no other.
const endPrefix = `{"end":`

// recordLine is how a line of a record is read.
type recordLine struct {
	Kind   string         `json:"kind"`
	ID     string         `json:"id"`
	Rev    int64          `json:"rev"`
	Token  string         `json:"token"`
	Due    *int64         `json:"due"`
	JSON   jsontext.Value `json:"json"`
	Base64 string         `json:"base64"`
}

// appendRecord appends the line of a record. It reads the line back, so that what
// is written is certainly the record.
func appendRecord(dst []byte, r *store.Record) ([]byte, error) {
	begin := len(dst)
	for _, asJSON := range []bool{true, false} {
		if asJSON && !mayBeJSON(r.Body) {
			continue
		}
		dst = appendForm(dst[:begin], r, asJSON)
		back, err := parseRecord(dst[begin : len(dst)-1])
		if err == nil && equal(&back, r) {
			return dst, nil
		}
		if !asJSON && err != nil {
			return nil, fmt.Errorf("record %q: %w", r.Key.String(), err)
		}
	}
	return nil, fmt.Errorf("record %q reads back as another one", r.Key.String())
}

// mayBeJSON reports whether a body fits on a line and looks like a record of
// ours. Whether it is JSON shows when the line is read back.
func mayBeJSON(body []byte) bool {
	return len(body) > 0 && (body[0] == '{' || body[0] == '[') && bytes.IndexByte(body, '\n') < 0
}

func appendForm(dst []byte, r *store.Record, asJSON bool) []byte {
	dst = appendText(append(dst, `{"kind":`...), r.Kind)
	dst = appendText(append(dst, `,"id":`...), r.ID)
	dst = strconv.AppendInt(append(dst, `,"rev":`...), r.Rev, 10)
	if !r.Token.IsZero() {
		dst = append(hex.AppendEncode(append(dst, `,"token":"`...), r.Token[:]), '"')
	}
	if !r.Due.IsZero() {
		dst = strconv.AppendInt(append(dst, `,"due":`...), r.Due.UnixMicro(), 10)
	}
	switch {
	case len(r.Body) == 0:
	case asJSON:
		dst = append(append(dst, `,"json":`...), r.Body...)
	default:
		dst = append(base64.StdEncoding.AppendEncode(append(dst, `,"base64":"`...), r.Body), '"')
	}
	return append(dst, '}', '\n')
}

// appendText appends a string of JSON. Text that is not UTF-8 does not come back
// as it was, which shows when the line is read back.
func appendText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// parseRecord reads the line of a record, without its end.
func parseRecord(line []byte) (store.Record, error) {
	var in recordLine
	if err := json.Unmarshal(line, &in, json.RejectUnknownMembers(true)); err != nil {
		return store.Record{}, fmt.Errorf("no record: %w", short(err))
	}
	r := store.Record{Key: store.Key{Kind: in.Kind, ID: in.ID}, Rev: in.Rev, Body: in.JSON}
	if err := r.Key.Validate(); err != nil {
		return store.Record{}, err
	}
	if r.Rev < 1 {
		return store.Record{}, fmt.Errorf("revision %d of %s is below 1", r.Rev, r.Key)
	}
	if in.Due != nil {
		r.Due = time.UnixMicro(*in.Due).UTC()
	}
	if in.Token != "" {
		token, err := hex.DecodeString(in.Token)
		if err != nil || len(token) != len(r.Token) {
			return store.Record{}, fmt.Errorf("token of %s is not 32 hexadecimal digits", r.Key)
		}
		copy(r.Token[:], token)
	}
	if in.Base64 != "" {
		if r.Body != nil {
			return store.Record{}, fmt.Errorf("%s has two bodies", r.Key)
		}
		var err error
		if r.Body, err = base64.StdEncoding.Strict().DecodeString(in.Base64); err != nil {
			return store.Record{}, fmt.Errorf("body of %s: %w", r.Key, err)
		}
	}
	if len(r.Body) > store.MaxBodyBytes {
		return store.Record{}, &store.SizeError{Key: r.Key, What: "body", Size: len(r.Body), Max: store.MaxBodyBytes}
	}
	return r, nil
}

// short keeps what a player wrote out of an error: of a mistake in the syntax it
// leaves the place.
func short(err error) error {
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("not JSON at byte %d", e.ByteOffset)
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("wrong or unknown member at byte %d (%.40q)", e.ByteOffset, string(e.JSONPointer))
	}
	return err
}

// equal reports whether two records are the same in all that a store keeps.
func equal(a, b *store.Record) bool {
	return a.Key == b.Key && a.Rev == b.Rev && a.Token == b.Token && a.Due.Equal(b.Due) && bytes.Equal(a.Body, b.Body)
}
