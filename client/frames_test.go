package client_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/client"
)

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func logTo(b *syncBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// goldenNotifications returns the notifications among package wire's golden
// frames, by type.
func goldenNotifications(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../docs/frames/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden frames: %v", err)
	}
	head := regexp.MustCompile(`(?m)^-- (.*) --$`)
	out := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		marks := head.FindAllStringSubmatchIndex(string(text), -1)
		for i, m := range marks {
			name := string(text[m[2]:m[3]])
			end := len(text)
			if i+1 < len(marks) {
				end = marks[i+1][0]
			}
			body, _, _ := strings.Cut(strings.TrimSpace(string(text[m[1]:end])), "\n\n") // then remarks
			if strings.HasSuffix(name, "Notification") {
				out[name] = body
			}
		}
	}
	return out
}

// known are the services whose notifications the SDK turns into events of its own.
var known = regexp.MustCompile(`^(PartyRpc|GameInstanceRpc|MatchmakingRpc|PlayerSessionRpc)\.`)

func TestEveryDocumentedNotificationIsUnderstood(t *testing.T) {
	partner := regexp.MustCompile(`AddPlayers|PlayerDeclined|OverPartner|EnteredMatchmaking|LeftMatchmaking|^PartnerSessionRpc`)
	for name, frame := range goldenNotifications(t) {
		if strings.Contains(name, "Terminated") {
			continue // ends the client; tested elsewhere
		}
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				var logged syncBuffer
				opts := f.options()
				opts.Logger = logTo(&logged)
				var unknown []string
				opts.OnEvent = func(e client.Event) {
					if n, ok := e.(client.Notification); ok {
						unknown = append(unknown, n.Type)
					}
				}
				if partner.MatchString(name) {
					s, err := client.NewGameServer(t.Context(), client.GameServerOptions{Options: opts, Tokens: client.Tokens{Game: "g"}})
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
				} else {
					p, err := client.LogIn(t.Context(), opts, client.Unsafe("robin", "Robin"))
					if err != nil {
						t.Fatal(err)
					}
					defer p.Close()
				}
				f.socket("game").raw(websocket.MessageText, frame)
				synctest.Wait()
				if strings.Contains(logged.String(), "malformed") {
					t.Errorf("not understood:\n%s\n%s", frame, logged.String())
				}
				if len(unknown) > 0 && known.MatchString(name) {
					t.Errorf("%s is unknown", name)
				}
			})
		})
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		var logged syncBuffer
		f.refresh = "60000"
		f.on("AccountRpc.RefreshTokensV1", func(c *fakeCall) { c.refuse("AccountService_Error") })
		p := f.player(func(o *client.Options) { o.Logger = logTo(&logged) })
		log := logTo(&logged)
		who := client.Credentials{Provider: "STEAM", Token: "steam-ticket"}
		log.Info("test", "who", who, "tokens", p.Tokens())
		f.socket("game").notify("GameInstanceRpc.HostConnectionDetailsV1Notification",
			`{"connectionDetails":{"gameInstanceId":"`+gameA+`","hostname":"h","port":7777,"connectionToken":"connection-secret"}}`)
		f.socket("game").raw(websocket.MessageText, `{"notification":{"type":"GameInstanceRpc.HostConnectionDetailsV1Notification","payload":{"connectionDetails":{"connectionToken":"connection-secret","port":"x"}}}}`)
		f.socket("game").cut()
		time.Sleep(2 * time.Minute)
		text := logged.String()
		if !strings.Contains(text, "STEAM") || !strings.Contains(text, "cannot refresh tokens") || !strings.Contains(text, "malformed") {
			t.Fatalf("log does not have what the test is about:\n%s", text)
		}
		for _, secret := range []string{"steam-ticket", p.Tokens().Game, p.Tokens().Social, "connection-secret"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the log:\n%s", secret, text)
			}
		}
	})
}

// FuzzFrames lets a server send anything. The client must neither panic nor hang
// nor lose its connection over a text frame.
func FuzzFrames(f *testing.F) {
	f.Add(`{"sequenceNumber":0,"notification":{"type":"` + partyDetails + `","payload":{"party":` + party(partyA, 1) + `}}}`)
	f.Add(`{"sequenceNumber":0,"notification":{"type":"` + sessionChanged + `","payload":` + attributes(2, `"2":"`+partyA+`"`, "3") + `}}`)
	f.Add(`{"sequenceNumber":0,"notification":{"type":"` + addedToGame + `","payload":{"gameInstance":` + game(gameA, 1) + `}}}`)
	f.Add(`{"sequenceNumber":0,"notification":{"type":"` + gameUpdated + `","payload":` + updated(gameA, 1, 2) + `}}`)
	f.Add(`{"sequenceNumber":0,"response":{"requestId":3,"type":"PartyRpc.CreateV1Response","payload":{"party":{}}}}`)
	f.Add(`{"sequenceNumber":0,"serviceError":{"requestId":3,"status":"OK","error":"","debugDetails":[]}}`)
	f.Add(`{"sequenceNumber":"x"`)
	f.Fuzz(func(t *testing.T, frame string) {
		inBubble(t, func(t *testing.T, fk *fake) {
			p := fk.player()
			sock := fk.socket("game")
			sock.raw(websocket.MessageText, frame)
			sock.raw(websocket.MessageText, frame)
			synctest.Wait()
			_ = p.State()
			if strings.Contains(frame, "Terminated") || strings.ToValidUTF8(frame, "") != frame {
				return
			}
			if p.Err() != nil || !p.State().Connected {
				t.Errorf("client is over: %v", p.Err())
			}
		})
	})
}
