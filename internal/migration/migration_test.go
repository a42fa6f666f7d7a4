package migration_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openpragma/engine/internal/migration"
)

func files(names ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for _, name := range names {
		all["migrations/"+name] = &fstest.MapFile{Data: []byte("-- " + name)}
	}
	return all
}

func TestStepsAreNumberedWithoutGaps(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"in order", []string{"0002_b.sql", "0001_a.sql"}, ""},
		{"none", nil, ""},
		{"a gap", []string{"0001_a.sql", "0003_c.sql"}, "0003_c.sql is out of order, want number 2"},
		{"one twice", []string{"0001_a.sql", "0001_b.sql"}, "0001_b.sql is out of order"},
		{"without a number", []string{"first.sql"}, "first.sql is out of order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := migration.Load(files(c.files...))
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("Load() = %v, want %q", err, c.want)
				}
				return
			}
			if err != nil || len(all) != len(c.files) {
				t.Fatalf("Load() = %d steps, %v", len(all), err)
			}
			for i, s := range all {
				if s.Number != int64(i+1) || s.SQL != "-- "+s.Name || len(s.Checksum) != 64 {
					t.Errorf("step %d is %+v", i+1, s)
				}
			}
		})
	}
}

func TestMissingStepsFollowThoseThatWereApplied(t *testing.T) {
	all, err := migration.Load(files("0001_a.sql", "0002_b.sql"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := all[0].Checksum, all[1].Checksum
	for _, c := range []struct {
		name    string
		applied []string
		missing int
		want    string
	}{
		{"all", nil, 2, ""},
		{"the last", []string{a}, 1, ""},
		{"none", []string{a, b}, 0, ""},
		{"newer", []string{a, b, "x"}, 0, "use a newer program"},
		{"edited", []string{a, "x"}, 0, "0002_b.sql was changed"},
		{"another order", []string{b, a}, 0, "0001_a.sql was changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			missing, err := migration.Missing(all, c.applied)
			if len(missing) != c.missing || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Missing() = %d steps, %v; want %d, %q", len(missing), err, c.missing, c.want)
			}
		})
	}
}
