package localprocess

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lines returns what an output logs, without what every line has.
func lines(secret string, fn func(o *output)) []string {
	var b strings.Builder
	attrs := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}
	o := newOutput(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: attrs})), secret)
	fn(o)
	o.flush()
	return strings.Split(strings.TrimSpace(b.String()), "\n")
}

func TestOutputIsCutIntoLines(t *testing.T) {
	got := lines("hush", func(o *output) {
		for _, part := range []string{"o", "ne\ntw", "o\r\n\n", "hush here", "\nrest"} {
			n, err := o.Write([]byte(part))
			if n != len(part) || err != nil {
				t.Errorf("Write() = %d, %v, want %d, nil", n, err, len(part))
			}
		}
	})
	if want := "[line=one line=two line=\"*** here\" line=rest]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestLongLinesAreCutWithoutTheBeginningOfASecret(t *testing.T) {
	token := strings.Repeat("t", 200)
	for _, row := range []struct{ name, line, want string }{
		{"words", strings.Repeat("word ", 2000), "…"},
		{"token at the cut", strings.Repeat(" ", maxLine-100) + token, "***…"},
		{"no spaces", strings.Repeat("x", 2*maxLine), "***…"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := lines(token, func(o *output) { _, _ = o.Write([]byte(row.line + "\n")) })
			text := strings.Trim(got[0], `"`)
			if len(text) > maxLine+20 || !strings.HasSuffix(text, row.want) || strings.Contains(text, "ttt") {
				t.Errorf("logged %d bytes that end in %q, want %q", len(text), text[max(0, len(text)-20):], row.want)
			}
		})
	}
}

func TestTooManyLinesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := lines("", func(o *output) {
			for range linesPerSecond + 30 {
				_, _ = o.Write([]byte("x\n"))
			}
			time.Sleep(time.Second)
			_, _ = o.Write([]byte("later\n"))
		})
		if n := len(got); n != linesPerSecond+2 {
			t.Fatalf("%d lines are logged, want %d", n, linesPerSecond+2)
		}
		if tail := fmt.Sprint(got[linesPerSecond:]); tail != "[linesDropped=30 line=later]" {
			t.Errorf("the last lines are %s", tail)
		}
	})
}
