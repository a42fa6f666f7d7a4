package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// dialers is how many log-ins or sockets are opened at the same time.
const dialers = 32

// each calls fn for 0 to n-1, at most limit of them at the same time, and returns
// the results in order. After an error it begins no others.
func each[T any](limit, n int, fn func(i int) (T, error)) ([]T, error) {
	results, errs := make([]T, n), make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(limit, n) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if results[i], errs[i] = fn(i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return results, first(errs)
}

// first returns the first error: the others are usually the same.
func first(errs []error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return nil
	}
	return errs[i]
}

func sum(values []int) (total int) {
	for _, v := range values {
		total += v
	}
	return total
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(float64(n)) + " " + what
}

// rate is how often something happened in a time.
type rate struct {
	n    int
	time time.Duration
}

func (r *rate) add(other rate) {
	r.n += other.n
	r.time += other.time
}

func (r rate) perSecond() float64 {
	if r.time <= 0 {
		return 0
	}
	return float64(r.n) / r.time.Seconds()
}

// String returns the whole number per second, such as "12,345".
func (r rate) String() string { return thousands(r.perSecond()) }

// thousands returns the whole number with commas.
func thousands(v float64) string {
	digits := strconv.FormatInt(int64(v+0.5), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// ratio returns a share in percent.
func ratio(part, whole float64) string {
	if whole <= 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.0f %%", 100*part/whole)
}

// percentile returns the smallest of the values that p percent of them do not
// exceed. It sorts them.
func percentile(values []time.Duration, p int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[max(0, (len(values)*p+99)/100-1)]
}

// millis prints a duration as people compare them.
func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// machine prints where the figures come from: they mean nothing without.
func machine(w io.Writer) {
	load := "unknown"
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(text))[:3], " ")
	}
	fmt.Fprintf(w, "machine: %d CPUs, load average %s, %s %s/%s\n", runtime.NumCPU(), load, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// inTempDir calls fn with a directory that is gone afterwards.
func inTempDir(fn func(dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "pragma-bench")
	if err != nil {
		return fmt.Errorf("make a place for databases: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return fn(dir)
}
