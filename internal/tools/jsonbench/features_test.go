package jsonbench

import (
	jsonv1 "encoding/json"
	"testing"

	"github.com/go-json-experiment/json"
)

// readLikeEngine are the options the engine reads with.
var readLikeEngine = json.MatchCaseInsensitiveNames(true)

func TestV2AcceptsSnakeCaseNames(t *testing.T) {
	for _, text := range []string{`{"partyId":"p"}`, `{"party_id":"p"}`, `{"PartyID":"p"}`} {
		var got party[rawV2]
		if err := json.Unmarshal([]byte(text), &got, readLikeEngine); err != nil {
			t.Fatal(err)
		}
		if got.PartyID != "p" {
			t.Errorf("%s: PartyID = %q, want p", text, got.PartyID)
		}
	}
}

func TestV1DropsSnakeCaseNames(t *testing.T) {
	var got party[rawV1]
	if err := jsonv1.Unmarshal([]byte(`{"party_id":"p"}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.PartyID != "" {
		t.Errorf("PartyID = %q, want it to be lost", got.PartyID)
	}
}

func TestV2RefusesDuplicateMembers(t *testing.T) {
	cases := map[string]string{
		"same name":          `{"partyId":"a","partyId":"b"}`,
		"two spellings":      `{"partyId":"a","party_id":"b"}`,
		"inside a raw value": `{"extBroadcastParty":{"k":1,"k":2}}`,
		"unknown member":     `{"new":1,"new":2}`,
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			var got party[rawV2]
			if err := json.Unmarshal([]byte(text), &got, readLikeEngine); err == nil {
				t.Errorf("%s was accepted as %+v", text, got)
			}
		})
	}
}

func TestV1KeepsTheLastDuplicateMember(t *testing.T) {
	var got party[rawV1]
	if err := jsonv1.Unmarshal([]byte(`{"partyId":"a","partyId":"b"}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.PartyID != "b" {
		t.Errorf("PartyID = %q, want b", got.PartyID)
	}
}

func TestNilListIsEmptyInV2AndNullInV1(t *testing.T) {
	type list struct {
		IDs []string `json:"ids"`
	}
	v2, err := json.Marshal(list{})
	if err != nil {
		t.Fatal(err)
	}
	v1, err := jsonv1.Marshal(list{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(v2), `{"ids":[]}`; got != want {
		t.Errorf("v2 writes %s, want %s", got, want)
	}
	if got, want := string(v1), `{"ids":null}`; got != want {
		t.Errorf("v1 writes %s, want %s", got, want)
	}
}

func TestRawValueKeepsItsBytesInV2ButNotInV1(t *testing.T) {
	const raw = `{"b":1e3,"a":"<&>","big":12345678901234567890}`
	v2, err := json.Marshal(map[string]rawV2{"x": rawV2(raw)})
	if err != nil {
		t.Fatal(err)
	}
	v1, err := jsonv1.Marshal(map[string]rawV1{"x": rawV1(raw)})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"x":` + raw + `}`
	if got := string(v2); got != want {
		t.Errorf("v2 writes %s, want %s", got, want)
	}
	if got := string(v1); got == want {
		t.Errorf("v1 kept %s, it used to escape <, > and &", got)
	}
}
