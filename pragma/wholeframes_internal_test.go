package pragma

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pieces notes what is written to it, until it fails.
type pieces struct {
	all  [][]byte
	fail error
}

func (w *pieces) Write(p []byte) (int, error) {
	if w.fail != nil {
		return 0, w.fail
	}
	w.all = append(w.all, bytes.Clone(p))
	return len(p), nil
}

// serverFrame is a frame as servers send them.
func serverFrame(size int) []byte {
	f := []byte{0x81}
	switch {
	case size < 126:
		f = append(f, byte(size))
	case size < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 126), uint16(size))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 127), uint64(size))
	}
	for i := range size {
		f = append(f, byte(i))
	}
	return f
}

// putFrame writes as the socket library does: head, payload, flush.
func putFrame(t *testing.T, bw *bufio.Writer, frame []byte) error {
	t.Helper()
	head := 2
	switch frame[1] {
	case 126:
		head = 4
	case 127:
		head = 10
	}
	if _, err := bw.Write(frame[:head]); err != nil {
		return err
	}
	if _, err := bw.Write(frame[head:]); err != nil {
		return err
	}
	return bw.Flush()
}

func TestAFrameLeavesInOneWrite(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 500, 508, 509, 510, 1100, 4096, mostHeld - 4} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			to := &pieces{}
			bw := bufio.NewWriterSize(&wholeFrames{to: to, buffers: &sync.Pool{}}, 512)
			var want [][]byte
			for _, n := range []int{size, 3, size, size} { // each begins anew
				frame := serverFrame(n)
				want = append(want, frame)
				if err := putFrame(t, bw, frame); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, to.all); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALargeFrameIsNotHeld(t *testing.T) {
	to := &pieces{}
	w := &wholeFrames{to: to, buffers: &sync.Pool{}}
	bw := bufio.NewWriterSize(w, 512)
	large, small := serverFrame(mostHeld+1), serverFrame(700)
	for _, frame := range [][]byte{large, small} {
		if err := putFrame(t, bw, frame); err != nil {
			t.Fatal(err)
		}
	}
	if len(to.all) != 3 || w.held != nil || w.left != 0 {
		t.Errorf("%d writes, %d bytes missing, want two for the large frame and one for the small", len(to.all), w.left)
	}
	if got := bytes.Join(to.all, nil); !bytes.Equal(got, append(large, small...)) {
		t.Error("the bytes are not those of the frames")
	}
}

func TestAFailedWriteIsReported(t *testing.T) {
	broken := errors.New("broken")
	w := &wholeFrames{to: &pieces{fail: broken}, buffers: &sync.Pool{}}
	for _, size := range []int{10, 700, mostHeld + 1} {
		if err := putFrame(t, bufio.NewWriterSize(w, 512), serverFrame(size)); !errors.Is(err, broken) {
			t.Errorf("%d bytes: %v, want the connection's error", size, err)
		}
		w.left = 0 // a connection that failed is not used any more
	}
}

func BenchmarkFrameOfAParty(b *testing.B) {
	frame, to := serverFrame(1100), &pieces{fail: errors.New("counted")}
	w := &wholeFrames{to: to, buffers: &sync.Pool{}}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = w.Write(frame[:512])
		_, _ = w.Write(frame[512:])
	}
}
