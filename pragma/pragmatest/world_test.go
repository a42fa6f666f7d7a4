package pragmatest_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// notes is a studio's service that keeps a text for each player.
type notes struct {
	config *pragma.Live[notesConfig]
	all    *entity.Kind[note]
	hold   chan struct{} // KeepV1 waits for it, unless it is nil
}

type note struct {
	Text string `json:"text"`
	entity.Unknown
}

type notesConfig struct {
	MaxLength int `yaml:"maxLength"`
}

func (n *notes) Name() string { return "NotesRpc" }

func (n *notes) Mount(m *pragma.Mount) (err error) {
	n.all = entity.Of(m, "note", entity.Options[note]{})
	pragma.HandlePlayer(m, "KeepV1", func(ctx context.Context, s *pragma.PlayerSession, r *note) (*note, error) {
		if n.hold != nil {
			<-n.hold
		}
		return r, n.all.Upsert(ctx, s.PlayerID.String(), func(_ *entity.Tx, kept *note) error {
			kept.Text = r.Text
			return nil
		})
	})
	pragma.HandlePlayer(m, "ReadV1", func(ctx context.Context, s *pragma.PlayerSession, _ *note) (*note, error) {
		kept, err := n.all.Read(ctx, s.PlayerID.String())
		if errors.Is(err, entity.ErrNotFound) {
			return &note{}, nil
		}
		return kept, err
	})
	n.config, err = pragma.ServiceConfig(m, "NotesConfig", notesConfig{MaxLength: 10})
	return err
}

func build() *pragma.Server { return &pragma.Server{Game: []pragma.Service{&notes{}}} }

// The usual test of a service: a real server, a real client, and a clock that
// does not make anybody wait.
func TestUsage(t *testing.T) {
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		robin := w.LogIn("robin")
		ctx := w.T.Context()
		if _, err := client.Call[note](ctx, robin.GameConn(), "NotesRpc.KeepV1", note{Text: "milk"}); err != nil {
			w.T.Fatal(err)
		}
		time.Sleep(24 * time.Hour) // passes at once; heartbeats and refreshes happen all the same
		w.Restart()
		time.Sleep(10 * time.Second) // the client comes back by itself
		got, err := client.Call[note](ctx, robin.GameConn(), "NotesRpc.ReadV1", nil)
		if err != nil || got.Text != "milk" {
			w.T.Errorf("got %v, %v, want milk", got, err)
		}
	})
}

func TestStateSurvivesARestartAndAKill(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(w *pragmatest.World)
	}{
		{"restart", func(w *pragmatest.World) { w.Restart() }},
		{"stop and start", func(w *pragmatest.World) { w.Stop(); time.Sleep(time.Hour); w.Start() }},
		{"kill", func(w *pragmatest.World) { w.Kill(); w.Start() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pragmatest.Run(t, build, func(w *pragmatest.World) {
				game, _ := w.Tokens("robin")
				g := pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}
				w.Raw(g, game).Call("NotesRpc.KeepV1", note{Text: "milk"})
				tt.end(w)
				if got := w.Raw(g, game).Call("NotesRpc.ReadV1", note{}); got["text"] != "milk" {
					w.T.Errorf("got %v, want what was acknowledged", got)
				}
			})
		})
	}
}

func TestKilledServerStoresAndAnswersNothingMore(t *testing.T) {
	var n *notes
	slow := func() *pragma.Server {
		hold := make(chan struct{})
		if n != nil {
			hold = nil
		}
		n = &notes{hold: hold}
		return &pragma.Server{Game: []pragma.Service{n}}
	}
	pragmatest.Run(t, slow, func(w *pragmatest.World) {
		game, _ := w.Tokens("robin")
		g := pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}
		c := w.Raw(g, game)
		c.Request("NotesRpc.KeepV1", note{Text: "lost"})
		time.AfterFunc(time.Second, func() { close(n.hold) })
		w.Kill()
		if f, ok := c.Poll(time.Minute); ok {
			w.T.Errorf("the dead server answered %s", f)
		}
		if code := c.Closed(); code != -1 {
			w.T.Errorf("the dead server closed with %d", code)
		}
		if _, err := w.Dial(w.T.Context(), "tcp", w.Address(g)); err == nil {
			w.T.Error("the dead server is connected to")
		}
		w.Start()
		if got := w.Raw(g, game).Call("NotesRpc.ReadV1", note{}); got["text"] != "" {
			w.T.Errorf("the dead server stored %v", got)
		}
	})
}

