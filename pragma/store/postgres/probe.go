package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/openpragma/engine/internal/sqlstore"
)

// Finding is one reason why a server is not safe for us, found at start.
type Finding struct {
	// Name is what Config.AllowUnsafe accepts it by.
	Name string
	// Problem says what is wrong, Fix what to do about it.
	Problem string
	Fix     string
}

// String returns the finding as one line.
func (f Finding) String() string { return fmt.Sprintf("%s: %s; %s", f.Name, f.Problem, f.Fix) }

// UnsafeError holds everything that the start-up probe found and that
// Config.AllowUnsafe does not accept.
type UnsafeError struct{ Findings []Finding }

// Error returns one line for each finding, with its name and its fix.
func (e *UnsafeError) Error() string {
	lines := make([]string, 0, len(e.Findings)+1)
	lines = append(lines, "the server is not safe to use (allowUnsafe accepts a finding by its name)")
	for _, f := range e.Findings {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// FindingNames returns the names of all findings there can be.
func FindingNames() []string {
	return []string{findVersion, findDurability, findFsync, findFullPageWrites, findReadOnly, findPooler, findIsolation, findLockWait}
}

const (
	findVersion        = "version"
	findDurability     = "durability"
	findFsync          = "fsync"
	findFullPageWrites = "fullPageWrites"
	findReadOnly       = "readOnly"
	findPooler         = "pooler"
	findIsolation      = "isolation"
	findLockWait       = "lockWait"
)

// prepare probes the server and brings the schema up to date.
func prepare(ctx context.Context, k *connector, allow []string) error {
	k.allowReadOnly = slices.Contains(allow, findReadOnly)
	c, found, err := k.probe(ctx, allow)
	if err != nil {
		return err
	}
	defer c.Close()
	if len(found) > 0 {
		return &UnsafeError{found}
	}
	return migrate(ctx, c)
}

// probe makes a connection and returns it with what is not allowed.
func (k *connector) probe(ctx context.Context, allow []string) (*conn, []Finding, error) {
	// The findings need a connection with its settings, which a read-only server
	// would refuse.
	probing := &connector{config: k.config, timeout: k.timeout, allowReadOnly: true}
	c, err := probing.open(ctx)
	if err != nil {
		return nil, nil, connectError(k, err)
	}
	found, err := probe(ctx, c)
	if err != nil {
		c.Close()
		return nil, nil, portError("probe", sqlstore.Final, err)
	}
	return c, slices.DeleteFunc(found, func(f Finding) bool { return slices.Contains(allow, f.Name) }), nil
}

// connectError explains the first connection's failure.
func connectError(k *connector, err error) error {
	switch code := state(err); {
	case code == codeNoDatabase:
		err = fmt.Errorf("%w: create it with CREATE DATABASE %q", err, k.config.Database)
	case strings.HasPrefix(code, "28"), code == codeNoRight:
		err = fmt.Errorf("%w: check username, password, GRANT and pg_hba.conf", err)
	case code == "":
		err = fmt.Errorf("%w: check hostPortSchema and tls, and that a PostgreSQL server answers there", err)
	}
	return portError("connect", sqlstore.Final, err)
}

// settings are the server's by name; what a server does not know is missing.
type settings map[string]string

// probe looks at the server and at whether the settings of a connection have
// taken effect; something between us and the server may drop them.
func probe(ctx context.Context, c *conn) ([]Finding, error) {
	rows, err := c.simple(ctx, "SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'server_version_num',"+
		" 'synchronous_commit', 'fsync', 'full_page_writes', 'transaction_read_only', 'default_transaction_isolation', 'lock_timeout')"+
		" UNION ALL SELECT 'recovery', pg_is_in_recovery()::text UNION ALL SELECT 'pid', pg_backend_pid()::text")
	if err != nil {
		return nil, err
	}
	s := make(settings)
	for _, row := range rows {
		if len(row) != 2 {
			return nil, errors.New("a setting without a value")
		}
		s[string(row[0])] = string(row[1])
	}
	s["announced pid"] = strconv.FormatUint(uint64(c.raw.PID()), 10)
	return judgeSettings(s), nil
}

func judgeSettings(s settings) []Finding {
	const dropped = "connect without a pooler that drops settings of a session"
	var found []Finding
	add := func(bad bool, name, problem, fix string) {
		if bad {
			found = append(found, Finding{name, problem, fix})
		}
	}
	version, err := strconv.Atoi(s["server_version_num"])
	add(err != nil || version < 140000, findVersion, "the server is PostgreSQL "+s["server_version"], "use PostgreSQL 14 or later")
	add(s["synchronous_commit"] == "off", findDurability, "synchronous_commit is off: a crash loses commits that were acknowledged",
		"set synchronous_commit = on, for the server, the database or the account")
	add(s["fsync"] != "on", findFsync, "fsync is "+s["fsync"]+": a crash of the machine destroys the database", "set fsync = on")
	add(s["full_page_writes"] != "on", findFullPageWrites, "full_page_writes is "+s["full_page_writes"]+
		": a crash of the machine can leave half-written pages", "set full_page_writes = on")
	switch {
	case s["recovery"] == "true":
		add(true, findReadOnly, "the server is a standby", "connect to the primary, by a name that follows it")
	default:
		add(s["transaction_read_only"] != "off", findReadOnly, "transactions are read-only",
			"set default_transaction_read_only = off, for the server, the database and the account")
	}
	add(s["pid"] != s["announced pid"], findPooler, "a connection pooler stands between; one that changes the server between transactions"+
		" breaks prepared statements and settings", "connect to the server itself: this program keeps few connections")
	add(s["default_transaction_isolation"] != "read committed", findIsolation, "isolation of a session is "+
		s["default_transaction_isolation"]+" after read committed was set", dropped)
	add(s["lock_timeout"] != strconv.Itoa(1000*sqlstore.LockWaitSeconds), findLockWait,
		"lock_timeout of a session is "+s["lock_timeout"]+" ms after 2 s was set", dropped)
	return found
}
