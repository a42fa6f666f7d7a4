package pragma_test

import (
	"context"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
)

type hooks interface {
	OnAddPlayer(ctx context.Context) error
	HandlePlayerCreateRequest(ctx context.Context) error
	BuildMatchmakingKey(ctx context.Context) error
}

type right struct{}

func (right) OnAddPlayer(context.Context) error               { return nil }
func (right) HandlePlayerCreateRequest(context.Context) error { return nil }
func (right) BuildMatchmakingKey(context.Context) error       { return nil }
func (right) Reset()                                          {}
func (right) PlayerScore() int                                { return 0 }

type otherCase struct{ right }

func (otherCase) OnAddplayer(context.Context) error { return nil }

type twoLettersOff struct{ right }

func (twoLettersOff) BuildMatchmakeingKey(context.Context) error { return nil }

type otherPrefix struct{ right }

func (otherPrefix) AddPlayer(context.Context) error { return nil }

func TestCheckHooksFindsMisspeltHooks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		plugin hooks
		want   string // part of the error; empty: none
	}{
		{"right", right{}, ""},
		{"another case", otherCase{}, "OnAddplayer of pragma_test.otherCase looks like a misspelt hook: want OnAddPlayer"},
		{"two letters off", twoLettersOff{}, "want BuildMatchmakingKey"},
		{"another prefix", otherPrefix{}, "want OnAddPlayer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := pragma.CheckHooks(tt.plugin)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
