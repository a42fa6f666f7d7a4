package conf_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/conf"
)

func TestLoadReadsFilesAndEnvironmentByDefault(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "key.txt"), "from file\r\n")
	write(t, filepath.Join(dir, "a.yml"), "core: {key: 'file:key.txt', name: '${CONF_TEST_NAME}'}")
	t.Setenv("CONF_TEST_NAME", "from env")

	l := &conf.Loader{Files: []string{filepath.Join(dir, "a.yml")}}
	tree, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, tree, "core", struct{ Key, Name string }{})
	if want := (struct{ Key, Name string }{"from file", "from env"}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoadReadsAbsoluteFileValues(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	write(t, name, "k\n\n")
	tree := load(t, "core: {key: 'file:"+name+"'}")
	got := decode(t, tree, "core", struct{ Key string }{})
	if want := "k\n"; got.Key != want {
		t.Errorf("got %q, want %q", got.Key, want)
	}
}

func TestLoadReportsFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	l := &conf.Loader{Files: []string{filepath.Join(dir, "b.yml"), dir}}
	_, err := l.Load()
	want := dir + ": cannot be read: is a directory\n" +
		filepath.Join(dir, "b.yml") + ": cannot be read: no such file or directory"
	checkError(t, err, want)
}

func TestLoadTakesAFileSystem(t *testing.T) {
	files := fstest.MapFS{
		"conf/a.yml": {Data: []byte("core: {key: file:x}")},
		"conf/x":     {Data: []byte("y")},
	}
	l := &conf.Loader{Files: []string{"conf/a.yml"}, ReadFile: files.ReadFile}
	tree, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, tree, "core", struct{ Key string }{}); got.Key != "y" {
		t.Errorf("got %q, want y", got.Key)
	}
}

func TestMemoryMergesSourcesInOrder(t *testing.T) {
	tree, err := conf.Memory(
		conf.Source{Name: "a.yml", Text: "core: {x: 1, y: 1}"},
		conf.Source{Name: "b.yml", Text: "core: {y: 2}"},
	).Load()
	if err != nil {
		t.Fatal(err)
	}
	type core struct{ X, Y int }
	if got, want := decode(t, tree, "core", core{}), (core{1, 2}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// mistakes returns what Load has found, of whatever weight.
func mistakes(tree *conf.Tree, err error) error {
	if err != nil {
		return err
	}
	return tree.Mistakes()
}

func TestLoadRefusesWhatIsTooLarge(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	write(t, key, strings.Repeat("x", 1<<20+1))
	deep := strings.Repeat("{a: ", 40) + "1" + strings.Repeat("}", 40)
	long := func(string) (string, bool) { return strings.Repeat("s", 1<<19), true }
	for _, tt := range []struct {
		name, text, want string
	}{
		{"file", "# " + strings.Repeat("x", 1<<20), "a.yml: cannot be read: larger than 1 MiB"},
		{"depth", "core: " + deep, "a.yml:1:128: core" + strings.Repeat(".a", 31) + ": nested too deeply; 32 levels are allowed"},
		{"key", "core: 1\n" + strings.Repeat("k", 1000) + ": 1", `a.yml:2:1: "` + strings.Repeat("k", 64) + `…": unknown key; known are core, game, social`},
		{"file value", "core: {a: 'file:" + key + "'}", "a.yml:1:8: core.a: the file cannot be read: larger than 1 MiB"},
		{"substitution", "core: {a: '${A}${A}${A}'}", "a.yml:1:8: core.a: longer than 1 MiB after substitution"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := conf.Memory(conf.Source{Name: "a.yml", Text: tt.text})
			l.LookupEnv = long
			checkError(t, mistakes(l.Load()), tt.want)
		})
	}
}

func TestLoadRefusesWhatIsNoText(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string
	}{
		{"invalid UTF-8", "core:\n  a: é\xff", "a.yml:2:7: not a text in UTF-8, or a control character"},
		{"NUL", "core: \x00", "a.yml:1:7: not a text in UTF-8, or a control character"},
		{"UTF-16", "\xff\xfec\x00", "a.yml:1:1: not a text in UTF-8, or a control character"},
		{"escape", "\n\n\x1b", "a.yml:3:1: not a text in UTF-8, or a control character"},
		{"syntax in second document", "core: {}\n---\n[", "a.yml:4:1: not YAML: while parsing a flow node: did not find expected node content"},
		{"unknown version", "%YAML 7.0\n---\n", "a.yml:1:1: not YAML: found incompatible YAML document"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := conf.Memory(conf.Source{Name: "a.yml", Text: tt.text}).Load()
			checkError(t, err, tt.want)
		})
	}
}

