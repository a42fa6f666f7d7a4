package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openpragma/engine/internal/wire"
)

// FuzzSetStart reads any payload as a set start: it is refused with a reason that
// tells nothing of it, or read as something that means the same when it is written.
func FuzzSetStart(f *testing.F) {
	for _, frame := range goldenFrames(f) {
		if frame.title != "ExternalMatchmakingRpc.SetStartV1Request" {
			continue
		}
		for _, text := range append([][]byte{frame.text}, frame.alsoRead...) {
			if r, err := wire.ParseRequest(text); err == nil {
				f.Add(r.Payload)
			}
		}
	}
	for _, text := range []string{
		`{}`, ``, `null`, `[]`, `{"setStart":null}`, `{"data":{"payload":{"setStart":{"setId":"a"}}}}`, `{"setId":1,"data":{"setId":"b"}}`,
		`{"participants":[null]}`, `{"participants":[[null]]}`, `{"participants":[{"players":null}]}`, `{"participants":[[],{}],"pariticipants":[]}`,
		`{"setEndTimeUnix":1e999}`, `{"setEndTimeUnix":"NaN"}`, `{"setEndTimeUnix":100000000001}`, `{"setEndTimeUnix":-1}`, `{"globalMetadata":{"a":[1]}}`,
		`{"setId":"a","set_id":"a"}`, "{\"setId\":\"\xff\"}", `{"setId":"\ud800"}`, `{"payload":[]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var r wire.ExternalMatchmakingSetStartV1Request
		if err := wire.Unmarshal(payload, &r); err != nil {
			var decode *wire.DecodeError
			if !errors.As(err, &decode) {
				t.Fatalf("error = %v", err)
			}
			return
		}
		text, err := wire.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		var again wire.ExternalMatchmakingSetStartV1Request
		err = wire.Unmarshal(text, &again)
		if diff := cmp.Diff(r.SetStart.EscsSetStartPayload, again.SetStart.EscsSetStartPayload, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("read again: %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestSetStartThatContradictsItselfIsRefused(t *testing.T) {
	for name, payload := range map[string]string{
		"two lists":        `{"participants":[[{"username":"hush"}]],"pariticipants":[[{"username":"hush"}]]}`,
		"two spellings":    `{"setId":"hush","set_id":"hush"}`,
		"end as a word":    `{"setEndTimeUnix":"hush"}`,
		"end of all times": `{"setEndTimeUnix":999999999999999999}`,
		"before all times": `{"setEndTimeUnix":-5}`,
		"a list":           `{"setStart":["hush"]}`,
		"teams of texts":   `{"participants":["hush"]}`,
	} {
		var r wire.ExternalMatchmakingSetStartV1Request
		err := wire.Unmarshal([]byte(payload), &r)
		if name == "a list" { // not an object, so it is no wrapping
			if err != nil || r.SetStart.SetID != "" {
				t.Errorf("%s: %+v, %v, want an empty set start", name, r, err)
			}
			continue
		}
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error = %v, want one that does not repeat the text", name, err)
		}
	}
}

func TestSetStartReadsTextsThatComeAsSomethingElse(t *testing.T) {
	var r wire.ExternalMatchmakingSetStartV1Request
	err := wire.Unmarshal([]byte(`{"setId":42,"globalMetadata":{"rounds":3},"matchId":null,"setEndTimeUnix":1.7e9,"participants":[{"players":[{"ingamePlayerId":7}]},null]}`), &r)
	if err != nil {
		t.Fatal(err)
	}
	want := wire.EscsSetStartPayload{
		SetID: "42", GlobalMetadata: `{"rounds":3}`, SetEndTimeUnix: 1_700_000_000,
		Participants: []wire.EscsParticipant{{Players: []wire.EscsPlayer{{IngamePlayerID: "7"}}}, {}},
	}
	if diff := cmp.Diff(want, r.SetStart.EscsSetStartPayload); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}
