package pragma

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// slowConn notes what is written to it. A write waits for open, if there is one.
type slowConn struct {
	net.Conn
	open chan struct{}
	all  []string
	fail error
}

func (c *slowConn) Write(p []byte) (int, error) {
	if c.open != nil {
		<-c.open
	}
	if c.fail != nil {
		return 0, c.fail
	}
	c.all = append(c.all, string(p))
	return len(p), nil
}

// What the library would write.
const (
	pingFrame  = "\x89\x01p"
	pongFrame  = "\x8a\x01p"
	closeFrame = "\x88\x02\x03\xe8"
)

func TestMessagesHaveTheFramesOfTheProtocol(t *testing.T) {
	for _, size := range []int{0, 93, 94, 95, 200, 65503, 65504, 65505, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			body := strings.Repeat("x", size)
			got := appendMessage([]byte("before"), 7, []byte(body))
			got, found := bytes.CutPrefix(got, []byte("before\x81"))
			if !found {
				t.Fatalf("the frame begins with %q", got[:min(20, len(got))])
			}
			want := `{"sequenceNumber":7,` + body + `}`
			var length int
			switch short := got[0]; short {
			case 126:
				length, got = int(binary.BigEndian.Uint16(got[1:])), got[3:]
				if length < 126 {
					t.Errorf("%d bytes have a long head", length)
				}
			case 127:
				length, got = int(binary.BigEndian.Uint64(got[1:])), got[9:]
				if length < 1<<16 {
					t.Errorf("%d bytes have a very long head", length)
				}
			default:
				length, got = int(short), got[1:]
			}
			if length != len(want) || string(got) != want {
				t.Errorf("the head says %d bytes, %d follow, want %d", length, len(got), len(want))
			}
		})
	}
}

func TestControlFramesFollowTheMessageThatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slowConn{open: make(chan struct{})}
		o := newOutgoing(c)
		sent := make(chan error)
		go func() { sent <- o.send([]byte("message")) }()
		synctest.Wait()
		for _, frame := range []string{pingFrame, pongFrame} { // neither waits
			if n, err := o.Write([]byte(frame)); n != len(frame) || err != nil {
				t.Errorf("Write(%q) = %d, %v", frame, n, err)
			}
		}
		close(c.open)
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if _, err := o.Write([]byte(pingFrame)); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(c.all, []string{"message", pingFrame + pongFrame, pingFrame}); diff != "" {
			t.Errorf("writes (-got +want):\n%s", diff)
		}
	})
}

func TestNoMessageFollowsACloseFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slowConn{open: make(chan struct{})}
		o := newOutgoing(c)
		sent, closed := make(chan error), make(chan error)
		go func() { sent <- o.send([]byte("message")) }()
		synctest.Wait()
		go func() { _, err := o.Write([]byte(closeFrame)); closed <- err }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("the library was told that the close frame is written, so it may close the connection")
		default:
		}
		close(c.open)
		if err := errors.Join(<-sent, <-closed); err != nil {
			t.Error(err)
		}
		if err := o.send([]byte("late")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("send() = %v after a close frame", err)
		}
		if diff := cmp.Diff(c.all, []string{"message", closeFrame}); diff != "" {
			t.Errorf("writes (-got +want):\n%s", diff)
		}
	})
}

func TestAWriteThatFailsIsReported(t *testing.T) {
	broken := errors.New("broken")
	o := newOutgoing(&slowConn{fail: broken})
	if err := o.send([]byte("message")); !errors.Is(err, broken) {
		t.Errorf("send() = %v", err)
	}
	if _, err := o.Write([]byte(pingFrame)); !errors.Is(err, broken) {
		t.Errorf("Write() = %v", err)
	}
}

// Frames that wait already leave in one write, up to a size.
func TestWaitingFramesAreWrittenTogether(t *testing.T) {
	c := &slowConn{}
	s := &socket{stream: new(stream), gw: &gateway{side: &side{core: new(core)}}, conn: &framing{}, drained: make(chan struct{}, 1)}
	s.conn.out, s.sock, s.ready, s.writing = newOutgoing(c), s, true, true
	big := strings.Repeat("x", mostTogether)
	for _, body := range []string{`"a":1`, `"b":2`, big, `"c":3`} {
		s.push([]byte(body))
	}
	s.write()
	var writes []string
	for _, w := range c.all {
		writes = append(writes, strings.ReplaceAll(strings.ReplaceAll(w, big, "big"), "\x81", "|"))
	}
	want := []string{"|\x1a{\"sequenceNumber\":0,\"a\":1}|\x1a{\"sequenceNumber\":1,\"b\":2}", "|~\x40\x15{\"sequenceNumber\":2,big}", "|\x1a{\"sequenceNumber\":3,\"c\":3}"}
	if diff := cmp.Diff(writes, want); diff != "" {
		t.Errorf("writes (-got +want):\n%s", diff)
	}
	if s.bytes != 0 || s.seq != 4 || s.writing {
		t.Errorf("%d bytes are left, the next number is %d, writing is %v", s.bytes, s.seq, s.writing)
	}
}

// What is on its way to a client who may come back is kept, and counted once.
func TestFramesThatAreWrittenTogetherFitTheirRing(t *testing.T) {
	limits := &sessionConfig{ResumeFrames: 10, ResumeBytes: 1 << 20, MaxQueuedFrames: 100, MaxQueuedBytes: 1 << 20}
	c := new(core)
	c.session.Store(limits)
	s := &socket{stream: new(stream), gw: &gateway{side: &side{core: c}}, conn: &framing{}, drained: make(chan struct{}, 1)}
	s.conn.out, s.sock, s.ready, s.writing = newOutgoing(&slowConn{}), s, true, true
	s.ring = &ring{core: c}
	for range limits.ResumeFrames {
		s.push([]byte(`"a":1`))
	}
	s.write()
	if got := len(s.ring.kept); got != limits.ResumeFrames {
		t.Errorf("%d frames are kept, want %d", got, limits.ResumeFrames)
	}
}
