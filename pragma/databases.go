package pragma

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma/store"
)

// Database is one of the databases in which a server keeps its records, see
// [Server.NamedDatabases].
type Database struct {
	// Place is what the log calls it, such as "MYSQLDB localhost:3306/skirmish". It
	// is empty for [Server.Store].
	Place string
	// Sections are the paths in the configuration that name it. None: [Server.Store].
	Sections []string
	// Kinds are the kinds of records in it. The first database holds all kinds that
	// no other one names, and has none here.
	Kinds []string
	// Open probes the database, brings its schema up to date and opens it.
	Open store.Opener
	// Inspector looks at it without changing anything. It is nil if the product
	// cannot, and for [Server.Store].
	Inspector store.Inspector
}

// mainSection is where the database of the server is configured.
const mainSection = "core.databaseConfig"

// databases is what the configuration says about where records are kept.
type databases struct {
	products []store.Product
	conf     *conf.Set
	sections []daoSection
}

// daoSection is a section that says where records of some kinds are.
type daoSection struct {
	path   string // with databaseConfig
	kinds  []string
	config conf.Section
}

func (d *databases) add(path string, config conf.Section, kinds []string) {
	d.sections = append(d.sections, daoSection{path + ".databaseConfig", kinds, config})
}

// named is a database that sections name.
type named struct {
	store.Database
	place    string
	settings conf.Section // of the first section that names it
	sections []daoSection
}

// plan is where everything is kept.
type plan struct {
	main   *named // nil: Server.Store
	others []*named
}

// plan reads the sections. The errors are findings, joined.
func (d *databases) plan(core conf.Section) (*plan, error) {
	p := &plan{}
	var errs []error
	main := daoSection{path: mainSection, config: core}
	if core.Exists() {
		n, err := d.read(main)
		if err != nil {
			errs = append(errs, err)
		}
		p.main = n
	}
	for _, s := range d.sections {
		if !s.config.Exists() {
			continue
		}
		n, err := d.read(s)
		if err == nil {
			err = p.place(n, s, core.Exists())
		}
		errs = append(errs, err)
	}
	return p, errors.Join(errs...)
}

// read decodes one databaseConfig.
func (d *databases) read(s daoSection) (*named, error) {
	driver, rest := s.config.Split("driver")
	const broken = "\x00" // the value could not be substituted, which is reported already
	name := broken
	if !driver.Exists() {
		name = defaultProduct
	}
	if err := driver.Decode(&name); err != nil || name == broken {
		return nil, err
	}
	i := slices.IndexFunc(d.products, func(p store.Product) bool { return p.Name == name })
	if i < 0 {
		return nil, s.config.Finding("driver", d.unknown(name))
	}
	db := d.products[i].New()
	if err := rest.Decode(db); err != nil {
		return nil, err
	}
	d.conf.Hide(db)
	place := db.Place()
	if place == "" {
		return nil, s.config.Finding("", "names no database")
	}
	return &named{Database: db, place: place, settings: s.config}, nil
}

// The documented names of products and how a program is built with them.
const defaultProduct = "SQLITE"

// unknown says what to do about a driver that this program does not have.
func (d *databases) unknown(name string) string {
	var names []string
	for _, p := range d.products {
		names = append(names, p.Name)
	}
	for _, known := range [][2]string{{defaultProduct, "sqlite"}, {"MYSQLDB", "mysql"}, {"POSTGRES", "postgres"}} {
		if name == known[0] {
			return fmt.Sprintf("this program was built without the driver %s: add %s.Product() to Databases of its pragma.Server", name, known[1])
		}
	}
	if len(names) == 0 {
		return fmt.Sprintf("%.40q is no driver, and this program was built without any: fill in Databases of its pragma.Server", name)
	}
	return fmt.Sprintf("%.40q is no driver, want one of %s", name, strings.Join(names, ", "))
}

// place adds a database, or the section to one that is there.
func (p *plan) place(n *named, s daoSection, mainGiven bool) error {
	if p.main != nil && p.main.place == n.place {
		return p.main.share(n, s)
	}
	if len(s.kinds) == 0 {
		switch {
		case !mainGiven:
			return s.config.Finding("", "these records are committed together with those of other services, so they are in the database of the server:"+
				" give "+mainSection+" these values, or remove databaseConfig here")
		case p.main == nil: // core has mistakes, which are reported
			return nil
		}
		return s.config.Finding("", "these records are committed together with those of other services, so all must name the same database,"+
			" but "+mainSection+" is "+p.main.place+": give both the same values, or remove databaseConfig here")
	}
	for _, other := range p.others {
		if other.place == n.place {
			return other.share(n, s)
		}
	}
	n.sections = append(n.sections, s)
	p.others = append(p.others, n)
	return nil
}

