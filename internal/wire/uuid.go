package wire

import (
	"encoding/hex"

	"github.com/go-json-experiment/json/jsontext"
)

// UUID is an id. On the wire it is lower-case text with dashes; upper case, text
// without dashes and, for the zero UUID, empty text and null are read too
// (wire §5). The zero UUID means "none"; fields that may be unset have omitzero.
type UUID [16]byte

const wantUUID = mismatch("a UUID")

// ParseUUID reads a UUID from text. The error does not repeat the text.
func ParseUUID(text string) (UUID, error) {
	var u UUID
	err := u.UnmarshalText([]byte(text))
	return u, err
}

// IsZero reports whether u means "none".
func (u UUID) IsZero() bool { return u == UUID{} }

// String returns 36 characters: lower case with dashes.
func (u UUID) String() string { return string(u.append(make([]byte, 0, 36))) }

// MarshalText implements [encoding.TextMarshaler].
func (u UUID) MarshalText() ([]byte, error) { return u.append(make([]byte, 0, 36)), nil }

// AppendText implements [encoding.TextAppender].
func (u UUID) AppendText(dst []byte) ([]byte, error) { return u.append(dst), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (u *UUID) UnmarshalText(text []byte) error {
	var digits [32]byte
	switch len(text) {
	case 0:
		*u = UUID{}
		return nil
	case 32:
		copy(digits[:], text)
	case 36:
		if text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
			return wantUUID
		}
		copy(digits[:8], text[:8])
		copy(digits[8:12], text[9:13])
		copy(digits[12:16], text[14:18])
		copy(digits[16:20], text[19:23])
		copy(digits[20:], text[24:])
	default:
		return wantUUID
	}
	var read UUID
	if _, err := hex.Decode(read[:], digits[:]); err != nil {
		return wantUUID
	}
	*u = read
	return nil
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (u *UUID) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch raw.Kind() {
	case 'n':
		*u = UUID{}
		return nil
	case '"':
		if u.UnmarshalText(unquote(raw)) == nil {
			return nil
		}
	}
	return wantUUID.not(raw.Kind())
}

func (u UUID) append(dst []byte) []byte {
	var text [36]byte
	hex.Encode(text[:8], u[:4])
	hex.Encode(text[9:13], u[4:6])
	hex.Encode(text[14:18], u[6:8])
	hex.Encode(text[19:23], u[8:10])
	hex.Encode(text[24:], u[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(dst, text[:]...)
}
