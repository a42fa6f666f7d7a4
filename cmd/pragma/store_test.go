package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
	"github.com/openpragma/engine/pragma/store/transfer"
)

// inDir runs the test in a directory of its own.
func inDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	return dir
}

// seed makes a SQLite database with so many records of two kinds.
func seed(t *testing.T, path string, n int) {
	t.Helper()
	d, err := sqlite.File(path)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var recs []store.Record
	for i := range n {
		recs = append(recs, store.Record{
			Key: store.Key{Kind: fmt.Sprint("kind", i%2), ID: fmt.Sprintf("%06d", i)},
			Rev: int64(i + 1), Token: store.NewToken(), Body: fmt.Appendf(nil, `{"number":%d}`, i),
		})
		if len(recs) == 1000 || i == n-1 {
			if err := d.(store.Importer).Import(t.Context(), recs); err != nil {
				t.Fatal(err)
			}
			recs = nil
		}
	}
}

// bodyOf returns the lines of the records of an export.
func bodyOf(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.SplitAfter(string(text), "\n")
	return all[1 : len(all)-2]
}

func TestStoreMigrateSaysWhatItDoes(t *testing.T) {
	inDir(t)
	if got, want := output(t, "store", "migrate", "-db", "sqlite:new.db", "-dry-run"), "SQLITE new.db: pending 0001_records.sql\n"; got != want {
		t.Errorf("dry run prints %q, want %q", got, want)
	}
	if _, err := os.Stat("new.db"); err == nil {
		t.Error("the dry run made the database")
	}
	for _, want := range []string{"SQLITE new.db: applied 0001_records.sql\n", "SQLITE new.db: up to date\n"} {
		if got := output(t, "store", "migrate", "-db", "sqlite:new.db"); got != want {
			t.Errorf("migrate prints %q, want %q", got, want)
		}
	}
}

func TestStoreExportAndImportOnTheCommandLine(t *testing.T) {
	inDir(t)
	seed(t, "old.db", 3000)
	output(t, "store", "export", "-db", "sqlite:old.db", "one.jsonl")
	output(t, "store", "import", "-db", "sqlite:new.db", "one.jsonl")
	output(t, "store", "export", "-db", "sqlite:new.db", "two.jsonl")
	if diff := cmp.Diff(bodyOf(t, "one.jsonl"), bodyOf(t, "two.jsonl")); diff != "" {
		t.Errorf("the exports differ:\n%.2000s", diff)
	}
	if info, err := os.Stat("one.jsonl"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the export has mode %v, %v", info.Mode(), err)
	}
	if got := output(t, "store", "export", "-db", "sqlite:new.db", "-"); strings.Count(got, "\n") != 3002 {
		t.Errorf("the export to - has %d lines, want 3002", strings.Count(got, "\n"))
	}
	if err := failure(t, "store", "export", "-db", "sqlite:new.db", "one.jsonl"); !contains(err, "exists already") {
		t.Errorf("export over a file = %v", err)
	}
	if err := failure(t, "store", "import", "-db", "sqlite:new.db", "one.jsonl"); !errors.Is(err, transfer.ErrNotEmpty) {
		t.Errorf("import over records = %v, want %v", err, transfer.ErrNotEmpty)
	}
	output(t, "store", "import", "-add", "-db", "sqlite:new.db", "one.jsonl") // nothing is missing

	text, err := os.ReadFile("one.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	cut := write(t, "cut.jsonl", string(text[:len(text)/2]))
	if err := failure(t, "store", "import", "-db", "sqlite:other.db", cut); !errors.Is(err, transfer.ErrDamaged) {
		t.Errorf("import of half a file = %v, want %v", err, transfer.ErrDamaged)
	}
	output(t, "store", "import", "-db", "sqlite:other.db", "one.jsonl") // it is still empty
	for _, name := range []string{"gone.db", "gone.jsonl", "gone.jsonl.part"} {
		_ = failure(t, "store", "export", "-db", "sqlite:gone.db", "gone.jsonl")
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("an export that failed has left %s", name)
		}
	}
}

func TestStoreCheckPrintsKindsAndFindings(t *testing.T) {
	inDir(t)
	seed(t, "fine.db", 10)
	got := output(t, "store", "check", "-db", "sqlite:fine.db")
	want := regexp.MustCompile(`(?m)^SQLITE fine\.db\n +kind +records +bytes +largest +timers +not JSON +checksum *\n` +
		` +kind0 +5 +60 +12 +0 +0 +[0-9a-f]{16} *\n +kind1 +5 +60 +12 +0 +0 +[0-9a-f]{16} *\n +all +10 +120 *\nok\n$`)
	if !want.MatchString(got) {
		t.Errorf("check prints\n%s", got)
	}

	d, err := sqlite.File("bad.db")(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{
		{Key: store.Key{Kind: "party", ID: "a"}, Body: []byte(`{"secret":`)}, {Key: store.ImportMark()},
	}})
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	err = run(t.Context(), []string{"store", "check", "-db", "sqlite:bad.db"}, &stdout, &stderr)
	if err == nil || !contains(err, "findings in the store: 2") || strings.Contains(stdout.String(), "secret") {
		t.Errorf("check = %v, prints\n%s", err, stdout.String())
	}
	for _, want := range []string{`finding: "party/a" has a body of 10 bytes that is not valid JSON`, "finding: an import is not finished"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
}