// share adds a section that names the same database once more.
func (n *named) share(again *named, s daoSection) error {
	if keys := n.settings.Differences(again.settings); len(keys) > 0 {
		return s.config.Finding("", fmt.Sprintf("%s names the same database with another %s: there is one pool of connections,"+
			" so give both the same values%s", n.settings.Path(), strings.Join(keys, ", "), n.orRemove()))
	}
	n.sections = append(n.sections, s)
	return nil
}

// orRemove completes advice for a database that is used without being named.
func (n *named) orRemove() string {
	if n.settings.Path() == mainSection {
		return ", or remove databaseConfig here"
	}
	return ""
}

// list returns the databases, that of the server first.
func (p *plan) list(fallback store.Opener) []Database {
	main := Database{Open: fallback}
	if p.main != nil {
		main = p.main.describe()
		main.Sections, main.Kinds = append([]string{mainSection}, main.Sections...), nil
	}
	all := []Database{main}
	for _, n := range p.others {
		all = append(all, n.describe())
	}
	return all
}

func (n *named) describe() Database {
	d := Database{Place: n.place, Open: n.Open}
	d.Inspector, _ = n.Database.(store.Inspector)
	for _, s := range n.sections {
		d.Sections, d.Kinds = append(d.Sections, s.path), append(d.Kinds, s.kinds...)
	}
	return d
}

// openStore opens all databases and returns one store of them. After an error none is
// left open.
func (c *core) openStore(ctx context.Context, fallback store.Opener) (_ store.Driver, err error) {
	var opened []store.Driver
	defer func() {
		if err != nil {
			for _, d := range opened {
				err = errors.Join(err, d.Close())
			}
			err = c.conf.Redact(err)
		}
	}()
	holder := make(map[string]store.Driver) // by section
	for i, db := range c.plan.list(fallback) {
		d, err := db.Open(ctx)
		if err != nil {
			return nil, db.openError(err)
		}
		opened = append(opened, d)
		if err := store.RefuseUnfinished(ctx, d); err != nil {
			return nil, db.openError(err)
		}
		for _, section := range db.Sections {
			if i > 0 { // what is in the first one needs no route
				holder[section] = d
			}
		}
		if len(db.Sections) > 0 {
			c.log.InfoContext(ctx, "database is open", "database", db.Place, "sections", db.Sections)
		}
	}
	routes := c.databases.routes()
	for i := range routes {
		routes[i].Driver = holder[routes[i].Name]
	}
	if len(routes) == 0 {
		return opened[0], nil
	}
	return store.NewRouter(opened[0], routes...)
}

func (d *Database) openError(err error) error {
	if len(d.Sections) == 0 {
		return fmt.Errorf("open store: %w", err)
	}
	return fmt.Errorf("open store of %s: %w", strings.Join(d.Sections, ", "), err)
}

// routes are the kinds that may be in databases of their own, without the drivers.
func (d *databases) routes() []store.Route {
	var routes []store.Route
	for _, s := range d.sections {
		if len(s.kinds) > 0 {
			routes = append(routes, store.Route{Name: s.path, Kinds: s.kinds})
		}
	}
	return routes
}

// planDatabases reports what is wrong with the sections, and remembers the plan.
func (c *core) planDatabases() error {
	var err error
	if c.plan, err = c.databases.plan(c.config.Load().DatabaseConfig); err != nil {
		return err
	}
	_, err = store.NewRouter(nil, c.databases.routes()...)
	return err
}

// NamedDatabases returns the databases that [Server.Run] would open, that of the
// server first, without opening one. It mounts the services to learn what they
// keep where, and its error is what [Server.Check] returns; as there, build the
// server that is to run anew.
func (s *Server) NamedDatabases() (_ []Database, err error) {
	srv := s.withDefaults()
	c := srv.newCore(context.Background())
	defer func() { err = errors.Join(err, c.bus.Close()) }()
	if err := c.prepare(context.Background(), srv, &lateStore{}); err != nil {
		return nil, err
	}
	return c.plan.list(srv.Store), nil
}

// OpenStore opens the databases that [Server.Run] would open, as one store, for
// programs that work on the records of a server that does not run. Close it. The
// rules are those of [Server.NamedDatabases].
func (s *Server) OpenStore(ctx context.Context) (_ store.Driver, err error) {
	srv := s.withDefaults()
	c := srv.newCore(ctx)
	defer func() { err = errors.Join(err, c.bus.Close()) }()
	if err := c.prepare(ctx, srv, &lateStore{}); err != nil {
		return nil, err
	}
	return c.openStore(ctx, srv.Store)
}
