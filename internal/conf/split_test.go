package conf_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/conf"
)

func sectionOf(t *testing.T, text string) conf.Section {
	t.Helper()
	s, err := load(t, "core: "+text).Section("core")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSplitTakesOneKeyOut(t *testing.T) {
	s := sectionOf(t, "{driver: A, size: 3}")
	driver, rest := s.Split("driver")
	var name string
	var got, again struct{ Size int }
	if err := errors.Join(driver.Decode(&name), rest.Decode(&got)); err != nil || name != "A" || got.Size != 3 {
		t.Errorf("decoded %q and %+v, %v", name, got, err)
	}
	if driver.Path() != "core.driver" || rest.Path() != "core" {
		t.Errorf("paths are %s and %s", driver.Path(), rest.Path())
	}
	checkError(t, s.Decode(&again), "a.yml:1:8: core.driver: unknown key")
}

func TestSplitOfAKeyThatIsNotThere(t *testing.T) {
	for name, s := range map[string]conf.Section{
		"absent": sectionOf(t, "{size: 3}"), "null": sectionOf(t, "{driver: null, size: 3}"),
		"no map": sectionOf(t, "3"), "no section": {},
	} {
		driver, rest := s.Split("driver")
		if driver.Exists() {
			t.Errorf("%s: the key exists", name)
		}
		var got struct{ Size int }
		if err := rest.Decode(&got); err != nil && name != "no map" {
			t.Errorf("%s: Decode() = %v", name, err)
		}
	}
}

func TestDifferencesNamesKeys(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		want       []string
	}{
		{"none", "{a: 1, b: {c: [x]}}", "{b: {c: [x]}, a: 1}", nil},
		{"a value and a key", "{a: 1, b: 2}", "{a: 2, b: 2, c: 3}", []string{"a", "c"}},
		{"below", "{b: {c: [x]}}", "{b: {c: [y]}}", []string{"b"}},
		{"null is nothing", "{a: null, b: 1}", "{b: 1}", nil},
		{"null and a value", "{a: null}", "{a: 1}", []string{"a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := sectionOf(t, c.a), sectionOf(t, c.b)
			for _, got := range [][]string{a.Differences(b), b.Differences(a)} {
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
	if got := (conf.Section{}).Differences(sectionOf(t, "{a: 1}")); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("to an absent section: %q", got)
	}
}

func TestRedactHidesWhatSomebodyElseDecoded(t *testing.T) {
	set := conf.NewSet(load(t, "core: {password: hunter2-and-more}"))
	section, err := conf.Bind(set, conf.Binding[conf.Section]{Path: "core"})
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Password conf.Secret }
	if err := section.Load().Decode(&c); err != nil {
		t.Fatal(err)
	}
	leak := errors.New("dial robin:hunter2-and-more@host")
	if err := set.Redact(leak); err != leak {
		t.Errorf("Redact() = %v before it knows", err)
	}
	set.Hide(&c)
	if err := set.Redact(leak); strings.Contains(err.Error(), "hunter2") || !errors.Is(err, leak) {
		t.Errorf("Redact() = %v", err)
	}
}
