package wire

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of nesting; {} has depth 1.
const (
	// MaxDepth is how deep a message from a client may nest (wire §16.8). It
	// counts from the envelope.
	MaxDepth = 64
	// maxReplyDepth leaves room around a studio's message of MaxDepth levels,
	// which may come back further inside an answer than it went in.
	maxReplyDepth = MaxDepth + 16
)

// The options below are never changed.
var (
	writing = json.JoinOptions(
		json.Deterministic(true), // maps in key order: equal messages, equal bytes
		jsontext.PreserveRawStrings(true),
	)
	reading = json.MatchCaseInsensitiveNames(true) // ignores underscores too
)

// Marshal encodes a message with the rules of the package documentation. It
// fails only for text that is not UTF-8 and for an ext.Value that has an error.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, writing) }

// AppendJSON is Marshal that appends to dst. After an error dst is returned as
// it was.
func AppendJSON(dst []byte, v any) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	if err := json.MarshalWrite(buf, v, writing); err != nil {
		return dst, err
	}
	return buf.Bytes(), nil
}

// Unmarshal decodes a message with the rules of the package documentation into
// v, a non-nil pointer. What the text does not name stays as it is in v, so v
// should be zero. The error is a [DecodeError].
func Unmarshal(text []byte, v any) error { return unmarshal(text, v, MaxDepth) }

// UnmarshalReply is Unmarshal for a client that reads what a server sent: it
// allows the nesting that a server may add around a studio's message.
func UnmarshalReply(text []byte, v any) error { return unmarshal(text, v, maxReplyDepth) }

func unmarshal(text []byte, v any, maxDepth int) error {
	if tooDeep(text, maxDepth) {
		return &DecodeError{Want: "less nesting"}
	}
	if err := json.Unmarshal(text, v, reading); err != nil {
		return newDecodeError(err)
	}
	return nil
}

// tooDeep reports whether the text, valid or not, nests deeper than most.
func tooDeep(text []byte, most int) bool {
	if bytes.Count(text, []byte("{"))+bytes.Count(text, []byte("[")) <= most {
		return false // even if every bracket is inside another
	}
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inString = !inString
		case inString:
			if c == '\\' {
				i++
			}
		case c == '{' || c == '[':
			if depth++; depth > most {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
