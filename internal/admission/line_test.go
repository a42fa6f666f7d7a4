package admission_test

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/admission"
)

var (
	start  = time.Unix(1_800_000_000, 0)
	limits = admission.Limits{PerSecond: 10, Inside: 1000, Arrival: 10 * time.Second, Poll: time.Second, Keep: 10 * time.Minute}
)

// world is a line with a clock and somebody who counts those inside.
type world struct {
	line   admission.Line
	limits admission.Limits
	now    time.Time
	inside int
}

func newWorld() *world { return &world{limits: limits, now: start} }

func (w *world) enter() admission.Place { return w.line.Enter(w.now, w.limits, w.inside) }

func (w *world) ask(number int64) admission.Place {
	return w.line.Ask(w.now, w.limits, w.inside, number)
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

// fill enters n places and returns the numbers of those who wait.
func (w *world) fill(n int) (waiting []int64) {
	for range n {
		if p := w.enter(); p.In.IsZero() {
			waiting = append(waiting, p.Number)
		}
	}
	return waiting
}

func TestLetsInAtOnceAsLongAsNobodyWaits(t *testing.T) {
	w := newWorld()
	for i := range 10 { // a second's worth
		if p := w.enter(); p.In.IsZero() || p.Position != 0 || p.Wait != 0 {
			t.Fatalf("place %d: %+v, want to be let in", i, p)
		}
	}
	if n := w.line.Waiting(); n != 0 {
		t.Errorf("%d wait", n)
	}
	p := w.enter()
	want := admission.Place{Number: p.Number, Position: 1, Wait: 100 * time.Millisecond, Poll: time.Second}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("the eleventh (-want +got):\n%s", diff)
	}
	if p := w.enter(); p.Position != 2 {
		t.Errorf("the twelfth has position %d, want 2", p.Position)
	}
}

func TestKeepsTheRate(t *testing.T) {
	w := newWorld()
	w.fill(500)
	for second := range 20 {
		before := w.line.Waiting()
		for range 10 {
			w.pass(100 * time.Millisecond)
			w.line.Tick(w.now, w.limits, 0)
		}
		if n := before - w.line.Waiting(); second < 4 && n != 10 {
			t.Errorf("second %d: %d let in, want 10", second, n)
		}
	}
}

func TestPassesOverTheAbsentAndTakesThemFirstWhenTheyAsk(t *testing.T) {
	w := newWorld()
	numbers := w.fill(40) // 30 wait
	w.pass(time.Second + admission.Patience + time.Millisecond)
	for _, n := range numbers[5:] {
		w.ask(n)
	}
	w.pass(100 * time.Millisecond) // the first who asked is in already
	for i, n := range numbers[5:] {
		if p := w.ask(n); p.In.IsZero() != (i >= 11) {
			t.Errorf("place %d of those present: %+v", i, p)
		}
	}
	if p := w.ask(numbers[3]); p.Position != 4 {
		t.Errorf("back after a while: %+v, want position 4", p)
	}
	w.pass(100 * time.Millisecond) // one more
	if p := w.ask(numbers[16]); !p.In.IsZero() {
		t.Error("somebody was let in before one with a lower number who is present")
	}
	if p := w.ask(numbers[3]); p.In.IsZero() {
		t.Errorf("first of those present: %+v, want it in", p)
	}
}

func TestForgetsTheAbsentAndPutsThemBackByNumber(t *testing.T) {
	w := newWorld()
	lapsed := 0
	w.line.Lapsed = func(n int) { lapsed += n }
	w.limits.Inside = 0
	numbers := w.fill(3)
	for range 100 {
		w.pass(time.Second)
		w.ask(numbers[1])
	}
	if lapsed != 2 || w.line.Waiting() != 1 || w.line.Knows(numbers[0]) || !w.line.Knows(numbers[1]) {
		t.Errorf("%d lapsed, %d wait; want 2 and 1", lapsed, w.line.Waiting())
	}
	for i, n := range numbers {
		if p := w.ask(n); i != 1 && p.Position != i+1 {
			t.Errorf("place %d is back at %d", i, p.Position)
		}
	}
}

