package admission

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// Patience is how much later than told a place may ask before others are let
	// in past it.
	Patience = 5 * time.Second
	// Absence is how much later than told a place may ask before it is forgotten.
	Absence = time.Minute
	// MaxPlaces is how many places a line keeps.
	MaxPlaces = 500_000
)

// Limits are the targets of a line. They may differ from call to call.
type Limits struct {
	PerSecond int           // how many may be let in a second; at least 1
	Inside    int           // how many may be inside
	Arrival   time.Duration // how long one who was let in may take until he counts as inside
	Poll      time.Duration // the shortest time between two questions of a place; above 0
	Keep      time.Duration // how long a place that was let in is remembered
}

// Place is what somebody in line is told.
type Place struct {
	Number   int64         // the lower, the earlier; grows with time
	In       time.Time     // when it was let in; zero: it waits
	Position int           // 1 is next; 0 is in
	Wait     time.Duration // an estimate of the time until it is let in
	Poll     time.Duration // when to ask again
}

// Line is a queue of places. The zero value is an empty line. Its methods are
// safe for concurrent use; fields may be set before the first call.
type Line struct {
	// Admitted is called for each place that is let in, with the time it waited.
	// It must not call the line.
	Admitted func(waited time.Duration)
	// Lapsed is called with the number of places that were forgotten.
	Lapsed func(n int)

	mu      sync.Mutex
	last    int64            // the latest number given out
	places  map[int64]*place // waiting and remembered
	waiting []*place         // by number
	inside  []*place         // let in and remembered, the earliest first
	recent  []tally          // who was let in lately, the earliest first
	credit  float64          // how many may be let in now
	filled  time.Time        // when credit was reckoned
	scanned time.Time        // when waiting was last looked through
	swept   time.Time        // when the absent were last forgotten
	opens   time.Time        // nobody is let in before
}

// place is what a line keeps of a place.
type place struct {
	number int64
	due    int64 // when it should ask again, Unix nanoseconds
	in     int64 // when it was let in, Unix nanoseconds; 0: waiting
}

// tally counts those let in during one second.
type tally struct{ second, n int64 }

// Hold lets nobody in before until. A line that was lost is held while the
// places that were next in it come back.
func (l *Line) Hold(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opens = until
}

// Waiting returns how many wait.
func (l *Line) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// Knows reports whether a place is in line, or was let in and is remembered.
func (l *Line) Knows(number int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.places[number] != nil
}

// Tick lets in whom the limits allow and forgets who is gone, as every other
// call does too. Inside is how many are inside now.
func (l *Line) Tick(now time.Time, lim Limits, inside int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(now, lim, inside)
}

// Enter gives a place to somebody new. He is in at once if nobody waits and the
// limits allow it.
func (l *Line) Enter(now time.Time, lim Limits, inside int) Place {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(now, lim, inside)
	l.last = max(l.last+1, now.UnixNano())
	if len(l.waiting) == 0 && l.credit >= 1 && l.room(now, lim, inside) > 0 {
		l.admit(now, l.last)
		return Place{Number: l.last, In: now, Poll: lim.Poll}
	}
	return l.wait(now, lim, inside, l.last)
}

// Ask returns what has become of a place. One that the line does not know is
// put into it by its number.
func (l *Line) Ask(now time.Time, lim Limits, inside int, number int64) Place {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number < now.Add(time.Minute).UnixNano() { // not the clock of a mad node
		l.last = max(l.last, number)
	}
	p := l.places[number]
	if p == nil {
		l.wait(now, lim, inside, number) // before advance, which may let it in
	} else {
		p.due = max(p.due, now.UnixNano()) // present
	}
	l.advance(now, lim, inside)
	if p = l.places[number]; p != nil && p.in != 0 {
		return Place{Number: number, In: time.Unix(0, p.in), Poll: lim.Poll}
	}
	return l.wait(now, lim, inside, number)
}

// wait tells a place where it stands, after putting it there if need be.
func (l *Line) wait(now time.Time, lim Limits, inside int, number int64) Place {
	i, found := slices.BinarySearchFunc(l.waiting, number, func(p *place, n int64) int { return cmp.Compare(p.number, n) })
	out := Place{Number: number, Position: i + 1}
	out.Wait = l.estimate(now, lim, inside, out.Position)
	out.Poll = min(max(lim.Poll, out.Wait/10), max(lim.Poll, maxPoll))
	if !found && len(l.waiting) < MaxPlaces {
		if l.places == nil {
			l.places = make(map[int64]*place)
		}
		p := &place{number: number}
		l.places[number] = p
		l.waiting = slices.Insert(l.waiting, i, p)
		found = true
	}
	if found {
		l.waiting[i].due = now.Add(out.Poll).UnixNano()
	}
	return out
}

