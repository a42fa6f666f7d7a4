package pragma_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
)

// bare is a socket without a library, to send what no library would.
type bare struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// handshake opens a socket on a connection and sends extra bytes with the request.
func handshake(t testing.TB, conn net.Conn, token, extra string) *bare {
	t.Helper()
	b := &bare{t, conn, bufio.NewReader(conn)}
	request := "GET /v1/rpc HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nUpgrade: websocket\r\n" +
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + extra
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(b.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status = %d, want 101", resp.StatusCode)
	}
	return b
}

// bare opens a socket without a library.
func (w *world) bare(token string) *bare {
	w.T.Helper()
	conn, err := w.Dial(w.T.Context(), "tcp", w.Address(gamePlayer))
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { conn.Close() })
	return handshake(w.T, conn, token, "")
}

func (b *backend) bare(t testing.TB) *bare {
	t.Helper()
	conn, err := net.Dial("tcp", b.addr[gamePlayer])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return handshake(t, conn, b.token(t), "")
}

// frame makes a masked frame from its first byte and its payload.
func frame(first byte, payload string) string {
	var b bytes.Buffer
	b.WriteByte(first)
	switch n := len(payload); {
	case n < 126:
		b.WriteByte(0x80 | byte(n))
	case n < 1<<16:
		b.WriteByte(0x80 | 126)
		_ = binary.Write(&b, binary.BigEndian, uint16(n))
	default:
		b.WriteByte(0x80 | 127)
		_ = binary.Write(&b, binary.BigEndian, uint64(n))
	}
	mask := []byte{0x37, 0xfa, 0x21, 0x3d}
	b.Write(mask)
	for i := range len(payload) {
		b.WriteByte(payload[i] ^ mask[i%4])
	}
	return b.String()
}

const (
	finalText = 0x81
	firstText = 0x01
	more      = 0x00
	lastMore  = 0x80
	closing   = 0x88
	ping      = 0x89
	pong      = 0x8A
)

// code is the payload of a close frame.
func code(n uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, n)) + reason
}

// send writes bytes as they are. The server may have gone.
func (b *bare) send(raw string) { _, _ = io.WriteString(b.conn, raw) }

// next reads a frame of the server.
func (b *bare) next() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(b.r, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	switch head[1] {
	case 126:
		var n uint16
		err = binary.Read(b.r, binary.BigEndian, &n)
		size = uint64(n)
	case 127:
		err = binary.Read(b.r, binary.BigEndian, &size)
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(b.r, payload)
	return head[0] & 0x0f, payload, err
}

// closed reads up to the server's close frame and returns its code, or -1 if the
// connection was cut without one.
func (b *bare) closed() int {
	for {
		switch op, payload, err := b.next(); {
		case err != nil:
			return -1
		case op == closing&0x0f && len(payload) >= 2:
			return int(binary.BigEndian.Uint16(payload))
		case op == closing&0x0f:
			return 0
		}
	}
}

var brokenFrames = []struct {
	name, send string
	want       int
}{
	{"unmasked", "\x81\x02{}", 1002},
	{"unmasked and long", "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("x", 1<<16), 1002},
	{"bits of an extension", frame(0xC1, "{}"), 1002},
	{"unknown opcode", frame(0x83, "{}"), 1002},
	{"unknown control opcode", frame(0x8B, ""), 1002},
	{"continuation of nothing", frame(lastMore, "{}"), 1002},
	{"message within a message", frame(firstText, "{") + frame(finalText, "{}"), 1002},
	{"fragmented ping", frame(0x09, ""), 1002},
	{"long ping", "\x89\xfe\x00\x7e" + strings.Repeat("x", 130), 1002},
	{"length of 63 bits and more", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" + "mask{}", 1002},
	{"close frame of one byte", frame(closing, "x"), 1002},
	{"close code that may not travel", frame(closing, code(1005, "")), 1002},
	{"close code of nobody", frame(closing, code(999, "")), 1002},
	{"bad UTF-8 in the reason", frame(closing, code(1000, "\xff")), 1007},
	{"bad UTF-8 in a fragment", frame(firstText, "{\"type\":\"\xff") + frame(lastMore, "\"}"), 1007},
	{"binary", frame(0x82, sayFrame), 1003},
	{"binary in fragments", frame(0x02, sayFrame[:9]) + frame(lastMore, sayFrame[9:]), 1003},
	{"too large", frame(finalText, strings.Repeat(" ", 64<<10+1)), 1009},
	{"announced too large", "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01mask", 1009},
	{"too large in fragments", frame(firstText, strings.Repeat(" ", 60<<10)) + frame(more, strings.Repeat(" ", 4<<10)) + frame(more, " "), 1009},
	{"close 1000", frame(closing, code(1000, "")), 1000},
	{"close 1000 with a reason", frame(closing, code(1000, "bye")), 1000},
	{"close 1001", frame(closing, code(1001, "")), 1000},
	{"close 3000", frame(closing, code(3000, "")), 1000},
	{"close 4000", frame(closing, code(4000, "")), 1000},
	{"close without a code", frame(closing, ""), 1000},
	{"close in the middle of a message", frame(firstText, "{") + frame(closing, code(1000, "")), 1000},
}

func TestBrokenFramesAreAnsweredWithTheDocumentedCode(t *testing.T) {
	for _, tt := range brokenFrames {
		t.Run(tt.name, func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				token, _ := w.robin().login()
				for _, piece := range []int{1 << 20, 7, 1} {
					if len(tt.send) > 1000 {
						piece = max(piece, 1000)
					}
					b := w.bare(token)
					go func() {
						for c := range slices.Chunk([]byte(tt.send), piece) {
							b.send(string(c))
						}
					}()
					if got := b.closed(); got != tt.want {
						t.Errorf("in pieces of %d: closed with %d, want %d", piece, got, tt.want)
					}
					if token, _ = w.robin().login(); token == "" { // 1000 has ended the session
						t.Fatal("no token")
					}
				}
			})
		})
	}
}