func TestStoreCheckFindsADamagedFile(t *testing.T) {
	inDir(t)
	seed(t, "torn.db", 20_000)
	f, err := os.OpenFile("torn.db", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(make([]byte, 4096*20), 4096*30)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"store", "check", "-db", "sqlite:torn.db"}, &stdout, &stderr); err == nil {
		t.Errorf("check of a torn file prints\n%s", stdout.String())
	}
}

func TestStoreCommandsRefuseWhatIsNotMeant(t *testing.T) {
	inDir(t)
	one := write(t, "one.yml", `core: {databaseConfig: {driver: SQLITE, hostPortSchema: one.db}}`)
	two := write(t, "two.yml", `
core: {databaseConfig: {driver: SQLITE, hostPortSchema: one.db}}
social: {serviceConfigs: {AccountDaoConfig: {databaseConfig: {driver: SQLITE, hostPortSchema: two.db}}}}
`)
	none := write(t, "none.yml", `core: {nodeName: a}`)
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"no database", []string{"export", "x"}, "name the database with either -db or -config"},
		{"two ways", []string{"export", "-db", "sqlite:a", "-config", one, "x"}, "either -db or -config"},
		{"no file", []string{"export", "-db", "sqlite:a.db"}, "name one file"},
		{"two files", []string{"import", "-db", "sqlite:a.db", "x", "y"}, "name one file"},
		{"no scheme", []string{"check", "-db", "a.db"}, "such as sqlite:a.db"},
		{"another scheme", []string{"check", "-db", "oracle://a@b/c"}, "begins with sqlite:, mysql:// or postgres://"},
		{"a password", []string{"check", "-db", "mysql://me:hunter2@host/schema"}, "the URL has a password"},
		{"no user", []string{"check", "-db", "mysql://host/schema"}, "want mysql://user@host:port/name"},
		{"no schema", []string{"check", "-db", "postgres://me@host"}, "want postgres://user@host:port/name"},
		{"unknown parameter", []string{"check", "-db", "mysql://me@host/schema?charset=x"}, `unknown parameter "charset"`},
		{"unknown finding", []string{"check", "-db", "mysql://me@host/schema?allowUnsafe=x"}, "is no finding"},
		{"tls in between", []string{"check", "-db", "mysql://me@host/schema?tls=maybe"}, "want true or false"},
		{"no password file", []string{"check", "-db", "mysql://me@host/schema", "-password-file", "gone"}, "gone"},
		{"no database in the file", []string{"check", "-config", none}, "the files name no database"},
		{"several databases", []string{"export", "-config", two, "x"}, "choose one with -section"},
		{"no such section", []string{"export", "-config", two, "-section", "core.x", "x"}, "no section core.x"},
		{"section without files", []string{"check", "-db", "sqlite:a.db", "-section", "core.x"}, "-section belongs to -config"},
		{"backup of a server", []string{"backup", "-db", "mysql://me@host/schema", "x"}, "tools of its server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := failure(t, append([]string{"store"}, c.args...)...)
			if !contains(err, c.says) || contains(err, "hunter2") {
				t.Errorf("pragma store %s = %v, want an error with %q", strings.Join(c.args, " "), err, c.says)
			}
		})
	}
	output(t, "store", "migrate", "-config", two)
	for _, name := range []string{"one.db", "two.db"} {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("migrate with -config did not make %s: %v", name, err)
		}
	}
	output(t, "store", "export", "-config", two, "-section", "social.serviceConfigs.AccountDaoConfig.databaseConfig", "accounts.jsonl")
	if got := output(t, "store", "check", "-config", two); strings.Count(got, "SQLITE") != 2 {
		t.Errorf("check with two databases prints\n%s", got)
	}
}