func TestAskingMoreOftenGainsNothing(t *testing.T) {
	w := newWorld()
	numbers := w.fill(110)
	eager := numbers[99]
	for range 95 {
		for range 10 {
			w.pass(10 * time.Millisecond)
			if p := w.ask(eager); !p.In.IsZero() {
				t.Fatal("the last one in line is in")
			}
		}
		for _, n := range numbers[:99] {
			w.ask(n)
		}
	}
	if got := w.ask(eager).Position; got != 5 {
		t.Errorf("position = %d, want 5", got)
	}
}

func TestKeepsToTheNumberInside(t *testing.T) {
	w := newWorld()
	w.limits.Inside = 15
	numbers := w.fill(30) // 10 in
	w.pass(time.Second)
	w.line.Tick(w.now, w.limits, 0) // none has arrived: those let in count for him
	if got := w.line.Waiting(); got != 15 {
		t.Errorf("%d wait, want 15", got)
	}
	w.inside = 15
	for range 60 {
		w.pass(time.Second)
		for _, n := range numbers {
			w.ask(n)
		}
	}
	if got := w.line.Waiting(); got != 15 {
		t.Errorf("%d wait while it is full, want 15", got)
	}
	p := w.ask(numbers[len(numbers)-1])
	if p.Position != 15 || p.Wait < 5*time.Minute || p.Poll != 30*time.Second {
		t.Errorf("while nothing moves: %+v", p)
	}
	w.inside = 12 // three leave
	w.pass(time.Second)
	w.line.Tick(w.now, w.limits, w.inside)
	if got := w.line.Waiting(); got != 12 {
		t.Errorf("%d wait after three left, want 12", got)
	}
}

func TestNoLimitLetsNobodyIn(t *testing.T) {
	w := newWorld()
	w.limits.Inside = 0
	if p := w.enter(); !p.In.IsZero() {
		t.Errorf("%+v, want to wait", p)
	}
}

func TestStaysInUntilForgotten(t *testing.T) {
	w := newWorld()
	number := w.fill(11)[0]
	w.pass(time.Second)
	in := w.ask(number)
	if in.In.IsZero() {
		t.Fatalf("%+v, want it in", in)
	}
	w.limits.Inside = 0
	w.pass(9 * time.Minute)
	w.line.Tick(w.now, w.limits, 0)
	if p := w.ask(number); !p.In.Equal(in.In) {
		t.Errorf("later: %+v, want it in since %v", p, in.In)
	}
	w.pass(time.Minute)
	w.line.Tick(w.now, w.limits, 0)
	if w.line.Knows(number) {
		t.Error("still known after its time")
	}
}

func TestALostLineIsPutTogetherInOrder(t *testing.T) {
	w := newWorld()
	numbers := w.fill(60) // 50 wait
	w.line = admission.Line{}
	w.pass(time.Second)
	w.line.Hold(w.now.Add(5 * time.Second))
	if p := w.enter(); !p.In.IsZero() || p.Wait < 5*time.Second {
		t.Errorf("while it is held: %+v", p)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, i := range r.Perm(len(numbers)) {
		w.ask(numbers[i])
	}
	for i, n := range numbers {
		if p := w.ask(n); p.Position != i+1 {
			t.Errorf("place %d is at %d", i, p.Position)
		}
	}
	w.pass(5 * time.Second)
	for i, n := range numbers {
		if p := w.ask(n); p.In.IsZero() != (i >= 10) {
			t.Errorf("place %d after the hold: %+v", i, p)
		}
	}
}

func TestEstimatesComeTrueWhileThereIsRoom(t *testing.T) {
	w := newWorld()
	numbers := w.fill(210)
	told := w.ask(numbers[199])
	if told.Wait != 20*time.Second || told.Poll != 2*time.Second {
		t.Fatalf("the last of 200 at 10 a second: %+v", told)
	}
	for range 200 {
		w.pass(100 * time.Millisecond)
		for _, n := range numbers {
			w.ask(n)
		}
	}
	if p := w.ask(numbers[199]); p.In.IsZero() {
		t.Errorf("after the time it was told: %+v", p)
	}
}

func TestOddNumbersDoNotDisturb(t *testing.T) {
	w := newWorld()
	w.fill(10)
	for _, n := range []int64{0, -1, 1 << 62, -1 << 63, 1<<63 - 1} {
		w.ask(n)
	}
	if p := w.enter(); p.Number <= 0 || p.Number > w.now.Add(time.Hour).UnixNano() {
		t.Errorf("the next number is %d", p.Number)
	}
}

// TestAgainstASimpleModel runs a random crowd and checks the rules of the
// package after every let-in.
func TestAgainstASimpleModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld()
		w.limits.PerSecond = 1 + r.IntN(20)
		w.limits.Inside = 20 + r.IntN(100)
		m := newModel(t, w, r)
		for range 3000 {
			m.step()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		if m.admitted < 50 {
			t.Errorf("seed %d: only %d were let in", seed, m.admitted)
		}
	}
}

