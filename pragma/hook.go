package pragma

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// RunHook calls one plugin hook with the deadline of the server
// (pluginTimeoutMillis). A hook that overruns or panics is an internal error; if
// ctx ends first, the error is the cause of that. The result of a hook that was
// left behind is thrown away, even if it arrives later, so a hook may only
// change the working copy it was given. Services call RunHook around every hook.
func RunHook(ctx context.Context, m *Mount, hook string, fn func(ctx context.Context) error) error {
	limit := m.HookTimeout()
	late := ErrInternal.Wrap(&lateHook{hook, limit})
	start := time.Now()
	err := guard(ctx, m.log, hook, limit, late, fn)
	m.side.core.metrics.observeHook(hook, err, time.Since(start))
	return err
}

// lateHook is why the context of a hook ends. It is made for every call, but read
// for few.
type lateHook struct {
	hook  string
	limit time.Duration
}

func (e *lateHook) Error() string { return fmt.Sprintf("hook %s took longer than %v", e.hook, e.limit) }

// CheckHooks returns an error for every method of plugin that is no hook of
// interface type I but looks like one that was misspelt: such a method would
// silently never be called. Services call it when they mount; tests may too.
func CheckHooks[I any](plugin I) error {
	hooks := reflect.TypeFor[I]()
	t := reflect.TypeOf(plugin)
	if t == nil || hooks.Kind() != reflect.Interface {
		return nil
	}
	var found []string
	for i := range t.NumMethod() {
		name := t.Method(i).Name
		if _, ok := hooks.MethodByName(name); ok {
			continue
		}
		for j := range hooks.NumMethod() {
			if hook := hooks.Method(j).Name; misspelt(name, hook) {
				found = append(found, fmt.Sprintf("method %s of %v looks like a misspelt hook: want %s", name, t, hook))
				break
			}
		}
	}
	if found == nil {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(found, "; "))
}

// misspelt reports whether a method name is so close to a hook's that it was
// probably meant to be it: the same letters in another case, the same name
// with another prefix, or at most two letters off.
func misspelt(name, hook string) bool {
	a, b := strings.ToLower(name), strings.ToLower(hook)
	if a == b || trimHook(a) == trimHook(b) {
		return true
	}
	return len(b) > 6 && editDistance(a, b) <= 2
}

func trimHook(s string) string {
	for _, prefix := range []string{"handle", "on"} {
		s = strings.TrimPrefix(s, prefix)
	}
	for _, suffix := range []string{"request", "event"} {
		s = strings.TrimSuffix(s, suffix)
	}
	return s
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