func TestGameServerConnectsWithTokensOfItsOwn(t *testing.T) {
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		s := w.GameServer()
		time.Sleep(5 * time.Minute)
		if !s.GameConn().Connected() || !s.SocialConn().Connected() {
			w.T.Error("the game server lost a connection")
		}
	})
}

func TestBuildMayBringItsOwnConfiguration(t *testing.T) {
	var n notes
	own := func() *pragma.Server {
		return &pragma.Server{
			Config: pragmatest.Config(t, "game: {serviceConfigs: {NotesConfig: {maxLength: 3}}}", "core: {gatewayManager: {game: {player: {address: '127.0.0.1:0'}}}}"),
			Game:   []pragma.Service{&n},
		}
	}
	pragmatest.Run(t, own, func(w *pragmatest.World) {
		if got := n.config.Load().MaxLength; got != 3 {
			w.T.Errorf("maxLength = %d, want 3", got)
		}
		address := w.Address(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player})
		if _, port, err := net.SplitHostPort(address); err != nil || port == "0" || port == "10000" {
			w.T.Errorf("address = %s, want a free port", address)
		}
		resp, err := w.HTTP().Get("http://" + address + "/v1/info")
		if err != nil {
			w.T.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			w.T.Errorf("status = %d", resp.StatusCode)
		}
	})
}

func TestFramesNameThemselves(t *testing.T) {
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		game, _ := w.Tokens("robin")
		c := w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}, game)
		c.Request("NotesRpc.ReadV1", nil)
		if got := c.Read().String(); got != "NotesRpc.ReadV1Response" {
			w.T.Errorf("a response is %q", got)
		}
		c.Request("NotesRpc.BurnV1", nil)
		if got := c.Read().String(); got != "error INVALID_REQUEST_TYPE" {
			w.T.Errorf("a refusal is %q", got)
		}
		if got := (pragmatest.Frame{}).String(); got != "nothing" {
			w.T.Errorf("nothing is %q", got)
		}
		if _, ok := c.Poll(time.Hour); ok {
			w.T.Error("a frame came from nowhere")
		}
		if !strings.Contains(w.Logs(), "server is ready") {
			w.T.Error("the log is empty")
		}
		if w.Server().Game == nil {
			w.T.Error("Server() is empty")
		}
	})
}

// greeter is a plugin interface.
type greeter interface {
	OnGreet(ctx context.Context) error
}

type polite struct{}

func (polite) OnGreet(context.Context) error { return nil }

type rude struct{ polite }

func (rude) OnGreeting(context.Context) error { return nil }
func (rude) Ongreet(context.Context) error    { return nil }

// recorder is a testing.TB that remembers a failure.
type recorder struct {
	testing.TB
	failed []any
}

func (r *recorder) Helper()                   {}
func (r *recorder) Error(args ...any)         { r.failed = append(r.failed, args...) }
func (r *recorder) Errorf(f string, _ ...any) { r.failed = append(r.failed, f) }

func TestCheckPluginFindsMisspeltHooks(t *testing.T) {
	pragmatest.CheckPlugin[greeter](t, polite{})
	r := &recorder{TB: t}
	pragmatest.CheckPlugin[greeter](r, rude{})
	if len(r.failed) != 1 || !strings.Contains(r.failed[0].(error).Error(), "Ongreet") {
		t.Errorf("CheckPlugin said %v, want the misspelt hook", r.failed)
	}
	r = &recorder{TB: t}
	pragmatest.CheckPlugin(r, polite{}) // the interface is forgotten
	if len(r.failed) != 1 {
		t.Errorf("CheckPlugin said %v, want that the interface is missing", r.failed)
	}
}
