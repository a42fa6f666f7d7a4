package pragmatest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma"
)

// Peer is a player on a bare socket to the game backend. It tells answers from
// notifications and keeps the latter until a test looks at them. One goroutine
// uses it at a time.
type Peer struct {
	*Raw
	Name  string
	ID    pragma.PlayerID
	Token string // for the game backend

	w     *World
	notes []Frame // notifications nobody has looked at
}

// Peer logs a player in as [World.Tokens] does and connects him. The bubble is
// quiet when it returns: he has been told where he is.
func (w *World) Peer(name string) *Peer {
	w.T.Helper()
	p := &Peer{Name: name, w: w}
	p.LogIn()
	return p
}

// LogIn begins a new session of the player, and connects him.
func (p *Peer) LogIn() {
	p.w.T.Helper()
	p.Token, _ = p.w.Tokens(p.Name)
	p.ID = p.w.playerOf(p.Token)
	p.Connect()
}

// playerOf reads the player's id out of a token.
func (w *World) playerOf(token string) pragma.PlayerID {
	w.T.Helper()
	var claims struct {
		Sub pragma.PlayerID `json:"sub"`
	}
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		w.fatal("read the player's token: %v", err)
	}
	return claims.Sub
}

// Connect opens a socket with the player's token, beside or in place of the one
// he has, and forgets the notifications of that.
func (p *Peer) Connect() {
	p.w.T.Helper()
	p.Raw, p.notes = p.w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}, p.Token), nil
	synctest.Wait()
}

// Try makes a call and returns the payload of its answer, or the frame of its
// refusal. A nil payload is an empty one.
func (p *Peer) Try(call string, payload any) (map[string]any, *Frame) {
	p.w.T.Helper()
	if payload == nil {
		payload = struct{}{}
	}
	p.Request(call, payload)
	return p.Answer()
}

// Answer is [Peer.Try] for a request that has been sent. It waits for an hour.
func (p *Peer) Answer() (map[string]any, *Frame) {
	p.w.T.Helper()
	for {
		f, ok := p.Poll(time.Hour)
		switch {
		case !ok:
			p.w.fatal("%s: no answer; is the socket closed?", p.Name)
		case f.Response != nil:
			return f.Response.Payload, nil
		case f.ServiceError != nil:
			return nil, &f
		}
		p.notes = append(p.notes, f)
	}
}

// Call makes a call that must succeed. Unlike [Raw.Call] it keeps notifications.
func (p *Peer) Call(call string, payload any) map[string]any {
	p.w.T.Helper()
	got, refused := p.Try(call, payload)
	if refused != nil {
		p.w.fatal("%s: %s: %s %v", p.Name, call, refused, refused.ServiceError.DebugDetails)
	}
	return got
}

// Notes waits until everything that is on its way has arrived, and returns the
// notifications since the last Notes.
func (p *Peer) Notes() []Frame {
	p.pull()
	notes := p.notes
	p.notes = nil
	return notes
}

// Last is the payload of the newest notification of a type, such as
// PartyRpc.RemovedV1Notification, among those that the next [Peer.Notes] returns;
// nil if there is none.
func (p *Peer) Last(typ string) map[string]any {
	p.pull()
	for _, f := range slices.Backward(p.notes) {
		if f.Notification.Type == typ {
			return f.Notification.Payload
		}
	}
	return nil
}

func (p *Peer) pull() {
	synctest.Wait()
	for {
		f, ok := p.Poll(0)
		if !ok {
			return
		}
		p.notes = append(p.notes, f)
	}
}

// Brief is a notification in a few words: its name without service and version,
// and what a change of the session is about.
func (f Frame) Brief() string {
	if f.Notification == nil {
		return f.String()
	}
	_, name, _ := strings.Cut(f.Notification.Type, ".")
	name = strings.TrimSuffix(name, "V1Notification")
	if name != "SessionChanged" {
		return name
	}
	set, _ := f.Notification.Payload["attributesSet"].(map[string]any)
	var keys []string
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return fmt.Sprintf("%s set%v removed%v", name, keys, f.Notification.Payload["attributesRemoved"])
}
