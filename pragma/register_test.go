package pragma_test

import (
	"context"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
)

// mistaken registers whatever a test gives it.
type mistaken struct {
	name  string
	mount func(m *pragma.Mount)
}

func (s mistaken) Name() string { return s.name }

func (s mistaken) Mount(m *pragma.Mount) error {
	if s.mount != nil {
		s.mount(m)
	}
	return nil
}

type empty struct{}

func nothing(context.Context, *pragma.PlayerSession, *empty) (*empty, error) { return nil, nil }

func TestStartRefusesMistakesInRegistration(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service pragma.Service
		want    string
	}{
		{"no service", nil, "of the GAME backend is nil"},
		{"service without a name", mistaken{}, `the name "" must be like GuildRpc`},
		{"name with a blank", mistaken{"GuildRpc", func(m *pragma.Mount) { pragma.HandlePlayer(m, "Bad name", nothing) }}, `call "Bad name"`},
		{"name with the ending", mistaken{"GuildRpc", func(m *pragma.Mount) { pragma.HandlePlayer(m, "JoinV1Request", nothing) }}, "without Request"},
		{"no handler", mistaken{"GuildRpc", func(m *pragma.Mount) {
			pragma.HandlePlayer[empty, empty](m, "JoinV1", nil)
		}}, "JoinV1 has no handler"},
		{"request that is no struct", mistaken{"GuildRpc", func(m *pragma.Mount) {
			pragma.HandlePlayer(m, "JoinV1", func(context.Context, *pragma.PlayerSession, *int) (*empty, error) { return nil, nil })
		}}, "a payload is a struct or a map, not int"},
		{"response that cannot be encoded", mistaken{"GuildRpc", func(m *pragma.Mount) {
			pragma.HandlePartner(m, "JoinV1", func(context.Context, *pragma.PartnerSession, *empty) (*struct{ C chan int }, error) { return nil, nil })
		}}, "cannot be sent"},
		{"notification without the ending", mistaken{"GuildRpc", func(m *pragma.Mount) { pragma.PlayerNotice[empty](m, "ScoredV1") }}, "ScoredV1Notification"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tryRun(t, "", tt.service)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// numbers has every kind of number a studio may put into its own messages.
type numbers struct {
	I    int            `json:"i"`
	I32  int32          `json:"i32"`
	Big  pragma.Int64   `json:"big"`
	Map  map[string]int `json:"map"`
	List []uint16       `json:"list"`
}

func TestStudioCallsReadNumbersAsClientsSendThem(t *testing.T) {
	mount := func(m *pragma.Mount) {
		pragma.HandlePlayer(m, "CountV1", func(_ context.Context, _ *pragma.PlayerSession, r *numbers) (*numbers, error) { return r, nil })
	}
	runLab(t, "", mount, func(t *testing.T, w *world) {
		c := w.robin().socket()
		for _, tt := range []struct{ name, payload string }{
			{"numbers", `{"i":1,"i32":4,"big":9007199254740993,"map":{"a":7},"list":[2]}`},
			{"text", `{"i":"1","i32":"4","big":"9007199254740993","map":{"a":"7"},"list":["2"]}`},
			{"with a point", `{"i":1.0,"i32":4.0,"big":"9007199254740993","map":{"a":7.0},"list":[2.0]}`},
		} {
			c.Send(`{"requestId":1,"type":"LabRpc.CountV1Request","payload":` + tt.payload + `}`)
			f := c.Read()
			if f.Response == nil {
				t.Errorf("%s: got %s", tt.name, f)
				continue
			}
			p := f.Response.Payload
			if p["i"] != 1.0 || p["i32"] != 4.0 || p["big"] != "9007199254740993" || p["map"].(map[string]any)["a"] != 7.0 {
				t.Errorf("%s: got %v", tt.name, p)
			}
		}
	})
}
