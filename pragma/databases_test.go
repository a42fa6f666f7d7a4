package pragma_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// shelf is a product whose databases are in memory, and remembers them.
type shelf struct {
	refuse error
	opened []string
	stores map[string]store.Driver // by place
}

func newShelf() *shelf { return &shelf{stores: make(map[string]store.Driver)} }

func (s *shelf) product() store.Product {
	return store.Product{Name: "SHELF", New: func() store.Database { return &tome{shelf: s, Pages: 10} }}
}

// tome is a database of a shelf.
type tome struct {
	shelf          *shelf
	HostPortSchema string
	Password       pragma.Secret
	Pages          int
}

func (b *tome) Place() string {
	if b.HostPortSchema == "" {
		return ""
	}
	return "SHELF " + strings.ToLower(b.HostPortSchema)
}

func (b *tome) Open(context.Context) (store.Driver, error) {
	if b.shelf.refuse != nil {
		return nil, fmt.Errorf("%w: password %s is wrong", b.shelf.refuse, b.Password.Reveal())
	}
	b.shelf.opened = append(b.shelf.opened, b.Place())
	d := &countsClose{Driver: store.NewMemory()}
	b.shelf.stores[b.Place()] = d
	return d, nil
}

// countsClose is a store that can be read after it was closed.
type countsClose struct {
	store.Driver
	times int
}

func (c *countsClose) Close() error {
	c.times++
	return nil
}

// desk is a service with sections for its databases, that commits when it starts.
type desk struct {
	sections map[string][]string // kinds by section
	commits  [][]string          // kinds of each
	failed   []error
}

func (d *desk) Name() string { return "DeskRpc" }

func (d *desk) Mount(m *pragma.Mount) (err error) {
	for section, kinds := range d.sections {
		err = errors.Join(err, pragma.AcceptDaoConfig(m, section, kinds...))
	}
	m.OnStart(func(ctx context.Context) error {
		for _, kinds := range d.commits {
			b := &store.Batch{}
			for _, kind := range kinds {
				b.Puts = append(b.Puts, store.Put{Key: store.Key{Kind: kind, ID: "a"}})
			}
			d.failed = append(d.failed, store.Commit(ctx, m.Store(), b))
		}
		return nil
	})
	return err
}

func newDesk() *desk {
	return &desk{sections: map[string][]string{"PenDaoConfig": {"pen", "ink"}, "InkDaoConfig": {"pot"}, "LampDaoConfig": nil}}
}

// dao is the configuration of one of its sections.
func dao(section, config string) string {
	return "game: {serviceConfigs: {" + section + ": {databaseConfig: " + config + "}}}"
}

func deskServer(t *testing.T, s *shelf, d *desk, yaml ...string) *pragma.Server {
	t.Helper()
	return &pragma.Server{
		Config: pragmatest.Config(t, yaml...), Databases: []store.Product{s.product(), sqlite.Product()},
		Game: []pragma.Service{d}, Logger: slog.New(slog.DiscardHandler),
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
	}
}

// runOnce runs a server that stops when it is ready.
func runOnce(t *testing.T, srv *pragma.Server) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	srv.Ready = func(pragma.Addresses) { cancel() }
	return srv.Run(ctx)
}

const mainOnShelf = `core: {databaseConfig: {driver: SHELF, hostPortSchema: main, password: "hunter2-and-more"}}`

