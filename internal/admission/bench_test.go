package admission_test

import (
	"testing"
	"time"

	"github.com/openpragma/engine/internal/admission"
)

// crowd returns a line in which n wait.
func crowd(n int) (*world, []int64) {
	w := newWorld()
	w.limits.PerSecond, w.limits.Inside = 50, 1<<30
	return w, w.fill(n)
}

// BenchmarkAsk is one question in a line of 100,000: each asks when told to, at
// 50 let in a second.
func BenchmarkAsk(b *testing.B) {
	w, numbers := crowd(100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.pass(300 * time.Microsecond) // 100,000 every 30 s
		w.ask(numbers[i%len(numbers)])
		i++
	}
}

// BenchmarkAskPastTheAbsent is the same with a line whose first 90,000 are gone.
func BenchmarkAskPastTheAbsent(b *testing.B) {
	w, numbers := crowd(100_000)
	w.pass(30*time.Second + admission.Patience + time.Second)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.pass(300 * time.Microsecond)
		w.ask(numbers[90_000+i%(len(numbers)-90_000)])
		i++
	}
}

// BenchmarkPutTogether puts a lost line of 100,000 together, in the worst order.
func BenchmarkPutTogether(b *testing.B) {
	_, numbers := crowd(100_000)
	b.ReportAllocs()
	for b.Loop() {
		w := newWorld()
		w.line.Hold(w.now.Add(time.Hour))
		for i := range numbers {
			w.ask(numbers[len(numbers)-1-i])
		}
	}
}
