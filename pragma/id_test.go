package pragma_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
)

func TestIDReadsEveryFormClientsSend(t *testing.T) {
	const want = "5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301"
	for _, tt := range []struct{ name, text string }{
		{"as written", want},
		{"upper case", strings.ToUpper(want)},
		{"without hyphens", strings.ReplaceAll(want, "-", "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := pragma.ParseID[pragma.PartyID](tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := id.String(); got != want {
				t.Errorf("String() = %s, want %s", got, want)
			}
		})
	}
}

func TestIDRefusesOtherText(t *testing.T) {
	for _, text := range []string{"x", "template", strings.Repeat("g", 32), strings.Repeat("-", 36), "{5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301}"} {
		if _, err := pragma.ParseID[pragma.PartyID](text); err == nil {
			t.Errorf("ParseID(%q) succeeded", text)
		} else if strings.Contains(err.Error(), text) && len(text) > 1 {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
}

func TestEmptyTextIsTheZeroID(t *testing.T) {
	id, err := pragma.ParseID[pragma.PlayerID]("")
	if err != nil || !id.IsZero() {
		t.Errorf("ParseID(\"\") = %v, %v, want the zero id", id, err)
	}
}

func TestUnsetIDIsLeftOutOfJSON(t *testing.T) {
	type msg struct {
		Party pragma.PartyID `json:"partyId,omitzero"`
	}
	text, err := json.Marshal(msg{})
	if err != nil || string(text) != "{}" {
		t.Errorf("Marshal = %s, %v, want {}", text, err)
	}
}

func TestOrderedIDsGrow(t *testing.T) {
	var last pragma.SessionID
	for range 10000 {
		id := pragma.NewOrderedID[pragma.SessionID]()
		if last.Compare(id) >= 0 || bytes.Compare(last[:], id[:]) >= 0 {
			t.Fatalf("%s is not above %s", id, last)
		}
		last = id
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301")
	f.Add("5d1f0a526d0e4b7c9a4e2c7b90a1f301")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := pragma.ParseID[pragma.PartyID](text)
		if err != nil || text == "" {
			return
		}
		again, err := pragma.ParseID[pragma.PartyID](id.String())
		if err != nil || again != id {
			t.Errorf("%q reads as %s, which reads as %s, %v", text, id, again, err)
		}
	})
}

func ExampleParseID() {
	id, err := pragma.ParseID[pragma.PartyID]("5D1F0A526D0E4B7C9A4E2C7B90A1F301")
	fmt.Println(id, err)
	// Output: 5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301 <nil>
}

func TestOrderedIDAfterIsGreaterThanWhatItFollows(t *testing.T) {
	now := pragma.NewOrderedID[pragma.SessionID]()
	ahead := now
	ahead[0] |= 0x70 // some thousand years
	carry := ahead
	carry[4], carry[5] = 0xff, 0xff
	for name, last := range map[string]pragma.SessionID{"none": {}, "of now": now, "ahead": ahead, "at the end of a minute or so": carry} {
		seen := make(map[pragma.SessionID]bool)
		for range 100 {
			id := pragma.NewOrderedIDAfter(last)
			if id.Compare(last) <= 0 || seen[id] {
				t.Fatalf("%s: %s after %s", name, id, last)
			}
			if id[6]>>4 != 7 || id[8]>>6 != 2 {
				t.Fatalf("%s: %s is no UUID of version 7", name, id)
			}
			seen[id] = true
		}
		if step := pragma.NewOrderedIDAfter(last); name != "none" && step[0] != last[0] {
			t.Errorf("%s: %s is far away from %s", name, step, last)
		}
	}
}