func TestConfigurationChoosesTheDatabases(t *testing.T) {
	s, d := newShelf(), newDesk()
	d.commits = [][]string{{"pen", "ink"}, {"pot"}, {"lamp", "party"}, {"pen", "lamp"}, {"pen", "pot"}}
	srv := deskServer(t, s, d, mainOnShelf,
		dao("PenDaoConfig", "{driver: SHELF, hostPortSchema: pens}"),
		dao("LampDaoConfig", `{driver: SHELF, hostPortSchema: main, password: "hunter2-and-more"}`))
	srv.Store = func(context.Context) (store.Driver, error) {
		t.Error("Store was opened although the configuration names a database")
		return store.NewMemory(), nil
	}
	if err := runOnce(t, srv); err != nil {
		t.Fatal(err)
	}
	if want := []string{"SHELF main", "SHELF pens"}; !cmp.Equal(s.opened, want) {
		t.Errorf("opened %q, want %q", s.opened, want)
	}
	for i, err := range d.failed {
		if refused := errors.Is(err, store.ErrBadBatch); refused != (i > 2) || err != nil && !refused {
			t.Errorf("commit of %q = %v", d.commits[i], err)
		}
	}
	for place, kinds := range map[string][]string{"SHELF main": {"pot", "lamp", "party"}, "SHELF pens": {"pen", "ink"}} {
		for _, kind := range kinds {
			if recs, err := s.stores[place].Get(t.Context(), store.Key{Kind: kind, ID: "a"}); err != nil || !recs[0].Exists() {
				t.Errorf("%s is not in %s: %v", kind, place, err)
			}
		}
		if n := s.stores[place].(*countsClose).times; n != 1 {
			t.Errorf("%s was closed %d times, want once", place, n)
		}
	}
}

func TestSectionsOfOneDatabaseShareIt(t *testing.T) {
	s, d := newShelf(), newDesk()
	d.commits = [][]string{{"pen"}, {"pot"}, {"pen", "pot"}}
	srv := deskServer(t, s, d, dao("PenDaoConfig", "{driver: SHELF, hostPortSchema: both}"), dao("InkDaoConfig", "{hostPortSchema: both, driver: SHELF}"))
	if err := runOnce(t, srv); err != nil {
		t.Fatal(err)
	}
	if want := []string{"SHELF both"}; !cmp.Equal(s.opened, want) {
		t.Errorf("opened %q, want %q", s.opened, want)
	}
	if d.failed[0] != nil || d.failed[1] != nil || !errors.Is(d.failed[2], store.ErrBadBatch) {
		t.Errorf("commits = %v, want the one of both sections refused: they may be in two databases tomorrow", d.failed)
	}
}

func TestKindsOfASectionAreKeptApartWithoutConfiguration(t *testing.T) {
	d := newDesk()
	d.commits = [][]string{{"pen", "ink"}, {"pen", "lamp"}}
	if err := runOnce(t, deskServer(t, newShelf(), d)); err != nil {
		t.Fatal(err)
	}
	if d.failed[0] != nil || !errors.Is(d.failed[1], store.ErrBadBatch) {
		t.Errorf("commits = %v", d.failed)
	}
}

