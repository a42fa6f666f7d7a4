package wire_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/wire"
)

// A goldenFrame is one frame of docs/frames and the other texts that mean
// the same.
type goldenFrame struct {
	file, title string
	text        []byte
	alsoRead    [][]byte
}

func goldenFrames(t testing.TB) []goldenFrame {
	t.Helper()
	files, err := filepath.Glob("../../docs/frames/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden frames: %v", err)
	}
	var frames []goldenFrame
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, splitFrames(t, filepath.Base(file), string(text))...)
	}
	return frames
}

func splitFrames(t testing.TB, file, text string) []goldenFrame {
	t.Helper()
	var frames []goldenFrame
	for _, section := range strings.Split("\n"+text, "\n-- ")[1:] {
		title, rest, ok := strings.Cut(section, " --\n")
		if !ok {
			t.Fatalf("%s: section %.40q has no end of title", file, section)
		}
		value, err := jsontext.NewDecoder(strings.NewReader(rest)).ReadValue() // prose may follow
		if err != nil {
			t.Fatalf("%s: %s: %v", file, title, err)
		}
		if title != "also read" {
			frames = append(frames, goldenFrame{file: file, title: title, text: value.Clone()})
			continue
		}
		last := &frames[len(frames)-1]
		last.alsoRead = append(last.alsoRead, value.Clone())
	}
	return frames
}

// again decodes a frame and encodes it again.
func again(title string, text []byte) ([]byte, error) {
	newMessage := messages()[title]
	switch {
	case title == "serviceError":
		return serviceErrorAgain(text)
	case newMessage == nil:
		return nil, fmt.Errorf("%s is not in the list of messages", title)
	case strings.HasSuffix(title, "V1Request"), strings.HasSuffix(title, "V2Request"), strings.HasSuffix(title, "V3Request"), strings.HasSuffix(title, "V4Request"):
		return requestAgain(text, newMessage())
	case strings.Contains(title, "Rpc."):
		return frameAgain(text, newMessage())
	}
	body := newMessage()
	if err := wire.Unmarshal(text, body); err != nil {
		return nil, err
	}
	return wire.Marshal(body)
}

func requestAgain(text []byte, payload any) ([]byte, error) {
	r, err := wire.ParseRequest(text)
	if err != nil {
		return nil, err
	}
	if err := wire.Unmarshal(r.Payload, payload); err != nil {
		return nil, err
	}
	return wire.AppendRequest(nil, r.RequestID, r.Type, payload)
}

func frameAgain(text []byte, payload any) ([]byte, error) {
	f, err := wire.ParseFrame(text)
	if err != nil {
		return nil, err
	}
	if err := f.Decode(payload); err != nil {
		return nil, err
	}
	var body []byte
	switch f.Kind {
	case wire.KindResponse:
		body, err = wire.AppendResponse(nil, f.RequestID, f.Type, payload)
	case wire.KindNotification:
		body, err = wire.AppendNotification(nil, f.Type, payload)
	default:
		return nil, fmt.Errorf("kind %v", f.Kind)
	}
	return wire.AppendFrame(nil, f.SequenceNumber, body), err
}

func serviceErrorAgain(text []byte) ([]byte, error) {
	f, err := wire.ParseFrame(text)
	if err != nil {
		return nil, err
	}
	if f.Kind != wire.KindServiceError || f.RequestID != f.ServiceError.RequestID {
		return nil, fmt.Errorf("frame = %+v", f)
	}
	body, err := wire.AppendServiceError(nil, f.ServiceError)
	return wire.AppendFrame(nil, f.SequenceNumber, body), err
}

func TestEveryFrameSurvivesDecodingAndEncoding(t *testing.T) {
	for _, f := range goldenFrames(t) {
		t.Run(f.file+"/"+f.title, func(t *testing.T) {
			want := jsontext.Value(bytes.Clone(f.text))
			if err := want.Compact(); err != nil {
				t.Fatal(err)
			}
			for i, text := range append([][]byte{f.text}, f.alsoRead...) {
				got, err := again(f.title, text)
				if err != nil {
					t.Fatalf("text %d: %v", i, err)
				}
				if diff := cmp.Diff(string(got), string(want)); diff != "" {
					t.Errorf("text %d differs (-got +want):\n%s", i, diff)
				}
			}
		})
	}
}

func TestFramesCarryTheTypeOfTheirTitle(t *testing.T) {
	for _, f := range goldenFrames(t) {
		if !strings.Contains(f.title, "Rpc.") {
			continue
		}
		if !bytes.Contains(f.text, []byte(`"type": "`+f.title+`"`)) {
			t.Errorf("%s: %s is the title of another frame", f.file, f.title)
		}
	}
}

func TestEveryMessageHasAFrame(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range goldenFrames(t) {
		seen[f.title] = true
	}
	for name := range messages() {
		if !seen[name] {
			t.Errorf("no frame shows %s", name)
		}
	}
}

// TestZeroMessagesWriteTheirMembers checks that empty scalars, lists and maps are
// written, and that nothing a zero struct writes is null.
func TestZeroMessagesWriteTheirMembers(t *testing.T) {
	for name, newMessage := range messages() {
		text, err := wire.Marshal(newMessage())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if bytes.Contains(text, []byte("null")) {
			t.Errorf("%s has null: %s", name, text)
		}
	}
	got, err := wire.Marshal(wire.BroadcastParty{})
	want := `{"extBroadcastParty":{},"extPrivatePlayer":{},"partyMembers":[],"inviteCode":"","preferredGameServerZones":[],` +
		`"version":"0","invites":[],"inMatchmaking":false,"gameServerVersion":""}`
	if err != nil || string(got) != want {
		t.Errorf("zero party = %s, %v\nwant %s", got, err, want)
	}
}
