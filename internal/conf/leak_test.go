package conf_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/conf"
)

// talkative repeats what it is given in the errors of its validator.
type talkative struct {
	URL    string      `yaml:"url"`
	Key    conf.Secret `yaml:"key"`
	Keys   []conf.Secret
	Cut    int // how much of URL the error shows; 0: all
	Quoted bool
}

func (t *talkative) Validate() error {
	text := t.URL
	if t.Cut > 0 && t.Cut < len(text) {
		text = text[:t.Cut]
	}
	if t.Quoted {
		text = fmt.Sprintf("%q", text)
	}
	return errors.Join(
		fmt.Errorf("cannot parse %s", text),
		fmt.Errorf("key %s is too weak, and so are %v", t.Key.Reveal(), reveal(t.Keys)),
	)
}

func reveal(keys []conf.Secret) (texts []string) {
	for _, k := range keys {
		texts = append(texts, k.Reveal())
	}
	return texts
}

func TestNoPartOfASecretShowsInTheErrorsOfAValidator(t *testing.T) {
	env := map[string]string{
		"USER": "robin", "PASS": "p4ss w0rd\n\"quoted\"", "SHORT": "hunter", "LONG": "hunter2-and-more",
		"KEY": strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw", 20),
	}
	for _, tt := range []struct{ name, yaml, leak string }{
		{"a part of a longer text", `{url: "https://${USER}:${PASS}@host"}`, "p4ss"},
		{"a part, quoted", `{url: "https://${USER}:${PASS}@host", quoted: true}`, "p4ss"},
		{"a part of a text that is cut", `{url: "https://${LONG}@host", cut: 18}`, "hunter2-an"},
		{"one that starts with another", `{url: "${LONG}", key: "${SHORT}"}`, "2-and"},
		{"one that starts with another, the other way round", `{url: "${SHORT}", key: "${LONG}"}`, "2-and"},
		{"the beginning of a key", `{url: "${KEY}", cut: 64}`, "MIIEvQIBADA"},
		{"a key in plain text", `{key: correct-horse-battery}`, "correct"},
		{"keys in plain text", `{keys: [correct-horse, battery-staple]}`, "staple"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := conf.Memory(conf.Source{Name: "a.yml", Text: "core: " + tt.yaml})
			l.LookupEnv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
			tree, err := l.Load()
			if err != nil {
				t.Fatal(err)
			}
			set := conf.NewSet(tree)
			_, err = conf.Bind(set, conf.Binding[talkative]{Path: "core"})
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), tt.leak) {
				t.Errorf("a secret shows: %v", err)
			}
			if text := set.Check().Error(); strings.Contains(text, tt.leak) {
				t.Errorf("a secret shows in the check: %v", text)
			}
		})
	}
}

func TestLongTextsAreNotRepeated(t *testing.T) {
	key := "-----BEGIN PRIVATE KEY----- MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw"
	_, err := conf.Bind(conf.NewSet(load(t, "core: "+fmt.Sprintf("%q", key))), conf.Binding[talkative]{Path: "core"})
	if err == nil || strings.Contains(err.Error(), "MIIE") {
		t.Errorf("got %v, want an error that does not repeat the text", err)
	}
}

func TestSetRedactsErrorsOfOthers(t *testing.T) {
	l := conf.Memory(conf.Source{Name: "a.yml", Text: "core: {url: 'https://${PASS}@host', key: correct-horse}"})
	l.LookupEnv = func(string) (string, bool) { return "hunter2-and-more", true }
	tree, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	set := conf.NewSet(tree)
	type quiet struct {
		URL string `yaml:"url"`
		Key conf.Secret
	}
	if _, err := conf.Bind(set, conf.Binding[quiet]{Path: "core"}); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("dial https://hunter2-and-more@host with correct-horse: refused")
	got := set.Redact(fmt.Errorf("mount: %w", cause))
	if want := "mount: dial *** with ***: refused"; got.Error() != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(got, cause) {
		t.Error("the cause is lost")
	}
	if plain := errors.New("plain"); set.Redact(plain) != plain {
		t.Error("an error without secrets was changed")
	}
	if set.Redact(nil) != nil {
		t.Error("Redact(nil) is an error")
	}
}