// maxPoll is the longest time between two questions, unless Limits.Poll is longer.
const maxPoll = 30 * time.Second

// estimate is how long a position waits: at the full rate as far as there is
// room, and beyond that at the pace at which others were let in during the last
// minute. If nobody was, one a minute is assumed.
func (l *Line) estimate(now time.Time, lim Limits, inside, position int) time.Duration {
	room := min(max(l.room(now, lim, inside), 0), position)
	seconds := float64(room) / float64(lim.PerSecond)
	if beyond := position - room; beyond > 0 {
		pace := max(float64(l.admittedSince(now.Add(-paceWindow))), 1) / paceWindow.Seconds()
		seconds += float64(beyond) / min(pace, float64(lim.PerSecond))
	}
	return time.Duration(min(seconds, maxWait.Seconds())*float64(time.Second)) + max(l.opens.Sub(now), 0)
}

const (
	paceWindow = time.Minute
	maxWait    = 30 * 24 * time.Hour // keeps an estimate within its type
)

// room is how many more may be let in now.
func (l *Line) room(now time.Time, lim Limits, inside int) int {
	if now.Before(l.opens) {
		return 0
	}
	return lim.Inside - inside - l.admittedSince(now.Add(-lim.Arrival))
}

// admittedSince counts those let in after t, to the second.
func (l *Line) admittedSince(t time.Time) int {
	n := int64(0)
	for _, c := range slices.Backward(l.recent) {
		if c.second <= t.Unix() {
			break
		}
		n += c.n
	}
	return int(n)
}

// scanInterval is how often the line is looked through: often enough for a
// steady flow, seldom enough if many at its head are absent.
const scanInterval = 100 * time.Millisecond

// advance brings the line up to now.
func (l *Line) advance(now time.Time, lim Limits, inside int) {
	burst := max(float64(lim.PerSecond), 1)
	if l.filled.IsZero() {
		l.credit = burst
	} else if passed := now.Sub(l.filled); passed > 0 {
		l.credit += passed.Seconds() * float64(lim.PerSecond)
	}
	l.credit = min(l.credit, burst)
	if now.After(l.filled) {
		l.filled = now
	}
	if now.Sub(l.swept) >= time.Second {
		l.swept = now
		l.sweep(now, lim)
	}
	if len(l.waiting) > 0 && now.Sub(l.scanned) >= scanInterval {
		l.scanned = now
		l.admitWaiting(now, min(int(l.credit), l.room(now, lim, inside)))
	}
}

// admitWaiting lets in the first n of those who are present.
func (l *Line) admitWaiting(now time.Time, n int) {
	present := now.Add(-Patience).UnixNano()
	var absent []*place
	i := 0
	for ; i < len(l.waiting) && n > 0; i++ {
		p := l.waiting[i]
		if p.due < present {
			absent = append(absent, p)
			continue
		}
		n--
		p.in = now.UnixNano()
		l.inside = append(l.inside, p)
		l.admit(now, p.number)
	}
	i -= len(absent)
	copy(l.waiting[i:], absent)
	l.waiting = l.waiting[i:]
}

// admit counts one who is let in.
func (l *Line) admit(now time.Time, number int64) {
	l.credit--
	if n := len(l.recent); n > 0 && l.recent[n-1].second >= now.Unix() {
		l.recent[n-1].n++
	} else {
		l.recent = append(l.recent, tally{now.Unix(), 1})
	}
	if l.Admitted != nil {
		l.Admitted(max(time.Duration(now.UnixNano()-number), 0))
	}
}

// sweep forgets whatever is of no use any more.
func (l *Line) sweep(now time.Time, lim Limits) {
	gone := now.Add(-Absence).UnixNano()
	before := len(l.waiting)
	l.waiting = slices.DeleteFunc(l.waiting, func(p *place) bool {
		if p.due >= gone {
			return false
		}
		delete(l.places, p.number)
		return true
	})
	if n := before - len(l.waiting); n > 0 && l.Lapsed != nil {
		l.Lapsed(n)
	}
	old := now.Add(-lim.Keep).UnixNano()
	l.inside = dropWhile(l.inside, func(p *place) bool {
		if p.in > old {
			return false
		}
		delete(l.places, p.number)
		return true
	})
	since := now.Add(-max(lim.Arrival, paceWindow)).Unix()
	l.recent = dropWhile(l.recent, func(c tally) bool { return c.second <= since })
	if len(l.places) == 0 {
		l.places, l.waiting, l.inside = nil, nil, nil // a map does not shrink by itself
	}
}

// dropWhile removes the first elements for which gone is true.
func dropWhile[T any](list []T, gone func(T) bool) []T {
	i := 0
	for i < len(list) && gone(list[i]) {
		clear(list[i : i+1])
		i++
	}
	return list[i:]
}