func TestBackupAndExportWorkBesideAServer(t *testing.T) {
	dir := inDir(t)
	cfg := write(t, "free.yml", `
core:
  gatewayManager:
    social: {player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}
    game: {player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}
`)
	db := filepath.Join(dir, "live.db")
	s := startServe(t, "-config", cfg, "-db", db)
	output(t, "store", "backup", "-db", "sqlite:"+db, "copy.db")
	output(t, "store", "export", "-db", "sqlite:"+db, "live.jsonl")
	output(t, "store", "check", "-db", "sqlite:"+db)
	if err := failure(t, "store", "import", "-db", "sqlite:"+db, "live.jsonl"); !contains(err, "in use by") {
		t.Errorf("import into the database of a server = %v", err)
	}
	if err := failure(t, "store", "migrate", "-db", "sqlite:"+db); !contains(err, "in use by") {
		t.Errorf("migrate of the database of a server = %v", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	output(t, "store", "export", "-db", "sqlite:copy.db", "copy.jsonl")
	if diff := cmp.Diff(bodyOf(t, "live.jsonl"), bodyOf(t, "copy.jsonl")); diff != "" {
		t.Errorf("backup and export differ:\n%s", diff)
	}
	restored := startServe(t, "-config", cfg, "-db", "copy.db")
	if err := restored.stop(); err != nil {
		t.Error(err)
	}
}

func TestServeRefusesHalfAnImport(t *testing.T) {
	inDir(t)
	d, err := sqlite.File("half.db")(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{{Key: store.ImportMark()}}})
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	if err := failure(t, "serve", "-db", "half.db"); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("serve = %v, want %v", err, store.ErrUnfinished)
	}
}

// An import is killed again and again, and goes on each time. url is as on the
// command line, the test opens the store itself by open.
func killedImport(t *testing.T, url string, inspect store.Inspector, open store.Opener) {
	t.Helper()
	records := 30_000
	dir := t.TempDir()
	seed(t, filepath.Join(dir, "old.db"), records)
	file := filepath.Join(dir, "old.jsonl")
	output(t, "store", "export", "-db", "sqlite:"+filepath.Join(dir, "old.db"), file)

	halves, kills := 0, 5
	if testing.Short() {
		kills = 2
	}
	for range kills {
		if !killedInTheMiddle(t, inspect, "store", "import", "-db", url, file) {
			break // it was faster
		}
		d, err := open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := store.RefuseUnfinished(t.Context(), d); errors.Is(err, store.ErrUnfinished) {
			halves++
		} else if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if halves == 0 {
		t.Error("no kill met the import in its middle")
	}
	t.Logf("%d kills in the middle", halves)
	if d, err := inspect.OpenReadOnly(t.Context()); err != nil {
		t.Fatal(err)
	} else if unfinished := store.RefuseUnfinished(t.Context(), d); errors.Join(unfinished, d.Close()) != nil {
		output(t, "store", "import", "-db", url, file)
	}
	d, err := inspect.OpenReadOnly(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	_, err = transfer.Export(t.Context(), d, &got, nil)
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	again := write(t, "again.jsonl", got.String())
	if diff := cmp.Diff(bodyOf(t, file), bodyOf(t, again)); diff != "" {
		t.Errorf("the exports differ:\n%.2000s", diff)
	}
}

// killedInTheMiddle runs the program as a process, waits until the store has the
// mark of an import, and kills the process a moment later. It returns false if it
// ended before.
func killedInTheMiddle(t *testing.T, inspect store.Inspector, args ...string) bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", passwordVariable+"="+dbtest.Password)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("pragma %s: %v\n%s", strings.Join(args, " "), err, out.String())
			}
			return false
		case <-time.After(5 * time.Millisecond):
		}
		if marked(t, inspect) {
			time.Sleep(rand.N(150 * time.Millisecond))
			_ = cmd.Process.Kill()
			return <-done != nil
		}
	}
}

// marked reports whether the store says that an import is not finished. While there is no
// schema it does not.
func marked(t *testing.T, inspect store.Inspector) bool {
	t.Helper()
	d, err := inspect.OpenReadOnly(t.Context())
	if err != nil {
		return false
	}
	defer d.Close()
	return errors.Is(store.RefuseUnfinished(t.Context(), d), store.ErrUnfinished)
}

func TestAKilledImportGoesOnInSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	o := sqlite.Options{Path: path}
	killedImport(t, "sqlite:"+path, o, o.Open)
}

func TestAKilledImportGoesOnInMariaDB(t *testing.T) {
	s := dbtest.NewMariaDB(t)
	t.Setenv(passwordVariable, dbtest.Password)
	where := s.Addr() + "/" + s.Schema(t)
	c := mysql.Config{HostPortSchema: where, Username: dbtest.User, Password: conf.Secret(dbtest.Password)}
	killedImport(t, "mysql://"+dbtest.User+"@"+where, c, c.Open)
}

func TestAKilledImportGoesOnInPostgreSQL(t *testing.T) {
	s := dbtest.NewPostgres(t)
	t.Setenv(passwordVariable, dbtest.Password)
	where := s.Addr() + "/" + s.Schema(t)
	c := postgres.Config{HostPortSchema: where, Username: dbtest.User, Password: conf.Secret(dbtest.Password)}
	killedImport(t, "postgres://"+dbtest.User+"@"+where, c, c.Open)
}