// plain names its keys only in words, as a studio's validator does.
type plain struct {
	MaxMembers int
	Limits     map[string]int
	Nested     struct{ Size int }
	List       []plainItem
}

type plainItem struct{ Name string }

func (p *plain) Validate() error {
	return errors.Join(
		errors.New("maxMembers must be above 0"),
		fmt.Errorf("nested.size: %d is too small", p.Nested.Size),
		errors.New("limits.a is not allowed"),
		errors.New("oldName: is older"),
		conf.Fieldf("list[1].name", "is taken"),
		errors.New("list[0]: is odd"),
		errors.New("nothing fits"),
		errors.New("absent.key is not there"),
	)
}

func TestErrorsOfAValidatorPointAtTheKeyTheyStartWith(t *testing.T) {
	tree := load(t, `
core:
  maxMembers: 0
  limits:
    a: 1
  nested:
    size: 2
  list:
    - name: x
    - name: x
`)
	var p plain
	section, err := tree.Section("core")
	if err != nil {
		t.Fatal(err)
	}
	got := section.Decode(&p)
	want := `a.yml:2:1: core: oldName: is older
a.yml:2:1: core: nothing fits
a.yml:2:1: core: absent.key is not there
a.yml:3:3: core.maxMembers: maxMembers must be above 0
a.yml:5:5: core.limits.a: limits.a is not allowed
a.yml:7:5: core.nested.size: nested.size: 2 is too small
a.yml:9:7: core.list[0]: list[0]: is odd
a.yml:10:7: core.list[1].name: is taken`
	if got == nil || !sameLines(got.Error(), want) {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
}

func sameLines(a, b string) bool {
	lines := make(map[string]int)
	for line := range strings.SplitSeq(a, "\n") {
		lines[line]++
	}
	for line := range strings.SplitSeq(b, "\n") {
		lines[line]--
	}
	for _, n := range lines {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestMistakesAboveTheSectionsDoNotHideThoseInside(t *testing.T) {
	l := conf.Memory(conf.Source{Name: "a.yml", Text: `
cor: {a: 1}
core: {maxMember: 1, nested: {size: "${GONE}"}, list: [{name: "file:gone.txt"}]}
game: {serviceConfig: {}, serviceConfigs: {Guild: {}}}
`})
	l.LookupEnv = func(string) (string, bool) { return "", false }
	tree, err := l.Load()
	if err != nil {
		t.Fatalf("Load = %v, want what can be read", err)
	}
	set := conf.NewSet(tree)
	type quiet struct {
		MaxMembers int
		Nested     struct{ Size int }
		List       []plainItem
	}
	core, _ := conf.Bind(set, conf.Binding[quiet]{Path: "core", Default: quiet{MaxMembers: 3}})
	err = set.Check()
	for _, want := range []string{
		"a.yml:2:1: cor: unknown key (did you mean core?)",
		"a.yml:3:8: core.maxMember: unknown key",
		"core.nested.size: environment variable GONE is not set",
		"core.list[0].name: the file cannot be read",
		"a.yml:4:8: game.serviceConfig: unknown key (did you mean serviceConfigs?)",
		"game.serviceConfigs.Guild: unknown section",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the check does not say %q:\n%v", want, err)
		}
	}
	if err != nil && (strings.Count(err.Error(), "core.nested.size") != 1 || strings.Count(err.Error(), "cor:") != 1) {
		t.Errorf("a mistake is reported twice:\n%v", err)
	}
	if got := core.Load().MaxMembers; got != 3 {
		t.Errorf("a section with mistakes: maxMembers = %d, want its default", got)
	}
	if _, err := set.Apply(tree); err == nil {
		t.Error("a tree with mistakes was taken over")
	}
}
