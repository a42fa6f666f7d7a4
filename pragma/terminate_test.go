package pragma_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// last returns the frames and the close code of a session that ends.
func (w *world) last(c *pragmatest.Raw) (frames []string, code int) {
	for {
		f, ok := c.Poll(time.Minute)
		if !ok {
			return frames, c.Closed()
		}
		text := f.String()
		if f.Notification != nil {
			if p, ok := f.Notification.Payload["playerSession"].(map[string]any); ok {
				text = fmt.Sprintf("%v %v v%v", f.Notification.Payload["reason"], p["attributes"], p["version"])
			}
		}
		frames = append(frames, text)
	}
}

func TestEndsOfSessionsAreToldWithAttributes(t *testing.T) {
	where := func(m *pragma.Mount) {
		m.TellWhereabouts(func(_ context.Context, s *pragma.PlayerSession) (pragma.Whereabouts, error) {
			return pragma.Whereabouts{Attributes: map[int32]string{2: s.SessionID.String()}, Version: 7}, nil
		})
	}
	for _, tt := range []struct {
		name string
		end  func(w *world, r robin, token string)
		want string // followed by attributes and version
		code int
	}{
		{"a later log-in", func(w *world, r robin, _ string) { r.socket() }, "USURPED", 4001},
		{"an operator", func(w *world, _ robin, _ string) {
			c := w.admin()
			for _, id := range ids(c, filter{"sessionType": "PLAYER"}) {
				c.Call("OperatorSessionRpc.TerminateSessionOperatorV1", map[string]string{"sessionId": id})
			}
		}, "KICKED", 4002},
		{"a log-out over HTTP", func(w *world, _ robin, token string) {
			w.post(gamePlayer, token, `{"requestId":1,"type":"PlayerSessionRpc.RequestLogoutV1Request"}`)
		}, "AS_REQUESTED", 1000},
		{"a grace time that another node has ended", func(w *world, r robin, _ string) {
			key := store.Key{Kind: "session-game", ID: r.id.String()}
			recs, err := w.m.Store().Get(w.T.Context(), key)
			if err != nil {
				w.T.Fatal(err)
			}
			body := bytes.Replace(recs[0].Body, []byte("CONNECTED"), []byte("DETACHED"), 1)
			put := store.Put{Key: key, Expect: recs[0].Rev, Due: time.Now(), Body: body}
			if err := store.Commit(w.T.Context(), w.m.Store(), &store.Batch{Puts: []store.Put{put}}); err != nil {
				w.T.Fatal(err)
			}
		}, "EXPIRED", 4003},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runLab(t, "", where, func(t *testing.T, w *world) {
				r := w.robin()
				token, id := r.login()
				c := w.Raw(gamePlayer, token)
				tt.end(w, r, token)
				frames, code := w.last(c)
				want := fmt.Sprintf("%s map[2:%s] v7", tt.want, id)
				if !slices.Equal(frames, []string{want}) || code != tt.code {
					t.Errorf("got %q and %d, want %q and %d", frames, code, want, tt.code)
				}
			})
		})
	}
}

func TestEndOfASessionIsToldWhenNobodyKnowsWhereThePlayerIs(t *testing.T) {
	for name, where := range map[string]func(context.Context, *pragma.PlayerSession) (pragma.Whereabouts, error){
		"an error": func(context.Context, *pragma.PlayerSession) (pragma.Whereabouts, error) {
			return pragma.Whereabouts{Version: 9}, store.ErrUnavailable
		},
		"a panic": func(context.Context, *pragma.PlayerSession) (pragma.Whereabouts, error) { panic("boom") },
		"nobody":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			runLab(t, "", func(m *pragma.Mount) {
				if where != nil {
					m.TellWhereabouts(where)
				}
			}, func(t *testing.T, w *world) {
				r := w.robin()
				c := r.socket()
				r.socket()
				if frames, code := w.last(c); !slices.Equal(frames, []string{"USURPED map[] v1"}) || code != 4001 {
					t.Errorf("got %q and %d", frames, code)
				}
			})
		})
	}
}

func TestGreetingThatCannotBeReadNowCutsTheSocket(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		w.mu.Lock()
		w.onConnect = func(context.Context, *pragma.PlayerSession) error {
			return fmt.Errorf("read: %w", store.ErrUnavailable)
		}
		w.mu.Unlock()
		c := w.Raw(gamePlayer, token)
		if code := c.Closed(); code != -1 {
			t.Errorf("the socket was closed with %d, want it cut so that the client comes back", code)
		}
		w.mu.Lock()
		w.onConnect = nil
		w.mu.Unlock()
		if f := call(w.Raw(gamePlayer, token), "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("got %s", f)
		}
	})
}
