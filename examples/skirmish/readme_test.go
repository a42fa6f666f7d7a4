//go:build unix

package main

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/openpragma/engine/client"
)

// readmeCommands returns what the README sends with curl: the path of each
// command and its body.
func readmeCommands(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := make(map[string]string)
	curl := regexp.MustCompile(`(?s)curl -s http://127\.0\.0\.1:\d+(/\S+).*?'(\{.*?\})'\n`)
	for _, found := range curl.FindAllStringSubmatch(string(text), -1) {
		commands[found[1]] = found[2]
	}
	return commands
}

func post(t *testing.T, address, path, token, body string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	answer := make(map[string]any)
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s is answered by %s: %s, %v", path, resp.Status, text, err)
	}
	return answer
}

// TestREADMETalksToServe does what the README shows with curl and websocat.
func TestREADMETalksToServe(t *testing.T) {
	t.Parallel()
	s := startStand(t, "")
	commands := readmeCommands(t)
	const logIn, rpc = "/v1/account/authenticateorcreatev2", "/v1/rpc"
	if commands[logIn] == "" || commands[rpc] == "" {
		t.Fatalf("the README has the commands %v, want one for %s and one for %s", commands, logIn, rpc)
	}
	answer := post(t, s.gateway["social player"], logIn, "", commands[logIn])
	token := textIn(answer, "pragmaTokens", "pragmaGameToken")
	if token == "" || textIn(answer, "pragmaTokens", "pragmaSocialToken") == "" {
		t.Fatalf("the log-in is answered by %v, want two tokens", answer)
	}
	game := s.gateway["game player"]

	created := post(t, game, rpc, token, commands[rpc])
	code := textIn(created, "response", "payload", "party", "inviteCode")
	if code == "" {
		t.Fatalf("the call is answered by %v, want a party with a code", created)
	}
	ws := dialRaw(t, game, rpc, token)
	ws.send(t, `{"requestId":7,"type":"MultiplayerRpc.InitializePartyV1Request","payload":{}}`)
	if got := ws.await(t, `"requestId":7`); !strings.Contains(got, code) {
		t.Errorf("over the socket the party is %s, want the one with code %s", got, code)
	}
	if got := ws.notified; !strings.Contains(got, "PlayerSessionRpc.SessionChangedV1Notification") {
		t.Errorf("notifications over the socket: %s", got)
	}

	p, err := client.Resume(t.Context(), s.options(), client.Tokens{Game: token, Social: textIn(answer, "pragmaTokens", "pragmaSocialToken")})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	left, err := client.Call[map[string]any](t.Context(), p.GameConn(), "PartyRpc.LeaveV1", nil)
	if err != nil {
		t.Errorf("leave the party: %v, %v", left, err)
	}
	types, err := http.Get("http://" + game + "/v1/types")
	if err != nil {
		t.Fatal(err)
	}
	defer types.Body.Close()
	if list, err := io.ReadAll(types.Body); err != nil || !strings.Contains(string(list), "PartyRpc.CreateV1Request") {
		t.Errorf("/v1/types is %s, %v", list, err)
	}
}

// textIn returns a text deep in an answer, or "".
func textIn(answer map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		answer, _ = answer[name].(map[string]any)
	}
	text, _ := answer[path[len(path)-1]].(string)
	return text
}

// rawSocket is as much of a WebSocket (RFC 6455) as the README needs, without a
// library.
type rawSocket struct {
	conn     net.Conn
	in       *bufio.Reader
	notified string // all frames that were not awaited
}

func dialRaw(t *testing.T, address, path, token string) *rawSocket {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if deadline, ok := within(t, testTime).Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\n\r\n", path, address, token)
	s := &rawSocket{conn: conn, in: bufio.NewReader(conn)}
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("the upgrade is answered by %s, %v", resp.Status, resp.Header)
	}
	return s
}

// send sends a text frame of less than 126 bytes.
func (s *rawSocket) send(t *testing.T, text string) {
	t.Helper()
	frame := []byte{0x81, 0x80 | byte(len(text))}
	var mask [4]byte
	rand.Read(mask[:])
	frame = append(frame, mask[:]...)
	for i := range len(text) {
		frame = append(frame, text[i]^mask[i%4])
	}
	if _, err := s.conn.Write(frame); err != nil {
		t.Fatal(err)
	}
}

// await returns the first frame that contains a text.
func (s *rawSocket) await(t *testing.T, text string) string {
	t.Helper()
	for {
		var head [2]byte
		_, err := io.ReadFull(s.in, head[:])
		size := uint64(head[1])
		if size == 126 && err == nil {
			var wide [2]byte
			_, err = io.ReadFull(s.in, wide[:])
			size = uint64(binary.BigEndian.Uint16(wide[:]))
		}
		body := make([]byte, size)
		if err == nil {
			_, err = io.ReadFull(s.in, body)
		}
		if err != nil {
			t.Fatalf("the socket ends before %s: %v; it had %s", text, err, s.notified)
		}
		if strings.Contains(string(body), text) {
			return string(body)
		}
		s.notified += string(body) + "\n"
	}
}
