package pragma

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
)

// wholeFrames stands between the socket library's small buffer (ADR 5) and the
// connection. The library writes a frame that is larger than the buffer in two
// pieces; here they are put together again, because a second system call costs
// more than everything else that is done for a notification. The library writes
// one frame after the other, so one goroutine is here at a time.
type wholeFrames struct {
	to      io.Writer
	buffers *sync.Pool    // of *bytes.Buffer
	left    int           // bytes of the frame that are still to come
	held    *bytes.Buffer // what has come of it; nil: it is passed on as it comes
}

// mostHeld bounds the frames that are put together. A larger one is passed on in
// pieces, each of them large.
const mostHeld = 64 << 10

// Write implements [io.Writer].
func (f *wholeFrames) Write(p []byte) (int, error) {
	if f.left == 0 {
		size := frameSize(p)
		f.left = size
		if len(p) < size && size <= mostHeld {
			f.hold()
		}
	}
	f.left = max(0, f.left-len(p))
	if f.held == nil {
		return f.to.Write(p)
	}
	f.held.Write(p)
	if f.left > 0 {
		return len(p), nil
	}
	_, err := f.to.Write(f.held.Bytes())
	f.buffers.Put(f.held)
	f.held = nil
	return len(p), err
}

// hold begins to keep a frame.
func (f *wholeFrames) hold() {
	var ok bool
	if f.held, ok = f.buffers.Get().(*bytes.Buffer); !ok {
		f.held = new(bytes.Buffer)
	}
	f.held.Reset()
}

// frameSize returns the size of the unmasked frame that begins with p, head
// included; zero if its head is not complete.
func frameSize(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	switch n := int(p[1] & 0x7f); {
	case n < 126:
		return 2 + n
	case n == 126 && len(p) >= 4:
		return 4 + int(binary.BigEndian.Uint16(p[2:]))
	case n == 127 && len(p) >= 10:
		return 10 + int(binary.BigEndian.Uint64(p[2:]))
	}
	return 0
}