func TestMistakesInDatabaseSectionsStandAtTheirKeys(t *testing.T) {
	for _, c := range []struct {
		name string
		yaml []string
		want string // "" for none
	}{
		{"nothing is configured", nil, ""},
		{"null is nothing", []string{"core: {databaseConfig: null}", "game: {serviceConfigs: {PenDaoConfig: {databaseConfig: null}}}"}, ""},
		{"a driver that is not built in", []string{dao("PenDaoConfig", "{driver: POSTGRES}")},
			"PenDaoConfig.databaseConfig.driver: this program was built without the driver POSTGRES: add postgres.Product() to Databases"},
		{"an unknown driver", []string{dao("PenDaoConfig", "{driver: MONGO}")}, `databaseConfig.driver: "MONGO" is no driver, want one of SHELF, SQLITE`},
		{"an empty driver", []string{dao("PenDaoConfig", `{driver: ""}`)}, `databaseConfig.driver: "" is no driver`},
		{"no driver means SQLite", []string{dao("PenDaoConfig", `{hostPortSchema: ""}`)}, "databaseConfig.hostPortSchema: is empty, want the path"},
		{"no map", []string{"core: {databaseConfig: 3}"}, "core.databaseConfig: want a map, got 3"},
		{"a key the product does not know", []string{"core: {databaseConfig: {driver: SHELF, hostPortSchema: x, pgaes: 3}}"},
			"core.databaseConfig.pgaes: unknown key (did you mean pages?)"},
		{"no place", []string{"core: {databaseConfig: {driver: SHELF}}"}, "core.databaseConfig: names no database"},
		{"a variable that is not set", []string{`core: {databaseConfig: {driver: "${PRAGMA_TEST_NOT_SET}", hostPortSchema: x}}`},
			"core.databaseConfig.driver: environment variable PRAGMA_TEST_NOT_SET is not set"},
		{"the server's database with another password", []string{mainOnShelf, dao("PenDaoConfig", "{driver: SHELF, hostPortSchema: MAIN, password: hunter3-and-more}")},
			"PenDaoConfig.databaseConfig: core.databaseConfig names the same database with another hostPortSchema, password: there is one pool of connections, so give both the same values, or remove databaseConfig here"},
		{"one database with two settings", []string{dao("PenDaoConfig", "{driver: SHELF, hostPortSchema: x, pages: 3}"), dao("InkDaoConfig", "{driver: SHELF, hostPortSchema: x}")},
			"names the same database with another pages: there is one pool of connections, so give both the same values"},
		{"a section that cannot be apart", []string{mainOnShelf, dao("LampDaoConfig", "{driver: SHELF, hostPortSchema: lamps}")},
			"LampDaoConfig.databaseConfig: these records are committed together with those of other services, so all must name the same database, but core.databaseConfig is SHELF main: give both the same values"},
		{"a section that cannot be apart, alone", []string{dao("LampDaoConfig", "{driver: SHELF, hostPortSchema: lamps}")},
			"so they are in the database of the server: give core.databaseConfig these values, or remove databaseConfig here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShelf()
			err := deskServer(t, s, newDesk(), c.yaml...).Check()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("Check() = %v, want none", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("Check() = %v\nwant …%s", err, c.want)
			case err != nil && !strings.HasPrefix(err.Error(), "config "):
				t.Errorf("Check() = %v, want it to begin with the place", err)
			case err != nil && strings.Contains(err.Error(), "and-more"):
				t.Errorf("Check() = %v, which shows a password", err)
			}
			if len(s.opened) > 0 {
				t.Errorf("Check opened %q", s.opened)
			}
		})
	}
}

func TestAServerWithoutProductsRefusesEveryDatabase(t *testing.T) {
	srv := deskServer(t, newShelf(), newDesk(), "core: {databaseConfig: {driver: DB2}}")
	srv.Databases = nil
	if err := srv.Check(); err == nil || !strings.Contains(err.Error(), `"DB2" is no driver, and this program was built without any: fill in Databases`) {
		t.Errorf("Check() = %v", err)
	}
}

func TestAKindIsOfOneSection(t *testing.T) {
	d := newDesk()
	d.sections["CopyDaoConfig"] = []string{"pen"}
	if err := deskServer(t, newShelf(), d).Check(); err == nil || !strings.Contains(err.Error(), `records of kind "pen" are claimed by`) {
		t.Errorf("Check() = %v", err)
	}
}