// Over real sockets, a close frame is lost if the connection is closed while the
// peer still sends.
func TestTCPBrokenFramesAreAnsweredWhileTheClientSends(t *testing.T) {
	b := start(t, "")
	for _, tt := range brokenFrames {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := b.bare(t)
			defer c.conn.Close()
			go c.send(tt.send + strings.Repeat("garbage ", 1<<17))
			if got := c.closed(); got != tt.want {
				t.Errorf("closed with %d, want %d", got, tt.want)
			}
		})
	}
}

func TestFramesSentWithTheHandshakeAreRead(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		conn, err := w.Dial(t.Context(), "tcp", w.Address(gamePlayer))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		b := handshake(t, conn, token, frame(finalText, sayFrame)+frame(closing, code(1000, "")))
		if op, payload, err := b.next(); err != nil || op != 1 || !strings.Contains(string(payload), "SayV1Response") {
			t.Errorf("got %d %s, %v, want the answer", op, payload, err)
		}
		if got := b.closed(); got != 1000 {
			t.Errorf("closed with %d, want 1000", got)
		}
	})
}

func TestMessagesInFragmentsWithPingsBetweenAreRead(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		b := w.bare(token)
		go b.send(frame(firstText, sayFrame[:5]) + frame(ping, "a") + frame(more, "") + frame(pong, "") + frame(lastMore, sayFrame[5:]))
		if op, payload, err := b.next(); err != nil || op != pong&0x0f || string(payload) != "a" {
			t.Errorf("got %d %q, %v, want the pong", op, payload, err)
		}
		if op, payload, err := b.next(); err != nil || op != 1 || !strings.Contains(string(payload), "SayV1Response") {
			t.Errorf("got %d %s, %v, want the answer", op, payload, err)
		}
	})
}

func TestFloodsOfFramesThatCarryNothingAreAbuse(t *testing.T) {
	for _, tt := range []struct{ name, first, each string }{
		{"pings", "", frame(ping, "x")},
		{"pongs", "", frame(pong, "")},
		{"empty fragments", frame(firstText, ""), frame(more, "")},
		{"fragments of a byte", frame(firstText, ""), frame(more, " ")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				flooding, _ := w.robin().login()
				b := w.bare(flooding)
				sent := make(chan int, 1)
				go func() {
					n := 0
					b.send(tt.first)
					for ; ; n++ {
						if _, err := io.WriteString(b.conn, tt.each); err != nil {
							break
						}
					}
					sent <- n
				}()
				if got := b.closed(); got != 1008 {
					t.Errorf("closed with %d, want 1008", got)
				}
				if n := <-sent; n < 199 {
					t.Errorf("closed after %d frames, want 200 to be borne", n)
				}
			})
		})
	}
}

func TestSomePingsAreBorne(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		b := w.bare(token)
		go func() {
			for range 5 {
				for range 190 {
					b.send(frame(ping, ""))
				}
				time.Sleep(11 * time.Second)
			}
			b.send(frame(closing, code(1000, "")))
		}()
		if got := b.closed(); got != 1000 {
			t.Errorf("closed with %d, want 1000", got)
		}
	})
}

