package conf_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/conf"
)

type sizes struct{ A, B int }

func (s sizes) Validate() error {
	if s.A > 100 {
		return conf.Fieldf("a", "must be at most 100")
	}
	return nil
}

const onePath, twoPath = "game.serviceConfigs.One", "game.serviceConfigs.Two"

func services(one, two string) string {
	return fmt.Sprintf("game:\n  serviceConfigs:\n    One: %s\n    Two: %s\n", one, two)
}

func TestBindYieldsTheDefaultAndRemembersFindings(t *testing.T) {
	set := conf.NewSet(load(t, services("{a: x}", "{b: 3}")+"    Tree: {}\n"))
	one, err := conf.Bind(set, conf.Binding[sizes]{Path: onePath, Default: sizes{A: 7}})
	checkError(t, err, `a.yml:3:11: game.serviceConfigs.One.a: want an integer, got "x"`)
	two, err := conf.Bind(set, conf.Binding[sizes]{Path: twoPath, Default: sizes{A: 7}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := one.Load(), (sizes{7, 0}); got != want {
		t.Errorf("one = %v, want %v", got, want)
	}
	if got, want := two.Load(), (sizes{7, 3}); got != want {
		t.Errorf("two = %v, want %v", got, want)
	}
	_, err = conf.Bind(set, conf.Binding[sizes]{Path: twoPath})
	checkError(t, err, "game.serviceConfigs.Two: two owners: game.serviceConfigs.Two is claimed already")
	for range 2 { // checking changes nothing
		checkError(t, set.Check(), `a.yml:3:11: game.serviceConfigs.One.a: want an integer, got "x"
a.yml:5:5: game.serviceConfigs.Tree: unknown section
game.serviceConfigs.Two: two owners: game.serviceConfigs.Two is claimed already`)
	}
}

func TestSetsShareATree(t *testing.T) {
	tree := load(t, services("{a: 1}", "{}"))
	for range 2 {
		set := conf.NewSet(tree)
		if _, err := conf.Bind(set, conf.Binding[sizes]{Path: onePath}); err != nil {
			t.Error(err)
		}
	}
}

// fixture binds One and Two and records what subscribers are told.
type fixture struct {
	set      *conf.Set
	one, two *conf.Live[sizes]
	calls    []string
}

func newFixture(t *testing.T, needsRestart func(running, next sizes) []string) *fixture {
	t.Helper()
	f := &fixture{set: conf.NewSet(load(t, services("{a: 1}", "{a: 2}")))}
	f.one, _ = conf.Bind(f.set, conf.Binding[sizes]{Path: onePath, NeedsRestart: needsRestart})
	f.two, _ = conf.Bind(f.set, conf.Binding[sizes]{Path: twoPath})
	if err := f.set.Check(); err != nil {
		t.Fatal(err)
	}
	f.two.OnChange(func(before, after sizes) { f.record("two", before, after) })
	f.one.OnChange(func(before, after sizes) { f.record("one first", before, after) })
	f.one.OnChange(func(before, after sizes) { f.record("one second", before, after) })
	return f
}

func (f *fixture) record(who string, before, after sizes) {
	f.calls = append(f.calls, fmt.Sprintf("%s %v→%v, now %v %v", who, before, after, f.one.Load(), f.two.Load()))
}

func (f *fixture) checkCalls(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	f.calls = nil
}

func TestApplyReplacesAllValuesAndThenTellsSubscribersInOrder(t *testing.T) {
	f := newFixture(t, nil)
	pending, err := f.set.Apply(load(t, services("{a: 5}", "{a: 6}")))
	if err != nil || pending != nil {
		t.Fatalf("Apply() = %v, %v", pending, err)
	}
	f.checkCalls(t,
		"one first {1 0}→{5 0}, now {5 0} {6 0}",
		"one second {1 0}→{5 0}, now {5 0} {6 0}",
		"two {2 0}→{6 0}, now {5 0} {6 0}",
	)
}

func TestApplyTellsNobodyIfNothingChanged(t *testing.T) {
	f := newFixture(t, nil)
	for _, text := range []string{
		"# moved\n\n" + services("{a: 1}", "{a: 2}"),
		services("{b: 0, a: 1}", "{a: 2}"), // a default written out
	} {
		if _, err := f.set.Apply(load(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	f.checkCalls(t)
}

func TestApplyBringsDefaultsBackWhenAKeyGoes(t *testing.T) {
	f := newFixture(t, nil)
	if _, err := f.set.Apply(load(t, services("{}", "{a: 2}"))); err != nil {
		t.Fatal(err)
	}
	if got, want := f.one.Load(), (sizes{}); got != want {
		t.Errorf("one = %v, want %v", got, want)
	}
}

func TestApplyOfAWrongTreeChangesNothing(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"kind", services("{a: 5}", "{a: x}"), `a.yml:4:11: game.serviceConfigs.Two.a: want an integer, got "x"`},
		{"validation", services("{a: 5}", "{a: 101}"), "a.yml:4:11: game.serviceConfigs.Two.a: must be at most 100"},
		{"unknown section", services("{a: 5}", "{a: 2}") + "    Six: {}\n", "a.yml:5:5: game.serviceConfigs.Six: unknown section"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, nil)
			_, err := f.set.Apply(load(t, tt.text))
			checkError(t, err, tt.want)
			f.checkCalls(t)
			if got, want := f.one.Load(), (sizes{1, 0}); got != want {
				t.Errorf("one = %v, want %v", got, want)
			}
			if _, err := f.set.Apply(load(t, services("{a: 9}", "{a: 2}"))); err != nil {
				t.Errorf("a good tree after a wrong one: %v", err)
			}
			f.checkCalls(t, "one first {1 0}→{9 0}, now {9 0} {2 0}", "one second {1 0}→{9 0}, now {9 0} {2 0}")
		})
	}
}

func TestASectionThatNeedsARestartKeepsItsWholeValue(t *testing.T) {
	f := newFixture(t, func(running, next sizes) []string {
		if running.B != next.B {
			return []string{"b"}
		}
		return nil
	})
	const message = ": game.serviceConfigs.One.b: the change takes effect at the next start; until then the section keeps its values"
	for range 2 { // a later tree is compared with the running value again
		pending, err := f.set.Apply(load(t, services("{a: 5, b: 1}", "{a: 6}")))
		if err != nil {
			t.Fatal(err)
		}
		checkError(t, pending, "a.yml:3:17"+message)
	}
	f.checkCalls(t, "two {2 0}→{6 0}, now {1 0} {6 0}")

	pending, err := f.set.Apply(load(t, services("{a: 5}", "{a: 6}")))
	if err != nil || pending != nil {
		t.Errorf("after taking b back: %v, %v", pending, err)
	}
	f.checkCalls(t, "one first {1 0}→{5 0}, now {5 0} {6 0}", "one second {1 0}→{5 0}, now {5 0} {6 0}")
}

func TestLiveNeedsNoFiles(t *testing.T) {
	if got, want := conf.NewLive(sizes{1, 2}).Load(), (sizes{1, 2}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	var zero conf.Live[sizes]
	if got, want := zero.Load(), (sizes{}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
