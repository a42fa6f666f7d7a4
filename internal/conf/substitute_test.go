package conf_test

import (
	"testing"

	"github.com/openpragma/engine/internal/conf"
)

func TestSubstitutionFollowsItsSyntax(t *testing.T) {
	values := map[string]string{"A": "a", "B_2": "b", "_": "u", "AGAIN": "${A} file:x"}
	for _, tt := range []struct{ name, text, want string }{
		{"whole", "${A}", "a"},
		{"embedded", "<${A}|${B_2}>", "<a|b>"},
		{"underscore", "${_}", "u"},
		{"adjacent", "${A}${A}", "aa"},
		{"escaped", "$${A}", "${A}"},
		{"escaped and not", "$${A}${A}", "${A}a"},
		{"two dollars elsewhere", "$$ $A {A}", "$$ $A {A}"},
		{"result is not expanded again", "${AGAIN}", "${A} file:x"},
		{"file only at the start", "see file:x", "see file:x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := loadWith(values, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := decode(t, tree, "core", struct{ V string }{}).V; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSubstitutionRefusesWrongSyntax(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"empty name", "${}"},
		{"not closed", "x ${A"},
		{"leading digit", "${2A}"},
		{"space", "${A }"},
		{"default value", "${A:-x}"},
		{"letter outside ASCII", "${Ä}"},
		{"nested", "${${A}}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := mistakes(loadWith(map[string]string{"A": "a"}, tt.text))
			checkError(t, err, "a.yml:1:8: core.v: want a variable such as ${NAME}; write $${ for a plain ${")
		})
	}
}

func TestKeysAreNotSubstituted(t *testing.T) {
	got := decode(t, load(t, "core: {'${A}': 1}"), "core", map[string]int{})
	if got["${A}"] != 1 {
		t.Errorf("got %v, want the key as written", got)
	}
}

func TestASubstitutedValueThatATypeRefusesIsHidden(t *testing.T) {
	tree, err := loadWith(map[string]string{"A": "hunter2"}, "${A}")
	if err != nil {
		t.Fatal(err)
	}
	s, err := tree.Section("core")
	if err != nil {
		t.Fatal(err)
	}
	checkError(t, s.Decode(&struct{ V mode }{}), "a.yml:1:8: core.v: the substituted value is not valid")
}

func loadWith(values map[string]string, text string) (*conf.Tree, error) {
	l := conf.Memory(conf.Source{Name: "a.yml", Text: "core: {v: '" + text + "'}"})
	l.LookupEnv = func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
	return l.Load()
}
