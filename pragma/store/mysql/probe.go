package mysql

import (
	"context"
	"database/sql/driver"
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
	return []string{
		findVersion, findDurability, findSyncBinlog, findBinlogFormat, findReadOnly, findMultiPrimary,
		findEngine, findPacket, findIsolation, findStrictMode, findLockWait, findRowCount,
	}
}

const (
	findVersion      = "version"
	findDurability   = "durability"
	findSyncBinlog   = "syncBinlog"
	findBinlogFormat = "binlogFormat"
	findReadOnly     = "readOnly"
	findMultiPrimary = "multiPrimary"
	findEngine       = "engine"
	findPacket       = "maxAllowedPacket"
	findIsolation    = "isolation"
	findStrictMode   = "strictMode"
	findLockWait     = "lockWait"
	findRowCount     = "rowCount"
)

// prepare probes the server and brings the schema up to date.
func prepare(ctx context.Context, k *connector, allow []string) error {
	c, found, err := probe(ctx, k, allow)
	if err != nil {
		return err
	}
	defer c.Close()
	if len(found) > 0 {
		return &UnsafeError{found}
	}
	if err := migrate(ctx, c); err != nil {
		return err
	}
	return probeRowCount(ctx, c, allow)
}

// probe looks at the server's settings and at those of a session. It returns the
// connection of the session and what is not allowed.
func probe(ctx context.Context, k *connector, allow []string) (*conn, []Finding, error) {
	k.allowReadOnly = slices.Contains(allow, findReadOnly)
	raw, err := k.dial(ctx)
	if err != nil {
		return nil, nil, connectError(k, err)
	}
	defer raw.Close()
	vars, err := globals(ctx, raw)
	if err != nil {
		return nil, nil, portError("probe", sqlstore.Final, err)
	}
	found := judgeGlobals(vars)
	// The session's findings need setup, which a read-only server would end.
	session := &connector{config: k.config, allowReadOnly: true}
	c, err := session.open(ctx)
	if err != nil {
		return nil, nil, portError("set up a connection", sqlstore.Final, err)
	}
	more, err := probeSession(ctx, c)
	if err != nil {
		c.Close()
		return nil, nil, portError("probe", sqlstore.Final, err)
	}
	found = slices.DeleteFunc(append(found, more...), func(f Finding) bool { return slices.Contains(allow, f.Name) })
	return c, found, nil
}

// connectError explains the first connection's failure.
func connectError(k *connector, err error) error {
	switch number(err) {
	case errUnknownDatabase:
		err = fmt.Errorf("%w: create it with CREATE DATABASE `%s` CHARACTER SET utf8mb4", err, k.config.DBName)
	case errAccessDenied, 1044:
		err = fmt.Errorf("%w: check username, password and GRANT", err)
	case 0:
		err = fmt.Errorf("%w: check hostPortSchema and tls, and that a MySQL or MariaDB server answers there", err)
	}
	return portError("connect", sqlstore.Final, err)
}

// variables are settings by name; what a server does not know is missing.
type variables map[string]string

func globals(ctx context.Context, c *conn) (variables, error) {
	vars := make(variables)
	err := c.query(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'version_comment', 'innodb_flush_log_at_trx_commit',"+
		" 'log_bin', 'sync_binlog', 'binlog_format', 'read_only', 'super_read_only', 'innodb_read_only', 'wsrep_on', 'wsrep_provider',"+
		" 'group_replication_group_name', 'group_replication_single_primary_mode', 'max_allowed_packet')", vars.add)
	if err != nil {
		return nil, err
	}
	vars["engine"] = ""
	err = c.query(ctx, "SELECT support FROM information_schema.engines WHERE engine = 'InnoDB'", func(row []driver.Value) error {
		vars["engine"] = text(row[0])
		return nil
	})
	return vars, err
}

func (v variables) add(row []driver.Value) error {
	v[strings.ToLower(text(row[0]))] = text(row[1])
	return nil
}

func (v variables) on(name string) bool {
	switch strings.ToUpper(v[name]) {
	case "", "0", "OFF", "FALSE", "NO":
		return false
	}
	return true
}

