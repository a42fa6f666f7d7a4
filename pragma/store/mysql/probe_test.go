package mysql_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
)

func names(found []mysql.Finding) []string {
	var all []string
	for _, f := range found {
		if f.Problem == "" || f.Fix == "" {
			return []string{f.Name + " says nothing"}
		}
		all = append(all, f.Name)
	}
	return all
}

func TestUnsafeServersAreFoundOut(t *testing.T) {
	safe := map[string]string{
		"version": "10.11.14-MariaDB-0+deb12u2", "innodb_flush_log_at_trx_commit": "1", "log_bin": "OFF", "sync_binlog": "0",
		"binlog_format": "MIXED", "read_only": "OFF", "innodb_read_only": "OFF", "wsrep_on": "OFF", "engine": "DEFAULT",
		"max_allowed_packet": "16777216",
	}
	for _, c := range []struct {
		name string
		set  map[string]string
		want []string
	}{
		{"as it is", nil, nil},
		{"MySQL 8.0", map[string]string{"version": "8.0.36-0ubuntu0.22.04.1"}, nil},
		{"MySQL 9", map[string]string{"version": "9.1.0", "group_replication_group_name": ""}, nil},
		{"MySQL 5.7", map[string]string{"version": "5.7.44-log"}, []string{"version"}},
		{"MariaDB 10.5", map[string]string{"version": "10.5.23-MariaDB"}, []string{"version"}},
		{"MariaDB 10.6 in disguise", map[string]string{"version": "5.5.5-10.6.1-MariaDB"}, nil},
		{"nonsense", map[string]string{"version": "latest"}, []string{"version"}},
		{"log written each second", map[string]string{"innodb_flush_log_at_trx_commit": "2"}, []string{"durability"}},
		{"binary log not synced", map[string]string{"log_bin": "ON"}, []string{"syncBinlog"}},
		{"binary log synced", map[string]string{"log_bin": "ON", "sync_binlog": "1"}, nil},
		{"statements in the log", map[string]string{"log_bin": "1", "sync_binlog": "1", "binlog_format": "STATEMENT"}, []string{"binlogFormat"}},
		{"read-only in words of MariaDB 12", map[string]string{"read_only": "NO_LOCK"}, []string{"readOnly"}},
		{"super read-only", map[string]string{"super_read_only": "ON"}, []string{"readOnly"}},
		{"Galera", map[string]string{"wsrep_on": "ON", "wsrep_provider": "/usr/lib/galera/libgalera_smm.so"}, []string{"multiPrimary"}},
		{"Galera without provider", map[string]string{"wsrep_on": "ON", "wsrep_provider": "none"}, nil},
		{"one primary", map[string]string{"group_replication_group_name": "x", "group_replication_single_primary_mode": "ON"}, nil},
		{"several primaries", map[string]string{"group_replication_group_name": "x", "group_replication_single_primary_mode": "OFF"}, []string{"multiPrimary"}},
		{"no InnoDB", map[string]string{"engine": "NO"}, []string{"engine"}},
		{"small packets", map[string]string{"max_allowed_packet": "1048576"}, []string{"maxAllowedPacket"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			vars := maps.Clone(safe)
			maps.Copy(vars, c.set)
			if diff := cmp.Diff(names(mysql.JudgeGlobals(vars)), c.want); diff != "" {
				t.Errorf("findings are wrong (-got +want):\n%s", diff)
			}
		})
	}
}

func TestSessionsThatDropSettingsAreFoundOut(t *testing.T) {
	got := names(mysql.JudgeSession(map[string]string{"tx_isolation": "REPEATABLE-READ", "sql_mode": "", "innodb_lock_wait_timeout": "50"}))
	if want := []string{"isolation", "strictMode", "lockWait"}; !slices.Equal(got, want) {
		t.Errorf("findings = %v, want %v", got, want)
	}
	got = names(mysql.JudgeSession(map[string]string{"transaction_isolation": "READ-COMMITTED", "sql_mode": "STRICT_TRANS_TABLES", "innodb_lock_wait_timeout": "2"}))
	if len(got) != 0 {
		t.Errorf("findings = %v, want none", got)
	}
}

func TestAnUnsafeServerIsRefusedWithEveryFinding(t *testing.T) {
	t.Parallel()
	s := dbtest.NewMariaDB(t, "--innodb-flush-log-at-trx-commit=2", "--log-bin=binary", "--server-id=1", "--sync-binlog=0",
		"--binlog-format=STATEMENT", "--max-allowed-packet=1M", "--read-only")
	c := config(s.Addr(), s.Schema(t))
	all := []string{"durability", "syncBinlog", "binlogFormat", "readOnly", "maxAllowedPacket"}
	var unsafe *mysql.UnsafeError
	if err := refuses(t, c, "set innodb_flush_log_at_trx_commit = 1", "set sync_binlog = 1"); !errors.As(err, &unsafe) {
		t.Fatalf("Open() = %v, want an UnsafeError", err)
	}
	if diff := cmp.Diff(names(unsafe.Findings), all); diff != "" {
		t.Errorf("findings are wrong (-got +want):\n%s", diff)
	}
	c.AllowUnsafe = all[1:]
	if err := refuses(t, c); !errors.As(err, &unsafe) || !slices.Equal(names(unsafe.Findings), all[:1]) {
		t.Errorf("Open() with some allowed = %v, want only %v", err, all[:1])
	}
	s.Exec(t, "SET GLOBAL binlog_format = ROW")
	s.Exec(t, "SET GLOBAL max_allowed_packet = 16777216")
	s.Exec(t, "SET GLOBAL read_only = OFF")
	c.AllowUnsafe = []string{"durability", "syncBinlog"}
	d := open(t, c)
	if err := write(t, d, "a", 0); err != nil {
		t.Errorf("Commit() on an accepted server = %v", err)
	}
}

func TestAPrimaryThatBecomesReadOnlyRefusesCommits(t *testing.T) {
	t.Parallel()
	s := dbtest.NewMariaDB(t)
	schema := s.Schema(t)
	s.Exec(t, "CREATE USER game IDENTIFIED BY 'x'")
	s.Exec(t, "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON "+schema+".* TO game")
	c := config(s.Addr(), schema)
	c.Username, c.Password = "game", "x"
	d := open(t, c)
	if err := write(t, d, "a", 0); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "SET GLOBAL read_only = ON")
	for range 2 { // on the old connection and on a new one
		if err := write(t, d, "b", 0); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Commit() = %v, want %v", err, store.ErrUnavailable)
		}
		if err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{{Key: thing("a"), Expect: 1}, {Key: thing("c")}}}); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Commit() of two = %v, want %v", err, store.ErrUnavailable)
		}
	}
	refuses(t, c, "readOnly")
	s.Exec(t, "SET GLOBAL read_only = OFF")
	if got := revision(t, d, "a"); got != 1 {
		t.Errorf("revision = %d, want 1", got)
	}
	if err := write(t, d, "b", 0); err != nil {
		t.Errorf("Commit() on a primary again = %v", err)
	}
}

func TestMatchedRowsCountThoughTheyDoNotChange(t *testing.T) {
	s := servers.MariaDB(t)
	c := config(s.Addr(), s.Schema(t))
	d := open(t, c)
	if err := write(t, d, "a", 0); err != nil {
		t.Fatal(err)
	}
	got, err := mysql.Counts(t.Context(), c, "UPDATE record SET rev = 1; UPDATE record SET rev = 1 WHERE rev = 2; UPDATE record SET rev = 1 WHERE id = 'a '")
	if want := []int64{1, 0, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("rows = %v, %v, want %v", got, err, want)
	}
}
