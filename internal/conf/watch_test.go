package conf_test

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/conf"
)

// disk is a set of files that a test changes while they are watched.
type disk struct {
	mu    sync.Mutex
	files map[string]string
}

func (d *disk) ReadFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if text, ok := d.files[name]; ok {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

func (d *disk) write(name, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name] = text
}

func (d *disk) remove(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
}

// watched runs test in a bubble, while a.yml and b.yml are watched every ten
// seconds. The function reports tells what came since its last call: the core
// section of a tree, or the error.
func watched(t *testing.T, test func(t *testing.T, d *disk, reports func() []string)) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{files: map[string]string{
			"a.yml":  "core: {x: 1, key: file:secret}",
			"b.yml":  "core: {y: 1}",
			"secret": "one",
		}}
		l := &conf.Loader{Files: []string{"a.yml", "b.yml"}, ReadFile: d.ReadFile}
		tree, err := l.Load()
		if err != nil {
			t.Fatal(err)
		}
		type report struct {
			tree *conf.Tree
			err  error
		}
		reports := make(chan report, 100)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			l.Watch(ctx, tree, 10*time.Second, func(tree *conf.Tree, err error) {
				reports <- report{tree, err}
			})
		})
		test(t, d, func() (texts []string) {
			synctest.Wait()
			for range len(reports) {
				r := <-reports
				if err := mistakes(r.tree, r.err); err != nil {
					texts = append(texts, err.Error())
				} else {
					texts = append(texts, fmt.Sprint(decode(t, r.tree, "core", core{})))
				}
			}
			return texts
		})
		cancel()
		wg.Wait()
	})
}

type core struct {
	X, Y int
	Key  string
}

func TestWatchIsSilentWhileNothingChanges(t *testing.T) {
	watched(t, func(t *testing.T, d *disk, reports func() []string) {
		time.Sleep(time.Hour)
		d.write("b.yml", "core: {y: 1}")
		time.Sleep(time.Hour)
		if got := reports(); got != nil {
			t.Errorf("got %q, want nothing", got)
		}
	})
}

func TestWatchReportsAChangeOnceItIsComplete(t *testing.T) {
	watched(t, func(t *testing.T, d *disk, reports func() []string) {
		d.write("b.yml", "cor")
		time.Sleep(10*time.Second + 500*time.Millisecond)
		d.write("b.yml", "core: {y: 1, x: 1") // seen half written at 10 s
		time.Sleep(time.Second)
		d.write("b.yml", "core: {y: 2}")
		if got := reports(); got != nil {
			t.Errorf("while writing: got %q, want nothing", got)
		}
		time.Sleep(10 * time.Second)
		if diff := cmp.Diff([]string{"{1 2 one}"}, reports()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWatchReportsAWrongFileOnce(t *testing.T) {
	watched(t, func(t *testing.T, d *disk, reports func() []string) {
		d.write("a.yml", "x: [")
		d.remove("b.yml")
		time.Sleep(time.Hour)
		want := []string{"a.yml:2:1: not YAML: while parsing a flow node: did not find expected node content\n" +
			"b.yml: cannot be read: file does not exist"}
		if diff := cmp.Diff(want, reports()); diff != "" {
			t.Errorf("wrong (-want +got):\n%s", diff)
		}
		d.write("a.yml", "core: {x: 1, key: file:secret}")
		d.write("b.yml", "core: {y: 1}")
		time.Sleep(time.Hour)
		if diff := cmp.Diff([]string{"{1 1 one}"}, reports()); diff != "" {
			t.Errorf("repaired (-want +got):\n%s", diff)
		}
	})
}

func TestWatchFollowsFileValues(t *testing.T) {
	watched(t, func(t *testing.T, d *disk, reports func() []string) {
		d.write("secret", "two")
		time.Sleep(11 * time.Second)
		if diff := cmp.Diff([]string{"{1 1 two}"}, reports()); diff != "" {
			t.Errorf("changed (-want +got):\n%s", diff)
		}
		d.remove("secret")
		time.Sleep(time.Minute)
		want := []string{"a.yml:1:14: core.key: the file cannot be read: file does not exist"}
		if diff := cmp.Diff(want, reports()); diff != "" {
			t.Errorf("removed (-want +got):\n%s", diff)
		}
		d.write("secret", "three")
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"{1 1 three}"}, reports()); diff != "" {
			t.Errorf("back (-want +got):\n%s", diff)
		}
	})
}

func TestWatchLooksEveryFiveSecondsByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := conf.Memory(conf.Source{Name: "a.yml", Text: "core: {}"})
		start := time.Now()
		var after []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		// From the zero tree, the files themselves are the first change.
		l.Watch(ctx, &conf.Tree{}, 0, func(*conf.Tree, error) { after = append(after, time.Since(start)) })
		if diff := cmp.Diff([]time.Duration{5500 * time.Millisecond}, after); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
