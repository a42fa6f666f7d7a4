package escs

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/ext"
)

// withMember returns a studio's message with one member of ours. What stands there
// under that name goes.
func withMember(to ext.Value, name string, member any) (ext.Value, error) {
	if err := to.Err(); err != nil {
		return to, err
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(to.Bytes(), &members); err != nil {
		return to, fmt.Errorf("read ext: %w", err)
	}
	text, err := json.Marshal(member)
	if err != nil {
		return to, fmt.Errorf("write %s: %w", name, err)
	}
	if members == nil {
		members = make(map[string]jsontext.Value)
	}
	members[name] = text
	merged := ext.Of(members)
	return merged, merged.Err()
}
