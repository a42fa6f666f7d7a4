package pragmatest

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// Logs is a place for log lines that several goroutines may write to.
type Logs struct {
	mu   sync.Mutex
	text strings.Builder
}

// CaptureLogs collects what is logged with the default logger until the test has
// ended. The test must not run in parallel with others.
func CaptureLogs(t testing.TB) *Logs {
	logs, before := &Logs{}, slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(logs, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return logs
}

// Write implements [io.Writer].
func (l *Logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything that was written so far.
func (l *Logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
