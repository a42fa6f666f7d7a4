package pragma_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// Whatever frame a connection breaks behind, the client has each of them once.
func TestStreamMayBreakAnywhere(t *testing.T) {
	const frames = 12
	for cut := range frames + 1 {
		t.Run(fmt.Sprint("behind ", cut), func(t *testing.T) {
			greeted(t, "", func(t *testing.T, w *world) {
				r := w.robin()
				token, _ := r.login()
				k := w.walker(gamePlayer, token)
				k.frame()
				var want []string
				for i := range frames / 2 {
					k.send("SayV1", fmt.Sprint("call ", i))
					synctest.Wait()
					r.tell(fmt.Sprint("news ", i))
					want = append(want, fmt.Sprintf("%d call %d", i+1, i), fmt.Sprint("news ", i))
				}
				for range cut {
					k.frame()
				}
				k.ws.CloseNow()
				wantResumed(t, "after the break", k.back(), true)
				wantTexts(t, "the rest", k.texts(), append([]string(nil), want[cut:]...)...)
			})
		})
	}
}

// noDeadline is a test in a bubble, which may not ask for its deadline.
type noDeadline struct{ testing.TB }

// A client of random luck, on a server that may die, sees numbered frames without
// a gap as long as its stream goes on, each once, and a greeting when it does not.
func TestStreamsFollowTheModel(t *testing.T) {
	greeted(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		rapid.Check(noDeadline{t}, func(rt *rapid.T) {
			token, _ := r.login()
			k := w.walker(gamePlayer, token)
			k.frame()
			var due []string // frames that the client must see, in order
			n, open := 0, true
			look := func(most int) {
				for ; most > 0 && len(due) > 0; most-- {
					f := k.frame()
					if f == nil || said1(f) != due[0] {
						rt.Fatalf("got frame %v, want %q", f, due[0])
					}
					due = due[1:]
				}
			}
			rt.Repeat(map[string]func(*rapid.T){
				"notify": func(rt *rapid.T) {
					for range rapid.IntRange(1, 12).Draw(rt, "frames") {
						n++
						r.tell(fmt.Sprint("news ", n))
						due = append(due, fmt.Sprint("news ", n))
					}
				},
				"call": func(rt *rapid.T) {
					if open {
						n++
						k.send("SayV1", fmt.Sprint("call ", n))
						synctest.Wait()
						due = append(due, fmt.Sprintf("%d call %d", k.asked, n))
					}
				},
				"read": func(rt *rapid.T) {
					if open {
						look(rapid.IntRange(0, 8).Draw(rt, "frames"))
					}
				},
				"cut": func(rt *rapid.T) { k.ws.CloseNow(); settle(); open = false },
				"back": func(rt *rapid.T) { // from a break, or from a socket thought alive
					if k.back() {
						open = true
						return
					}
					if len(due) <= 100 {
						rt.Fatalf("the stream is lost with %d frames missed", len(due))
					}
					due, open = []string{"hello"}, true
					look(1)
				},
				"kill": func(rt *rapid.T) {
					if rapid.IntRange(0, 9).Draw(rt, "luck") > 0 {
						return
					}
					w.Kill()
					w.Start()
					if k.back() {
						rt.Fatal("a stream has survived its process")
					}
					due, open = []string{"hello"}, true
					look(1)
				},
			})
			if !open && !k.back() && len(due) <= 100 {
				rt.Fatalf("the stream is lost with %d frames missed", len(due))
			}
			if k.resumed {
				look(len(due))
			}
			k.ws.CloseNow()
		})
	})
}
