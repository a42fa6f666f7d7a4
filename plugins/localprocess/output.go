package localprocess

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// maxLine is where a longer line is cut, in bytes.
	maxLine = 4 << 10
	// linesPerSecond is how many lines of a process are logged.
	linesPerSecond = 50
)

// output logs what a process prints. It has a bound for everything: lines are
// cut, and those beyond the rate are counted instead.
type output struct {
	log     *slog.Logger
	secrets *strings.Replacer

	mu      sync.Mutex
	line    []byte // not finished
	cut     bool   // its rest is dropped
	second  time.Time
	logged  int // in this second
	dropped int
}

func newOutput(log *slog.Logger, secrets ...string) *output {
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, "***")
		}
	}
	return &output{log: log, secrets: strings.NewReplacer(pairs...)}
}

// Write implements [io.Writer]. It never fails: a process must not stop because
// its output is not wanted.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		o.add(part)
		if ended {
			o.end()
		}
		rest = after
	}
	return len(p), nil
}

// flush logs what is left when the process has ended.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.end()
	}
	o.report()
}

func (o *output) add(part []byte) {
	if room := maxLine - len(o.line); len(part) > room {
		part, o.cut = part[:room], true
	}
	o.line = append(o.line, part...)
}

// end logs the line that is finished.
func (o *output) end() {
	line := strings.TrimRight(string(o.line), "\r")
	cut := o.cut
	o.line, o.cut = o.line[:0], false
	if line == "" {
		return
	}
	if now := time.Now(); now.Sub(o.second) >= time.Second {
		o.report()
		o.second, o.logged = now, 0
	}
	if o.logged++; o.logged > linesPerSecond {
		o.dropped++
		return
	}
	line = o.secrets.Replace(line)
	if cut {
		line = o.hide(line) + "…"
	}
	o.log.Info("game server output", "line", line)
}

// hide removes the beginning of a secret from the end of a line that was cut.
func (o *output) hide(line string) string {
	// A token may have been cut in the middle; nothing else is that long without
	// a space.
	if i := strings.LastIndexAny(line, " \t\"'=:,"); len(line)-i > 32 {
		return line[:i+1] + "***"
	}
	return line
}

func (o *output) report() {
	if o.dropped > 0 {
		o.log.Warn("game server prints too much", "linesDropped", o.dropped)
		o.dropped = 0
	}
}