func TestPingFloodDisturbsNobodyElse(t *testing.T) {
	b := start(t, "")
	ws := b.dial(t, b.token(t))
	done := make(chan struct{})
	for range 8 {
		c := b.bare(t)
		go func() {
			for {
				if _, err := io.WriteString(c.conn, strings.Repeat(frame(ping, "flood"), 1000)); err != nil {
					break
				}
			}
		}()
		go func() { c.closed(); done <- struct{}{} }()
	}
	for range 40 { // the burst
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(sayFrame)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ws.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 8 {
		<-done
	}
}

func TestPeerThatDoesNotFinishAMessageIsCut(t *testing.T) {
	for _, tt := range []struct{ name, begin, each string }{
		{"a byte per second", "\x81\xfe\x10\x00mask", " "},
		{"half a head", "\x81", ""},
		{"half a ping", "\x89\x85ma", ""},
		{"half a close frame", "\x88\x82mask", ""},
		{"fragments without end", frame(firstText, "{"), frame(more, " ")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				r := w.robin()
				token, _ := r.login()
				b := w.bare(token)
				begin := time.Now()
				var writer sync.WaitGroup
				writer.Go(func() {
					b.send(tt.begin)
					for range 30 {
						time.Sleep(time.Second)
						b.send(tt.each)
					}
				})
				defer writer.Wait()
				if got := b.closed(); got != -1 {
					t.Errorf("closed with %d, want a cut", got)
				}
				if took := time.Since(begin); took < 20*time.Second || took > 21*time.Second {
					t.Errorf("cut after %v, want 20 s", took)
				}
				again := w.Raw(gamePlayer, token) // the session is still there
				if f := call(again, "LabRpc.SayV1", said{}); f.Response == nil {
					t.Errorf("then got %s", f)
				}
			})
		})
	}
}

func TestSlowMessageWithinItsTimeIsRead(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		b := w.bare(token)
		for range 3 {
			var writer sync.WaitGroup
			writer.Go(func() {
				for _, c := range []byte(frame(finalText, sayFrame)) {
					time.Sleep(300 * time.Millisecond) // 15 s in all
					b.send(string([]byte{c}))
				}
			})
			op, payload, err := b.next()
			if op == ping&0x0f {
				op, payload, err = b.next()
			}
			if err != nil || !strings.Contains(string(payload), "SayV1Response") {
				t.Errorf("got %d %s, %v", op, payload, err)
			}
			writer.Wait()
		}
	})
}

func TestPeerThatReadsNothingIsCut(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		b := w.bare(token)
		begin := time.Now()
		w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"x"}), r.id)
		for alive := true; alive; {
			time.Sleep(time.Second)
			_, err := io.WriteString(b.conn, frame(pong, "")) // he is there, and writes
			alive = err == nil
		}
		if took := time.Since(begin); took < 10*time.Second || took > 31*time.Second {
			t.Errorf("cut after %v, want 10 s after the write began, seen with a ping", took)
		}
	})
}

func TestFrameLargerThanTheQueueGoesOut(t *testing.T) {
	run(t, `core: {session: {maxQueuedBytes: 1000}}`, func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		b := w.bare(token)
		notify := func(n int) {
			w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{strings.Repeat("x", n)}), r.id)
			settle()
		}
		for range 3 {
			notify(1000 << 10)
			if _, payload, err := b.next(); err != nil || len(payload) < 1000<<10 {
				t.Fatalf("got %d bytes, %v, want the large frame", len(payload), err)
			}
		}
		notify(1000 << 10) // being written
		notify(1000 << 10) // alone in the queue
		notify(1)          // one too many
		time.Sleep(time.Minute)
		if got := b.closed(); got != -1 {
			t.Errorf("closed with %d, want a cut", got)
		}
	})
}

func TestGreetingMayBeLargerThanTheQueue(t *testing.T) {
	run(t, `core: {session: {maxQueuedBytes: 1000}}`, func(t *testing.T, w *world) {
		r := w.robin()
		w.onConnect = func(ctx context.Context, _ *pragma.PlayerSession) error {
			for range 4 {
				w.m.NotifyPlayers(ctx, w.poke.Of(&said{strings.Repeat("x", 800)}), r.id)
			}
			return nil
		}
		token, _ := r.login()
		b := w.bare(token)
		time.Sleep(time.Second) // nothing is read yet
		for i := range 4 {
			if _, payload, err := b.next(); err != nil || len(payload) < 800 {
				t.Fatalf("frame %d: got %s, %v", i, payload, err)
			}
		}
		for range 2 {
			w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{strings.Repeat("x", 900)}), r.id)
			settle()
		}
		if _, _, err := b.next(); err != nil {
			t.Error(err)
		}
		for range 3 {
			w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{strings.Repeat("x", 900)}), r.id)
			settle()
		}
		if got := b.closed(); got != -1 {
			t.Errorf("closed with %d, want a cut: the greeting was over", got)
		}
	})
}

func TestCallsInFlightAreLimitedByConfiguration(t *testing.T) {
	run(t, `core: {session: {maxPendingCalls: 2}}`, func(t *testing.T, w *world) {
		c := w.robin().socket()
		c.Request("LabRpc.SlowV1", said{})
		<-w.inside
		for range 3 {
			c.Request("LabRpc.SayV1", said{})
		}
		wantRefusal(t, "third", refused{429, c.Read(), "1"}, refusal{429, "SERVICE_ERROR", "SessionService_RateLimited"})
		close(w.hold)
		for i := range 3 {
			if f := c.Read(); f.Response == nil {
				t.Errorf("call %d got %s", i, f)
			}
		}
	})
}