func TestAStartThatFailsClosesWhatItOpenedAndShowsNoPassword(t *testing.T) {
	t.Setenv("PRAGMA_TEST_PASSWORD", "hunter2-and-more")
	for name, password := range map[string]string{"plain": "hunter2-and-more", "from the environment": "${PRAGMA_TEST_PASSWORD}"} {
		s := newShelf()
		main := &countsClose{Driver: store.NewMemory()}
		s.refuse = errors.New("no entry")
		srv := deskServer(t, s, newDesk(), dao("PenDaoConfig", `{driver: SHELF, hostPortSchema: pens, password: "`+password+`"}`))
		srv.Store = func(context.Context) (store.Driver, error) { return main, nil }
		err := runOnce(t, srv)
		if !errors.Is(err, s.refuse) || !strings.Contains(err.Error(), "open store of game.serviceConfigs.PenDaoConfig.databaseConfig: no entry") {
			t.Errorf("%s: Run() = %v", name, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the password is shown: %v", name, err)
		}
		if main.times != 1 {
			t.Errorf("%s: the first database was closed %d times, want once", name, main.times)
		}
	}
}

func TestNamedDatabasesAreThoseTheServerWouldOpen(t *testing.T) {
	s := newShelf()
	yaml := []string{dao("PenDaoConfig", "{driver: SHELF, hostPortSchema: pens}"), dao("InkDaoConfig", "{driver: SHELF, hostPortSchema: pens}")}
	opener := func(context.Context) (store.Driver, error) { return store.NewMemory(), nil }
	list := func(yaml ...string) (shown []string) {
		t.Helper()
		srv := deskServer(t, s, newDesk(), yaml...)
		srv.Store = opener
		all, err := srv.NamedDatabases()
		if err != nil {
			t.Fatal(err)
		}
		for _, db := range all {
			d, err := db.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			d.Close()
			shown = append(shown, fmt.Sprintf("%q of %d sections with %d kinds", db.Place, len(db.Sections), len(db.Kinds)))
		}
		return shown
	}
	if diff := cmp.Diff([]string{`"" of 0 sections with 0 kinds`, `"SHELF pens" of 2 sections with 3 kinds`}, list(yaml...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`"SHELF main" of 1 sections with 0 kinds`, `"SHELF pens" of 2 sections with 3 kinds`}, list(append(yaml, mainOnShelf)...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := deskServer(t, s, newDesk(), "core: {databaseConfig: 3}").NamedDatabases(); err == nil {
		t.Error("NamedDatabases() accepts a configuration with a mistake")
	}
}

func TestOpenStoreOpensWhatTheServerUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.db")
	yaml := []string{"core: {databaseConfig: {hostPortSchema: '" + file + "'}}", dao("PenDaoConfig", "{hostPortSchema: '"+file+".pens'}")}
	d := newDesk()
	d.commits = [][]string{{"pen"}, {"lamp"}}
	if err := runOnce(t, deskServer(t, newShelf(), d, yaml...)); err != nil || errors.Join(d.failed...) != nil {
		t.Fatal(err, d.failed)
	}
	db, err := deskServer(t, newShelf(), newDesk(), yaml...).OpenStore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"pen", "lamp"} {
		if recs, err := db.Get(t.Context(), store.Key{Kind: kind, ID: "a"}); err != nil || !recs[0].Exists() {
			t.Errorf("%s is gone: %v", kind, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file + ".pens"); err != nil {
		t.Error(err)
	}
}

func TestAnotherDatabaseNeedsARestartAndAnotherLineDoesNot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "game.yml")
	write := func(yaml string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const pens = "\ngame: {serviceConfigs: {PenDaoConfig: {databaseConfig: {driver: SHELF, hostPortSchema: %s}}}}\n"
	session := func(burst int) string { return fmt.Sprintf("session: {playerBurst: %d}", burst) }
	core := func(parts ...string) string { return "core: {" + strings.Join(parts, ", ") + "}" }
	main := "databaseConfig: {driver: SHELF, hostPortSchema: main}"
	write(core(main, session(2)) + fmt.Sprintf(pens, "pens"))
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		return &pragma.Server{Config: cfg, Databases: []store.Product{newShelf().product()}, Game: []pragma.Service{newDesk()}}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		pending := func(yaml string) int {
			before := strings.Count(w.Logs(), "needs a restart")
			write(yaml)
			time.Sleep(6 * time.Second)
			return strings.Count(w.Logs(), "needs a restart") - before
		}
		for _, c := range []struct {
			name, yaml string
			want       int
		}{
			{"another line", "\n\n" + core(session(3), main) + fmt.Sprintf(pens, "pens"), 0},
			{"another database for a section", core(main, session(3)) + fmt.Sprintf(pens, "pencils"), 1},
			{"another main database", core("databaseConfig: {driver: SHELF, hostPortSchema: other}", session(3)) + fmt.Sprintf(pens, "pens"), 1},
		} {
			if got := pending(c.yaml); got != c.want {
				w.T.Errorf("%s: %d findings need a restart, want %d\n%s", c.name, got, c.want, w.Logs())
			}
		}
		for _, path := range []string{"core.databaseConfig", "PenDaoConfig.databaseConfig"} {
			if !strings.Contains(w.Logs(), path) {
				w.T.Errorf("the log does not name %s", path)
			}
		}
	})
}