// judgeGlobals returns what the server's own settings make unsafe.
func judgeGlobals(v variables) []Finding {
	var found []Finding
	add := func(bad bool, name, problem, fix string) {
		if bad {
			found = append(found, Finding{name, problem, fix})
		}
	}
	add(!newEnough(v["version"]), findVersion, "version is "+v["version"], "use MySQL 8.0 or MariaDB 10.6 at least")
	add(v["innodb_flush_log_at_trx_commit"] != "1", findDurability,
		"innodb_flush_log_at_trx_commit is "+v["innodb_flush_log_at_trx_commit"]+", so that a crash loses acknowledged commits",
		"set innodb_flush_log_at_trx_commit = 1")
	add(v.on("log_bin") && v["sync_binlog"] != "1", findSyncBinlog,
		"the binary log is on and sync_binlog is "+v["sync_binlog"]+", so that a loss of power loses acknowledged commits",
		"set sync_binlog = 1")
	add(v.on("log_bin") && strings.EqualFold(v["binlog_format"], "STATEMENT"), findBinlogFormat,
		"binlog_format is STATEMENT, which refuses READ COMMITTED", "set binlog_format = ROW")
	add(v.on("read_only") || v.on("super_read_only") || v.on("innodb_read_only"), findReadOnly,
		"the server is read-only", "connect to the primary, or set read_only = OFF")
	add(v.on("wsrep_on") && v["wsrep_provider"] != "" && v["wsrep_provider"] != "none", findMultiPrimary,
		"the server is a node of a Galera cluster, whose nodes find conflicts only after they have answered",
		"use one primary with replicas, or send all servers of the game to one node and accept the risk")
	add(v["group_replication_group_name"] != "" && !v.on("group_replication_single_primary_mode"), findMultiPrimary,
		"group replication has several primaries", "set group_replication_single_primary_mode = ON")
	add(!v.on("engine") || strings.EqualFold(v["engine"], "DISABLED"), findEngine, "InnoDB is not there", "enable InnoDB")
	packet, err := strconv.ParseInt(v["max_allowed_packet"], 10, 64)
	add(err != nil || packet < minPacket, findPacket,
		"max_allowed_packet is "+v["max_allowed_packet"]+", too small for a record of 1 MiB",
		fmt.Sprintf("set max_allowed_packet = %d or more", minPacket))
	return found
}

// newEnough reports whether the version is one that we are tested with or later.
func newEnough(version string) bool {
	// Some versions of MariaDB put 5.5.5- before their own, for old clients.
	least := [2]int{8, 0}
	if strings.Contains(strings.ToLower(version), "mariadb") {
		version, least = strings.TrimPrefix(version, "5.5.5-"), [2]int{10, 6}
	}
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > least[0] || major == least[0] && minor >= least[1]
}

// probeSession looks whether the settings of a connection have taken effect;
// something between us and the server may drop them.
func probeSession(ctx context.Context, c *conn) ([]Finding, error) {
	vars := make(variables)
	err := c.query(ctx, "SHOW SESSION VARIABLES WHERE Variable_name IN"+
		" ('tx_isolation', 'transaction_isolation', 'sql_mode', 'innodb_lock_wait_timeout')", vars.add)
	if err != nil {
		return nil, err
	}
	return judgeSession(vars), nil
}

func judgeSession(v variables) []Finding {
	const proxy = "connect without a proxy that drops settings of a session"
	var found []Finding
	isolation := v["transaction_isolation"]
	if isolation == "" {
		isolation = v["tx_isolation"]
	}
	if isolation != "READ-COMMITTED" {
		found = append(found, Finding{findIsolation, "isolation of a session is " + isolation + " after READ COMMITTED was set", proxy})
	}
	modes := strings.Split(v["sql_mode"], ",")
	if !slices.Contains(modes, "STRICT_TRANS_TABLES") || slices.Contains(modes, "NO_BACKSLASH_ESCAPES") {
		found = append(found, Finding{findStrictMode, "sql_mode of a session is " + v["sql_mode"] + " after STRICT_TRANS_TABLES was set", proxy})
	}
	if wait := v["innodb_lock_wait_timeout"]; wait != strconv.Itoa(sqlstore.LockWaitSeconds) {
		found = append(found, Finding{findLockWait, "innodb_lock_wait_timeout of a session is " + wait + " after 2 was set", proxy})
	}
	return found
}

// probeRowCount makes sure that an update counts the rows that it matches, also
// if it does not change them, and no others.
func probeRowCount(ctx context.Context, c *conn, allow []string) error {
	counts, err := c.exec(ctx, "BEGIN; UPDATE migration SET name = name WHERE number = 1;"+
		" UPDATE migration SET name = name WHERE number = -1; ROLLBACK")
	if err != nil {
		if readOnly(number(err)) && slices.Contains(allow, findReadOnly) {
			return nil
		}
		return portError("probe", sqlstore.Final, err)
	}
	if slices.Equal(counts, []int64{0, 1, 0, 0}) || slices.Contains(allow, findRowCount) {
		return nil
	}
	return &UnsafeError{[]Finding{{findRowCount,
		fmt.Sprintf("an update of one row counts %v", counts),
		"connect without a proxy that changes the flags of a connection"}}}
}
