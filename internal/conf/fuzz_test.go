package conf_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/conf"
)

// FuzzLoad feeds two files to the loader and decodes whatever comes out. Nothing
// may panic, findings stay bounded and sorted, and no substituted value shows.
func FuzzLoad(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var ymls []string
		for _, p := range parseArchive(string(text)).parts {
			if strings.HasSuffix(p.name, ".yml") {
				ymls = append(ymls, p.text)
			}
		}
		f.Add(ymls[0], ymls[len(ymls)-1])
	}
	const secret = "s3cr3t-from-env"
	f.Fuzz(func(t *testing.T, a, b string) {
		l := conf.Memory(conf.Source{Name: "a.yml", Text: a}, conf.Source{Name: "b.yml", Text: b})
		l.LookupEnv = env
		read := l.ReadFile
		l.ReadFile = func(name string) ([]byte, error) {
			if name != "a.yml" && name != "b.yml" {
				return []byte(secret), nil
			}
			return read(name)
		}
		tree, err := l.Load()
		if err == nil {
			_, err = decodeSample(tree)
		}
		if err == nil {
			return
		}
		var all conf.Findings
		if !errors.As(err, &all) {
			t.Fatalf("got %T, want findings: %v", err, err)
		}
		if len(all) > 1500 {
			t.Errorf("%d findings", len(all))
		}
		if strings.Contains(err.Error(), secret) && !strings.Contains(a+b, secret) {
			t.Errorf("a substituted value shows: %v", err)
		}
		if again := conf.Join(err); again.Error() != err.Error() {
			t.Errorf("not sorted: %v", err)
		}
	})
}
