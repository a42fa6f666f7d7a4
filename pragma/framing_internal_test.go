package pragma

import (
	"testing"
)

// seen is what framing makes of bytes that come in pieces.
type seen struct {
	Passed int // bytes the library may see
	Wrong  string
	Ended  string
}

func lookAt(core *core, data []byte, piece int) (got seen) {
	c := &framing{sock: &socket{gw: &gateway{id: Gateway{Game, Player}, side: &side{core: core}}}}
	for len(data) > 0 && c.wrong == nil && c.end == nil {
		n := min(piece, len(data))
		got.Passed += c.look(data[:n])
		data = data[n:]
	}
	if c.wrong != nil {
		got.Wrong = c.wrong.name
	}
	if c.end != nil {
		got.Ended = c.end.Error()
	}
	return got
}

func FuzzFraming(f *testing.F) {
	for _, seed := range []string{
		"\x81\x82mask{}", "\x81\x02{}", "\x01\x80mask\x89\x81maskx\x80\x82mask{}", "\x88\x82mask\x6e\x89", "\x88\x80mask", "\x82\xfe\x00\x03maskabc",
		"\x81\xff\x00\x00\x00\x00\x00\x00\x00\x02mask{}", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xffmask", "\x00\x80mask", "\x8a\xfe\x00\x7emask", "\xc1\x80mask",
	} {
		f.Add([]byte(seed), 1)
		f.Add([]byte(seed+seed), 3)
	}
	core := &core{}
	session := defaultCore(Development).Session
	core.session.Store(&session)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		if piece < 1 {
			return
		}
		whole, pieces := lookAt(core, data, len(data)+1), lookAt(core, data, piece)
		if whole.Passed > len(data) || whole.Wrong == "" && whole.Ended == "" && whole.Passed != len(data) && data[whole.Passed]&0x0f != opClose {
			t.Errorf("%d of %d bytes passed: %+v", whole.Passed, len(data), whole)
		}
		// Of a frame that is wrong, or a close frame, the beginning may have passed
		// before that was clear; everything else does not depend on the pieces.
		if whole.Wrong != pieces.Wrong || whole.Ended != pieces.Ended || pieces.Passed < whole.Passed-14 || pieces.Passed > whole.Passed+14 {
			t.Errorf("in pieces of %d: %+v, want %+v", piece, pieces, whole)
		}
	})
}
