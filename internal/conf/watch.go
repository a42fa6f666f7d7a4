package conf

import (
	"context"
	"maps"
	"time"
)

// DefaultInterval is the time between two looks at the files (spec engine §9.2).
const DefaultInterval = 5 * time.Second

// Watch looks at the files every interval (zero means DefaultInterval) and calls
// fn after a change with what Load returned: a tree, or Findings. Files named by
// file: values count too; the environment does not. It starts from the state
// that tree was loaded from (the zero Tree: nothing) and returns when ctx ends. The caller runs it in a
// goroutine of its own and waits for it; calls of fn never overlap.
//
// A change is taken when two looks a tenth of an interval apart agree, so that
// a file is not read while it is being written. A wrong file is reported once,
// and again only after it changed.
func (l *Loader) Watch(ctx context.Context, tree *Tree, interval time.Duration, fn func(*Tree, error)) {
	if interval <= 0 {
		interval = DefaultInterval
	}
	loaded, seen := tree.inputs, tree.inputs
	wait := time.NewTimer(interval)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		now := l.look(loaded)
		next := interval
		switch {
		case maps.Equal(now, loaded):
		case !maps.Equal(now, seen):
			next = interval / 10
		default:
			var t *Tree
			var err error
			t, now, err = l.load()
			loaded = now
			fn(t, err)
		}
		seen = now
		wait.Reset(next)
	}
}

// look reads the configuration files and what else was read last time.
func (l *Loader) look(files inputs) inputs {
	now := make(inputs, len(files))
	for _, name := range l.Files {
		now[name] = digest(l.read(name))
	}
	for name := range files {
		if _, ok := now[name]; !ok {
			now[name] = digest(l.read(name))
		}
	}
	return now
}