// model is the crowd: who waits, who would ask when, who is inside.
type model struct {
	t        *testing.T
	w        *world
	r        *rand.Rand
	due      map[int64]time.Time // when those who wait were told to ask
	quiet    map[int64]bool      // those who have stopped asking
	arrivals []time.Time         // of those let in, until they are inside
	times    []time.Time         // of all let-ins
	admitted int
}

func newModel(t *testing.T, w *world, r *rand.Rand) *model {
	m := &model{t: t, w: w, r: r, due: make(map[int64]time.Time), quiet: make(map[int64]bool)}
	w.line.Admitted = func(time.Duration) {
		m.admitted++
		m.times = append(m.times, w.now)
		m.arrivals = append(m.arrivals, w.now)
	}
	return m
}

func (m *model) step() {
	w := m.w
	w.pass(time.Duration(m.r.IntN(300)) * time.Millisecond)
	for len(m.arrivals) > 0 && w.now.Sub(m.arrivals[0]) > 5*time.Second {
		m.arrivals = m.arrivals[1:]
		w.inside++
	}
	if w.inside > 0 && m.r.IntN(4) == 0 {
		w.inside--
	}
	switch m.r.IntN(10) {
	case 0, 1, 2:
		if p := w.enter(); p.In.IsZero() {
			m.due[p.Number] = w.now.Add(p.Poll)
		} else if n := m.waiting(p.Number); n > 0 {
			m.t.Errorf("a newcomer passed %d others", n)
		}
	case 3:
		for n := range m.due {
			m.quiet[n] = true
			break
		}
	}
	for n, due := range m.due {
		if !m.quiet[n] && !due.After(w.now) {
			m.asks(n)
		}
	}
	m.checkLimits()
}

// asks has one ask, who may be in by now; nobody before him may be left behind.
func (m *model) asks(n int64) {
	p := m.w.ask(n)
	if p.In.IsZero() {
		m.due[n] = m.w.now.Add(p.Poll)
		return
	}
	delete(m.due, n)
	if before := m.waiting(n); before > 0 {
		m.t.Errorf("%d is in before %d others", n, before)
	}
}

// waiting counts those who still ask, have a lower number and are not in.
func (m *model) waiting(before int64) (n int) {
	for number := range m.due {
		if number < before && !m.quiet[number] && m.w.ask(number).In.IsZero() {
			n++
		}
	}
	return n
}

func (m *model) checkLimits() {
	if n := m.w.inside + len(m.arrivals); n > m.w.limits.Inside {
		m.t.Errorf("%d are inside or on their way, want at most %d", n, m.w.limits.Inside)
	}
	const window = 3 * time.Second
	for len(m.times) > 0 && m.w.now.Sub(m.times[0]) > window {
		m.times = m.times[1:]
	}
	if most := 4 * m.w.limits.PerSecond; len(m.times) > most+1 {
		m.t.Errorf("%d were let in within %v, want at most %d", len(m.times), window, most)
	}
}

func TestAPlaceTakesLittleMemory(t *testing.T) {
	w := newWorld()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w.fill(100_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / 100_000; got > 150 {
		t.Errorf("a waiting place takes %d bytes, want at most 150", got)
	}
	runtime.KeepAlive(w)
}

func TestAFullLineStillTellsPlaces(t *testing.T) {
	w := newWorld()
	w.limits.Inside = 0
	w.fill(admission.MaxPlaces)
	p := w.enter()
	if p.Position != admission.MaxPlaces+1 || w.line.Knows(p.Number) || w.line.Waiting() != admission.MaxPlaces {
		t.Errorf("beyond the last place: %+v, %d wait", p, w.line.Waiting())
	}
	w.pass(admission.Absence + time.Hour)
	w.line.Tick(w.now, w.limits, 0)
	if again := w.ask(p.Number); again.Position != 1 || !w.line.Knows(p.Number) {
		t.Errorf("when there is room: %+v, want to be in line", again)
	}
}
