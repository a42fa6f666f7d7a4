package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// passwordVariable is where the password of a database server is looked for that
// -db names.
const passwordVariable = "PRAGMA_STORE_PASSWORD"

// storeFlags say which database a command works on.
type storeFlags struct {
	url          string
	passwordFile string
	files        []string
	section      string
}

func addStoreFlags(fs *flag.FlagSet) *storeFlags {
	f := &storeFlags{}
	fs.StringVar(&f.url, "db", "", "the database as a `URL`: sqlite:pragma.db, mysql://user@host:3306/schema or postgres://user@host:5432/database;"+
		" ?tls=true, caFile, certFile, keyFile, serverName and allowUnsafe=name,name may follow. The password is that of -password-file or "+passwordVariable)
	fs.StringVar(&f.passwordFile, "password-file", "", "a `file` with the password of the database that -db names")
	fs.Func("config", "a YAML `file` whose databaseConfig sections name the database; give several to merge them in order", func(name string) error {
		f.files = append(f.files, name)
		return nil
	})
	fs.StringVar(&f.section, "section", "", "which databaseConfig of the files, such as core.databaseConfig; needed if they name several")
	return f
}

// target is a database that a command works on.
type target struct {
	store.Inspector
	place string
	open  store.Opener
}

// one returns the database of a command that works on one.
func (f *storeFlags) one() (target, error) {
	all, err := f.all()
	if err != nil {
		return target{}, err
	}
	if len(all) > 1 {
		var places []string
		for _, t := range all {
			places = append(places, t.place)
		}
		return target{}, usageError{"the files name several databases, choose one with -section: " + strings.Join(places, "; ")}
	}
	return all[0], nil
}

// all returns the databases that the flags name, at least one.
func (f *storeFlags) all() ([]target, error) {
	switch {
	case (f.url == "") == (len(f.files) == 0):
		return nil, usageError{"name the database with either -db or -config"}
	case f.url == "":
		return f.configured()
	case f.section != "":
		return nil, usageError{"-section belongs to -config"}
	}
	password, err := f.password()
	if err != nil {
		return nil, err
	}
	t, err := parseDatabase(f.url, password)
	if err != nil {
		return nil, err
	}
	return []target{t}, nil
}

// password reads the password, which must not stand on a command line: others can
// see that, and shells keep it.
func (f *storeFlags) password() (pragma.Secret, error) {
	if f.passwordFile == "" {
		return pragma.Secret(os.Getenv(passwordVariable)), nil
	}
	text, err := os.ReadFile(f.passwordFile)
	if err != nil {
		return "", err
	}
	return pragma.Secret(strings.TrimRight(string(text), "\r\n")), nil
}

// configured returns the databases that the files name.
func (f *storeFlags) configured() ([]target, error) {
	cfg, err := loadConfig(f.files)
	if err != nil {
		return nil, err
	}
	none := func(context.Context) (store.Driver, error) { return nil, errors.New("no database") }
	dbs, err := backend(cfg, none, slog.New(slog.DiscardHandler)).NamedDatabases()
	if err != nil {
		return nil, err
	}
	var all []target
	for _, db := range dbs {
		if len(db.Sections) == 0 || f.section != "" && !slices.Contains(db.Sections, f.section) {
			continue
		}
		if db.Inspector == nil {
			return nil, fmt.Errorf("%s cannot be looked at without serving", db.Place)
		}
		all = append(all, target{db.Inspector, db.Place, db.Open})
	}
	switch {
	case len(all) > 0:
		return all, nil
	case f.section != "":
		return nil, usageError{fmt.Sprintf("the files have no section %s that names a database", f.section)}
	}
	return nil, usageError{"the files name no database: fill in core.databaseConfig, or use -db"}
}

// parseDatabase reads what -db says.
func parseDatabase(text string, password pragma.Secret) (target, error) {
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case !found:
		return target{}, usageError{fmt.Sprintf("-db: want a URL such as sqlite:%s, got %q", text, text)}
	case scheme == "sqlite":
		o := sqlite.Options{Path: rest}
		return target{o, "SQLITE " + rest, o.Open}, nil
	case scheme != "mysql" && scheme != "postgres":
		return target{}, usageError{"-db: the URL begins with sqlite:, mysql:// or postgres://"}
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User == nil || u.Path == "" || u.Fragment != "" {
		// Not shown: there may be a password in it.
		return target{}, usageError{fmt.Sprintf("-db: want %s://user@host:port/name", scheme)}
	}
	if _, has := u.User.Password(); has {
		return target{}, usageError{"-db: the URL has a password, which others can see: use -password-file or " + passwordVariable}
	}
	o, err := serverOptions(u.Query())
	if err != nil {
		return target{}, err
	}
	where := u.Host + u.Path
	if scheme == "mysql" {
		c := mysql.Config{HostPortSchema: where, Username: u.User.Username(), Password: password, TLS: mysql.TLS(o.tls), AllowUnsafe: o.allowUnsafe}
		return target{c, "MYSQLDB " + where, c.Open}, c.Validate()
	}
	c := postgres.Config{HostPortSchema: where, Username: u.User.Username(), Password: password, TLS: o.tls, AllowUnsafe: o.allowUnsafe}
	return target{c, "POSTGRES " + where, c.Open}, c.Validate()
}

// serverOption is what may follow the ? of a URL.
type serverOption struct {
	tls         postgres.TLS
	allowUnsafe []string
}

func serverOptions(q url.Values) (serverOption, error) {
	var o serverOption
	for key := range q {
		value := q.Get(key)
		switch key {
		case "tls":
			if o.tls.Enabled = value == "true"; !o.tls.Enabled && value != "false" {
				return o, usageError{fmt.Sprintf("-db: tls is %q, want true or false", value)}
			}
		case "caFile":
			o.tls.CAFile = value
		case "certFile":
			o.tls.CertFile = value
		case "keyFile":
			o.tls.KeyFile = value
		case "serverName":
			o.tls.ServerName = value
		case "allowUnsafe":
			o.allowUnsafe = strings.Split(value, ",")
		default:
			return o, usageError{fmt.Sprintf("-db: unknown parameter %q", key)}
		}
	}
	return o, nil
}