func TestLoadAcceptsByteOrderMarkAndWindowsLines(t *testing.T) {
	tree := load(t, "\ufeffcore:\r\n  x: 1\r\n")
	if got := decode(t, tree, "core", struct{ X int }{}); got.X != 1 {
		t.Errorf("X = %d, want 1", got.X)
	}
}

func TestFindingsAreBoundedPerFile(t *testing.T) {
	var b strings.Builder
	for i := range 250 {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	err := mistakes(conf.Memory(conf.Source{Name: "a.yml", Text: b.String()}).Load())
	lines := strings.Split(err.Error(), "\n")
	if got, want := len(lines), 101; got != want {
		t.Errorf("got %d lines, want %d", got, want)
	}
	if got, want := lines[len(lines)-1], "150 more findings are not shown"; got != want {
		t.Errorf("last line is %q, want %q", got, want)
	}
}

func TestFindingsAreTyped(t *testing.T) {
	err := mistakes(conf.Memory(conf.Source{Name: "a.yml", Text: "x: 1\nz: 2"}).Load())
	var all conf.Findings
	if !errors.As(err, &all) {
		t.Fatalf("got %T, want conf.Findings", err)
	}
	want := conf.Findings{
		{File: "a.yml", Line: 1, Column: 1, Path: "x", Message: "unknown key; known are core, game, social"},
		{File: "a.yml", Line: 2, Column: 1, Path: "z", Message: "unknown key; known are core, game, social"},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var one *conf.Finding
	if !errors.As(err, &one) || *one != *want[0] {
		t.Errorf("first finding is %v, want %v", one, want[0])
	}
}

func TestJoinSortsDropsRepetitionsAndKeepsOtherErrors(t *testing.T) {
	other := errors.New("port taken")
	b2 := &conf.Finding{File: "b.yml", Line: 2, Column: 1, Message: "m"}
	b10 := &conf.Finding{File: "b.yml", Line: 10, Column: 1, Message: "m"}
	a := &conf.Finding{File: "a.yml", Message: "m"}
	none := &conf.Finding{Path: "core.x", Message: "is required"}

	err := conf.Join(conf.Findings{none, b10}, nil, errors.Join(b2, a), fmt.Errorf("mount: %w", errors.Join(conf.Findings{b2, b10})), other)
	checkError(t, err, "a.yml: m\nb.yml:2:1: m\nb.yml:10:1: m\ncore.x: is required\nport taken")
	if !errors.Is(err, other) || !errors.Is(err, a) {
		t.Error("joined error does not hold its parts")
	}
	checkError(t, conf.Join(other), "port taken")
	if err := conf.Join(nil, nil); err != nil {
		t.Errorf("Join(nil, nil) = %v, want nil", err)
	}
}

// load returns the tree of one file, a.yml.
func load(t testing.TB, text string) *conf.Tree {
	t.Helper()
	tree, err := conf.Memory(conf.Source{Name: "a.yml", Text: text}).Load()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// decode claims a section and decodes it over def.
func decode[T any](t testing.TB, tree *conf.Tree, path string, def T) T {
	t.Helper()
	s, err := tree.Section(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Decode(&def); err != nil {
		t.Fatal(err)
	}
	return def
}

func checkError(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
